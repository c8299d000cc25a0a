"""Watching a session: every change, from any process, as it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.session.part import SessionPart
from sessions.validation import check_count

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sessions.log.watch import Place
    from sessions.session.handle import Handle
    from sessions.types import Change


class Watching(SessionPart):
    """Watching."""

    def watch(self, after: int | None = None) -> AsyncGenerator[Change]:
        """Return an asynchronous iterator over the session's changes in all branches. It waits for new ones.

        Example: ``async for change in session.watch(): print(change.kind, change.items)``

        Each change after `after` is returned once, in order, from any process, even across lost connections. An item
        that was added and removed again before it was read appears only as removed. A change of kind ``reset`` means
        that the history cannot be replayed from there: over 1000 versions have passed, not all of them appends, or the
        session was deleted. Reload the session then.

        An iterator that raised has ended; start a new one after the version of the last change it returned. To release
        its resources at once, use `contextlib.aclosing`.

        Args:
            after: The last version that you have seen. ``None`` starts with the changes after the first step.

        Raises:
            TypeError: `after` is not an integer.
            ValueError: `after` is negative.
            UndecodableItemError: While iterating: an added item cannot be read, and the session is strict.
            StoreError: While iterating: the database refused the operation, or was unreachable for too long.
            SessionClosedError: While iterating: the session has been closed.
        """
        if after is not None:
            after = check_count(after, "after", least=0)
        return _follow(self._handle, after)


async def _follow(handle: Handle, after: int | None) -> AsyncGenerator[Change]:
    # Imported here because most programs never watch.
    from sessions.db.uncancelled import settle
    from sessions.log.watch import Place, changes_since, topic_of

    # Made before the first read, so that no later change is missed.
    waker = handle.backend.waker(topic_of(handle.conversation.session_id), handle.subject)
    try:
        place = await _find_place(handle) if after is None else Place(after)
        while True:
            here = place
            found = await handle.read(lambda tx: changes_since(tx, handle.conversation, here))  # noqa: B023
            place = found.place
            handle.report(found.undecodable)
            for change in found.changes:
                yield change
            if found.is_all:
                await waker.wait()
    finally:
        await settle(waker.aclose())


async def _find_place(handle: Handle) -> Place:
    from sessions.log.watch import find_place

    return await handle.read(lambda tx: find_place(tx, handle.conversation))
