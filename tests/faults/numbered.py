"""Numbered changes of sessions, memories and threads, so that one test of a fault serves all three.

A change is acknowledged as a whole and has two parts. Programs in processes of their own use this, too.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

from sessions import Put, open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessions import Store

KINDS: Final = ("session", "memories", "thread")


class Numbered(Protocol):
    """Changes of one kind in an open store."""

    async def change(self, writer: str, number: int) -> None:
        """Make the next change of a writer, whose numbers begin with 0."""
        ...

    async def numbers(self, writer: str) -> list[int]:
        """Return the numbers of a writer's changes, in their order; fail if one is there in part."""
        ...


class InSession:
    """Each change appends two items to the one session of all writers."""

    def __init__(self, store: Store) -> None:
        self._session = store.session("s")

    async def change(self, writer: str, number: int) -> None:
        await self._session.add_items([{"writer": writer, "n": number, "part": part} for part in range(2)])

    async def numbers(self, writer: str) -> list[int]:
        items = await self._session.get_items()
        pairs = list(zip(items[::2], items[1::2], strict=True))
        assert all(one["part"] == 0 and other == {**one, "part": 1} for one, other in pairs)
        return [one["n"] for one, _ in pairs if one["writer"] == writer]


class InMemories:
    """Each change puts two memories, one in a namespace of all writers."""

    def __init__(self, store: Store) -> None:
        self._memories = store.memories

    async def change(self, writer: str, number: int) -> None:
        value = {"writer": writer, "n": number}
        await self._memories.put_many([Put(("all",), f"{writer} {number:06}", value), Put((writer,), "last", value)])

    async def numbers(self, writer: str) -> list[int]:
        found = await self._memories.list(("all",), limit=100_000)
        numbers = sorted(one.value["n"] for one in found if one.value["writer"] == writer)
        last = await self._memories.get((writer,), "last")
        assert numbers[-1:] == ([] if last is None else [last.value["n"]])
        return numbers


def numbered_in(kind: str, store: Store) -> Numbered:
    """Return changes of a kind in an open store."""
    if kind == "thread":
        # Importing LangGraph takes a second, for which programs without a graph do not wait.
        from .numbered_threads import InThread  # noqa: PLC0415

        return InThread(store)
    return InSession(store) if kind == "session" else InMemories(store)


@asynccontextmanager
async def numbered(kind: str, url: str, **options: Any) -> AsyncIterator[Numbered]:
    """Open a store for changes of a kind; `options` are those of `open_store`."""
    if not url.startswith("sqlite:"):
        options = {"create_tables": True, **options}
    async with open_store(url, **options) as store:
        yield numbered_in(kind, store)


async def nothing_is_damaged(url: str) -> None:
    """Fail if verification finds anything."""
    async with open_store(url) as store:
        assert [str(finding) async for finding in store.verify()] == []
