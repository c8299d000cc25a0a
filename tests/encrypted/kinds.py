"""The kinds of subjects that a store encrypts, as the tests of their keys see them: sessions, namespaces, threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sessions.checkpoints.component import THREADS
from sessions.checkpoints.values import Place
from sessions.db.transaction import Statement
from sessions.memory.component import MEMORIES
from sessions.store.threads import ThreadStore, covers_of
from sessions.testing.checkpoints.shared import contents, new, write

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sessions import Store
    from sessions.db.component import Component
    from sessions.db.transaction import Transaction

COUNT = 5
"""Payloads of a subject that `fill` makes, of each table that has some."""


class Kind(NamedTuple):
    """A kind of subject.

    Attributes:
        fill: Makes a subject of a name, perhaps with an owner, or adds to it.
        read: Returns what it holds; ``None`` if it is not there.
        erase: Erases it.
        payloads: Statements for its tables' payloads, of all subjects.
        wrapped: The statement for the wrapped keys of all subjects.
        components: What the database is joined by.
        named: Its name in `Rotation.failed`.
        kind: Its kind, as a key provider is told it.
        counted: The field of `Rotation` that counts it.
        audited: What finds its audit rows; ``None`` if nothing does.
    """

    fill: Callable[[Store, str, str | None], Awaitable[object]]
    read: Callable[[Store, str], Awaitable[Any]]
    erase: Callable[[Store, str], Awaitable[object]]
    payloads: Sequence[str]
    wrapped: str
    components: Sequence[Component]
    named: Callable[[str], str]
    kind: str
    counted: str
    audited: Callable[[str], dict[str, Any]] | None

    async def headers(self, store: Store) -> set[bytes]:
        """Return the beginnings of all payloads."""
        found: set[bytes] = set()
        for text in self.payloads:
            found |= {bytes(payload)[:5] for (payload,) in await self._rows(store, text) if payload is not None}
        return found

    async def keys(self, store: Store) -> list[bytes]:
        """Return all wrapped keys."""
        return [bytes(keys) for (keys,) in await self._rows(store, self.wrapped) if keys is not None]

    async def _rows(self, store: Store, text: str) -> list[Any]:
        rows = Statement("Some rows.", text)
        backend = store._backend.joined_by(self.components) if self.components else store._backend

        def read(tx: Transaction) -> list[Any]:
            return tx.all(rows)

        try:
            return await backend.read(read, "this test")
        finally:
            if self.components:
                await backend.aclose()


async def _fill_session(store: Store, name: str, owner: str | None) -> None:
    session = store.session(name) if owner is None else store.session(name, owner=owner)
    await session.add_items([{"role": "user", "content": f"a secret {number}"} for number in range(COUNT)])


async def _read_session(store: Store, name: str) -> Any:
    return await store.session(name).get_items() or None


async def _fill_memories(store: Store, name: str, owner: str | None) -> None:
    for number in range(COUNT):
        whose: dict[str, Any] = {} if owner is None else {"owner": owner}
        await store.memories.put((name,), f"k{number}", {"text": f"a secret {number}"}, **whose)


async def _read_memories(store: Store, name: str) -> Any:
    return sorted((one.key, one.value["text"]) for one in await store.memories.list((name,))) or None


def threads_of(store: Store) -> ThreadStore:
    """Return the threads of a store."""
    return ThreadStore(store._backend, covers=covers_of(store._backend, store._encryption))


async def _fill_thread(store: Store, name: str, owner: str | None) -> None:
    threads = threads_of(store)
    place = Place(name, "", None if owner is None else f"{owner}\x01")
    before = await threads.read(place)
    first = 0 if before is None else int(before.checkpoint_id)
    for number in range(first + 1, first + COUNT + 1):
        values = {"a": [f"a secret {one} " * 40 for one in range(number)], "b": f"a secret {number} " * 9}
        versions = {"a": number, "b": number}
        await threads.put(place, new(str(number), str(number - 1) if number > 1 else None, values, versions=versions))
        await threads.put_writes(place, str(number), "task", "path", [write(0, "a", "a secret"), write(-1, "e", 1)])
    within = Place(name, "node:1", place.owner)
    await threads.put(within, new(str(first + 1), None, {"c": "a secret within " * 9}, versions={"c": first + 1}))
    await threads.aclose()


async def _read_thread(store: Store, name: str) -> Any:
    threads = threads_of(store)
    try:
        found = await threads.read(Place(name))
        within = await threads.read(Place(name, "node:1"))
        if found is None or within is None:
            return None
        return contents(found), [one.value for one in found.writes], contents(within)
    finally:
        await threads.aclose()


async def _erase_session(store: Store, name: str) -> object:
    return await store.erase(name, scrub=False, actor="support")


async def _erase_memories(store: Store, name: str) -> object:
    return await store.memories.erase((name,), scrub=False, actor="support")


async def _erase_thread(store: Store, name: str) -> object:
    threads = threads_of(store)
    try:
        return await threads.erase(name, scrub=False, actor="support")
    finally:
        await threads.aclose()


KINDS: dict[str, Kind] = {
    "sessions": Kind(
        _fill_session,
        _read_session,
        _erase_session,
        ["select payload from {entries}"],
        "select wrapped_keys from {sessions}",
        (),
        str,
        "session",
        "sessions",
        lambda name: {"session_id": name},
    ),
    "memories": Kind(
        _fill_memories,
        _read_memories,
        _erase_memories,
        ["select payload from {memories}", "select sealed from {search_rows}"],
        "select wrapped_keys from {spaces}",
        (MEMORIES,),
        lambda name: f"memories of {(name,)!r}",
        "memories",
        "namespaces",
        None,
    ),
    "threads": Kind(
        _fill_thread,
        _read_thread,
        _erase_thread,
        ["select payload from {pieces}", "select body from {checkpoints}", "select payload from {writes}"],
        "select wrapped_keys from {threads}",
        (THREADS,),
        lambda name: f"thread {name!r}",
        "thread",
        "threads",
        lambda name: {"thread_id": name},
    ),
}
