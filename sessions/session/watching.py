"""Following a session: what happens to it, from this process or another, as it happens."""

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
        """Return an iterator over the session's changes, in all branches, which waits for the next one.

        Each change after `after` is shown once, in order, whoever made it, also if connections drop meanwhile. What
        was added and removed again before it was looked at is not shown as added, only as removed. One change of kind
        ``reset`` stands for what cannot be told: after more than 1000 versions, some of them no appends, or when the
        session was deleted.

        An iterator that raised has ended; go on with the version of the last change that it showed. To free what it
        holds before it is collected, use `contextlib.aclosing`.

        Args:
            after: A version: the last one that you have seen. ``None`` means only what happens from the first step on.

        Raises:
            TypeError: `after` is not an integer.
            ValueError: `after` is negative.
            UndecodableItemError: While iterating: an added item cannot be read and the session is strict.
            StoreError: While iterating: the database refused, or could not be reached for too long.
            SessionClosedError: While iterating: the session has been closed.
        """
        if after is not None:
            after = check_count(after, "after", least=0)
        return _follow(self._handle, after)


async def _follow(handle: Handle, after: int | None) -> AsyncGenerator[Change]:
    # Whoever does not watch imports none of this.
    from sessions.db.uncancelled import settle
    from sessions.log.watch import Place, changes_since, topic_of

    # Made first, so that it knows of all that happens after the first read.
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
