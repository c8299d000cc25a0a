"""Watching memories: every change below a prefix, from any process, as it happens."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from sessions.clock import now

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from sessions.memories.hold import Hold
    from sessions.memory.watch import Found, Place, Seen
    from sessions.types.memories import MemoryChange


class Watching:
    """The methods for watching."""

    _hold: Hold

    def watch(self, prefix: Sequence[str] = (), *, after: str | None = None) -> AsyncGenerator[MemoryChange]:
        """Return an asynchronous iterator over the changes of memories below a prefix. It waits for new ones.

        Example: ``async for change in store.memories.watch(("users", "alice")): print(change.kind, change.key)``

        It yields the changes of each namespace in their order, from any process, even across lost connections. A change
        has no value: get the memory if you need it. A memory that was put several times before it was read appears
        once, with its last version; one that was also removed, only as removed. A change of kind ``reset`` means that
        changes were missed: over 1000 versions of the namespace have passed, with removals among them, or a namespace
        was erased while nobody watched. Read the memories of its namespace again.

        An iterator that raised has ended; start a new one after the cursor of the last change it returned. To release
        its resources at once, use `contextlib.aclosing`.

        Args:
            prefix: The first labels of the namespaces; none for all of them.
            after: The `cursor` of the last change that you have seen, or one that `watch_cursor` returned, with the
                same prefix. ``None`` starts with the changes after the first step.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: A label is not allowed, or `after` is not a cursor of this prefix.
            StoreError: While iterating: the database refused the operation, or was unreachable for too long.
            SessionClosedError: While iterating: the store has been closed.
        """
        path = self._hold.prefix_path(prefix)
        return _follow(self._hold, path, None if after is None else _place(path, after))

    async def watch_cursor(self, prefix: Sequence[str] = ()) -> str:
        """Return the cursor of now: ``watch(after=…)`` yields all changes that come later.

        Example: ``cursor = await store.memories.watch_cursor(("users", "alice"))``

        Call it before you read the memories; then watch from there, and no change is missed.

        Args:
            prefix: As for `watch`.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: A label is not allowed.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        from sessions.memory.cursors import cursor_of  # noqa: PLC0415 - most programs never watch
        from sessions.memory.watch import find_place  # noqa: PLC0415 - as above

        path = self._hold.prefix_path(prefix)
        place = await self._hold.read(partial(find_place, path=path, owner=self._hold.owner))
        return cursor_of(path, place.versions)


def _place(path: str, after: object) -> Place:
    if not isinstance(after, str):
        raise TypeError(
            f"after must be the cursor of a change, not {type(after).__name__}. Nothing was read. Pass change.cursor."
        )
    from sessions.memory.cursors import place_of  # noqa: PLC0415 - as above
    from sessions.memory.watch import Place  # noqa: PLC0415 - as above

    return Place(place_of(path, after), {})


async def _follow(hold: Hold, path: str, place: Place | None) -> AsyncGenerator[MemoryChange]:
    from sessions.db.uncancelled import settle  # noqa: PLC0415 - as above
    from sessions.memory.watch import changes_since, find_place, topic_of  # noqa: PLC0415 - as above

    # Made before the first read, so that no later change is missed.
    waker = hold.common.backend.waker(topic_of(path), hold.subject)
    try:
        at = await hold.read(partial(find_place, path=path, owner=hold.owner)) if place is None else place
        while True:
            found = await hold.read(partial(changes_since, path=path, place=at, now=now(), owner=hold.owner))
            for seen in found.changes:
                yield _change(hold, path, found, seen)
            at = found.place
            if found.is_all:
                await waker.wait()
    finally:
        await settle(waker.aclose())


def _change(hold: Hold, path: str, found: Found, seen: Seen) -> MemoryChange:
    from sessions.memory.cursors import cursor_of  # noqa: PLC0415 - as above
    from sessions.types.memories import MemoryChange  # noqa: PLC0415 - as above

    return MemoryChange(
        kind=seen.kind,
        namespace=hold.relative(seen.path),
        key=seen.key,
        version=seen.version,
        _cursor=cache(lambda: cursor_of(path, found.versions_at(seen.steps))),
    )
