"""Numbered changes of sessions, memories and threads, so that one test of a fault serves all three.

A change is acknowledged as a whole and has two parts. Programs in processes of their own use this, too.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

from sessions import Put, open_store
from sessions.adapters.langgraph import SessionSaver
from tests.langgraph.graphs import chat, said, thread
from tests.langgraph.state_types import Preferences

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


class InThread:
    """Each change is a run of a graph on the writer's own thread, resumed first if it was left in the middle."""

    def __init__(self, store: Store) -> None:
        self._graph = chat(SessionSaver(store, types=[Preferences]))

    async def change(self, writer: str, number: int) -> None:
        await self._graph.ainvoke(said(f"{number}"), thread(writer), durability="sync")

    async def numbers(self, writer: str) -> list[int]:
        """The run that was interrupted, if any, goes on to its end."""
        state = await self._graph.aget_state(thread(writer))
        if state.tasks:  # `next` leaves out a task whose writes are stored.
            await self._graph.ainvoke(None, thread(writer), durability="sync")
        return _asked(await self._history(writer))

    async def _history(self, writer: str) -> list[list[Any]]:
        return [step.values.get("messages", []) async for step in self._graph.aget_state_history(thread(writer))]


def _asked(history: list[list[Any]]) -> list[int]:
    """Return the numbers in the messages of a thread whose every checkpoint is whole."""
    if not history:
        return []
    latest = history[0]
    assert all(earlier == latest[: len(earlier)] for earlier in history)
    pairs = list(zip(latest[::2], latest[1::2], strict=True))
    assert all((one.type, other.type) == ("human", "ai") for one, other in pairs)
    assert [other.content for _, other in pairs] == [f"answer {2 * at + 1}" for at in range(len(pairs))]
    return [int(one.content) for one, _ in pairs]


def numbered_in(kind: str, store: Store) -> Numbered:
    """Return changes of a kind in an open store."""
    made: dict[str, type[InSession | InMemories | InThread]] = {
        "session": InSession, "memories": InMemories, "thread": InThread,
    }  # fmt: skip
    return made[kind](store)


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
