"""Lines: found, locked, and made with their thread by the first change."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sessions.checkpoints.delete import delete_locked
from sessions.checkpoints.statements import lines as statements
from sessions.checkpoints.threads import Thread, check_owner, is_expired, lock_thread, locked_has_expired, thread_of
from sessions.db.ids import check_number
from sessions.errors import ThreadGoneError

if TYPE_CHECKING:
    from sessions.checkpoints.covers import Cover, Covers
    from sessions.checkpoints.values import Place
    from sessions.db.transaction import Transaction


class Line(NamedTuple):
    """A line, as it was found.

    Attributes:
        number: Its number in the database.
        next_number: The next position in it.
        updated_at: When a checkpoint was last put.
        thread: Its thread.
        cover: How its contents are stored.
    """

    number: int
    next_number: int
    updated_at: int
    thread: Thread
    cover: Cover


class NewThread(NamedTuple):
    """The columns of a new thread.

    Attributes:
        now: The time.
        ttl: Its time to live, in microseconds.
        root_id: Of its line: where its call began.
    """

    now: int
    ttl: int | None
    root_id: str | None = None


def find_line(tx: Transaction, place: Place, covers: Covers, now: int) -> Line | None:
    """Return the line of a place, unless its thread has expired.

    Raises:
        OwnerError: The thread is another owner's.
        DecryptionError: It cannot be opened with the given keys.
    """
    found = _find(tx, place)
    if found is None:
        return None
    thread, line = found
    if line is None or is_expired(tx, thread, line[2], now):
        return None
    return Line(*line, thread, covers.unlock(place.thread_id, thread.wrapped_keys))


def lock_line(
    tx: Transaction,
    place: Place,
    covers: Covers,
    new: NewThread,
    *,
    seen: int | None,
    within: int | None = None,
    share: bool = False,
) -> Line:
    """Lock the line of a place; make it, and its thread, if they are missing.

    Args:
        tx: A transaction.
        place: The place.
        covers: How contents are stored.
        new: The columns of a new thread.
        seen: The number of the line that the caller read or wrote before, if any.
        within: The number of the thread that the line has to belong to, if any.
        share: Others may lock it so, too.

    Raises:
        ThreadGoneError: The line that was seen is gone, or the thread.
        OwnerError: The thread is another owner's.
        StoreFullError: The numbers of threads or lines are used up.
        DecryptionError: The thread cannot be opened with the given keys.
    """
    found = _locked(tx, place, new.now, share=share)
    if found is not None:
        thread, number, next_number, updated_at = found
        _check_seen(place, seen, number)
        _check_seen(place, within, thread.number)
        return Line(number, next_number, updated_at, thread, covers.unlock(place.thread_id, thread.wrapped_keys))
    # No line is locked: its thread is locked first.
    thread = _lock_thread(tx, place, covers, new, seen=seen, within=within)
    # Locked, so that the row has the latest commit of other processes.
    row = tx.one(statements.LOCK_LINE_OF, thread=thread.number, ns=place.ns)
    _check_seen(place, seen, None if row is None else row[0])
    if row is None:
        (number,) = tx.the(statements.NEW_CHAIN, line=None)
        check_number(number, f"thread {place.thread_id!r}", "threads and their chains")
        tx.run(statements.MAKE_LINE, line=number, thread=thread.number, ns=place.ns, now=new.now, root_id=new.root_id)
        row = number, 1, new.now
    number, next_number, updated_at = row
    return Line(number, next_number, updated_at, thread, covers.unlock(place.thread_id, thread.wrapped_keys))


def _locked(tx: Transaction, place: Place, now: int, *, share: bool) -> tuple[Thread, int, int, int] | None:
    """Lock the line of a place, if it is there and its thread has not expired, and return it with its thread."""
    lock = statements.SHARE_LINE if share else statements.LOCK_LINE
    while True:
        thread, line = _find(tx, place) or (None, None)
        if thread is None or line is None:
            return None
        number, next_number, updated_at = line
        if is_expired(tx, thread, updated_at, now):
            return None
        row = tx.one(lock, line=number)
        if row is None:
            return None
        if row[0] == next_number:
            return thread, number, row[0], row[1]
        # Another change came first. If it replaced the thread's keys, those that were read may soon open nothing.


def _find(tx: Transaction, place: Place) -> tuple[Thread, tuple[int, int, int] | None] | None:
    row = tx.one(statements.FIND_LINE, thread_id=place.thread_id, ns=place.ns)
    if row is None:
        return None
    thread = thread_of(*row[:4])
    check_owner(place.thread_id, place.owner, thread)
    return thread, None if row[4] is None else (row[4], row[5], row[6])


def _lock_thread(
    tx: Transaction, place: Place, covers: Covers, new: NewThread, *, seen: int | None, within: int | None
) -> Thread:
    thread = lock_thread(tx, place.thread_id)
    if thread is not None and locked_has_expired(tx, thread, new.now):
        delete_locked(tx, thread)
        thread = None
    _check_seen(place, within, None if thread is None else thread.number)
    if thread is None:
        _check_seen(place, seen, None)
        tx.run(
            statements.MAKE_THREAD,
            thread_id=place.thread_id,
            owner=place.owner,
            now=new.now,
            ttl=new.ttl,
            wrapped_keys=covers.new_wrapped_keys(place.thread_id),
        )
        thread = thread_of(*tx.the(statements.LOCK_THREAD, thread_id=place.thread_id))
        check_number(thread.number, f"thread {place.thread_id!r}", "threads")
    check_owner(place.thread_id, place.owner, thread)
    return thread


def _check_seen(place: Place, seen: int | None, number: int | None) -> None:
    if seen is not None and seen != number:
        raise ThreadGoneError(
            f"thread {place.thread_id!r} was deleted, pruned or erased while this run was using it. Nothing was "
            "stored, so it stays gone. Begin a new run."
        )
