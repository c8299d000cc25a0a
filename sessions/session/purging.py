"""Purging expired items, in short transactions one after the other."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from sessions.log.lifetime import remove
from sessions.log.lifetime.purge import find_aged, find_expired, find_in_session, remove_expired
from sessions.log.lifetime.remove import find_left_empty
from sessions.log.lifetime.upkeep import keep_up
from sessions.validation import check_count, check_progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.db import Backend
    from sessions.log.conversation import Elsewhere
    from sessions.log.lifetime.purge import Expired, Found
    from sessions.session.handle import Handle


_MAX_BATCH: Final = 10_000
_PAGE: Final = 100


async def purge(
    backend: Backend,
    subject: str,
    expired: Expired,
    batch: int,
    progress: Callable[[int], object] | None = None,
) -> int:
    """Remove expired items from all sessions, and return their number.

    Expired idempotency keys are removed too; they are not counted. `progress` is told of the number so far after each
    transaction.

    Raises:
        TypeError: `batch` is not an integer.
        ValueError: `batch` is below 1.
    """
    check_progress(progress)
    count = _checked(batch)
    removed = 0

    def note(gone: int) -> None:
        nonlocal removed
        removed += gone
        if progress is not None:
            progress(removed)

    while True:
        found = await backend.read(lambda tx: find_expired(tx, expired, count), subject)
        gone = await _remove(backend, subject, expired, found, note)
        # Items found but not removed were removed by another process, which continues the purge.
        if found.number < count or not gone:
            break
    after = 0
    while expired.age is not None:
        found = await backend.read(partial(find_aged, expired=expired, count=count, after=after), subject)
        await _remove(backend, subject, expired, found, note)
        if found.number < count:
            break
        after = found.last
    # Keys end by the database's time, and tickets.
    while await backend.write(partial(keep_up, count=count), subject):
        pass
    return removed


async def delete_left_empty(backend: Backend, elsewhere: Elsewhere, now: int) -> None:
    """Delete all sessions of which nothing is left, each in a transaction of its own."""
    after = 0
    while found := await backend.read(partial(find_left_empty, now=now, count=_PAGE, after=after), "the store"):
        for one in found:
            work = partial(remove.delete_left_empty, found=one, elsewhere=elsewhere, now=now)
            await backend.write(work, f"session {one[1]!r}")
        after = found[-1][0]


async def purge_session(handle: Handle, expired: Expired, batch: int) -> int:
    """Remove expired items from one session, and return their number.

    Raises:
        MissingKeyError: The session is encrypted, and was opened without a key; nothing was removed.
        DecryptionError: It is encrypted with another key; nothing was removed.
        TypeError: `batch` is not an integer.
        ValueError: `batch` is below 1.
    """
    count = _checked(batch)
    removed = 0
    while True:
        found = await handle.read(lambda tx: find_in_session(tx, handle.conversation, expired, count))
        removed += (gone := await _remove(handle.backend, handle.subject, expired, found))
        if found.number < count or not gone:
            return removed


def _checked(batch: object) -> int:
    return min(check_count(batch, "batch", least=1), _MAX_BATCH)


async def _remove(
    backend: Backend, subject: str, expired: Expired, found: Found, note: Callable[[int], object] | None = None
) -> int:
    removed = 0
    for session, entries in found.entries.items():
        gone = await backend.write(partial(remove_expired, session=session, entries=entries, expired=expired), subject)
        removed += gone
        if note is not None:
            note(gone)
    return removed
