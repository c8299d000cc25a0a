"""Threads: their rows, locked, and whether they have expired."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sessions.checkpoints.statements import lines as statements
from sessions.errors import ThreadOwnerError
from sessions.labels import as_stored

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction


class Thread(NamedTuple):
    """A thread's row.

    Attributes:
        number: Its number in the database.
        owner: Its owner, as `labels.py` writes it.
        wrapped_keys: Its data keys, wrapped.
        ttl: For how long it is kept after its last change, in microseconds.
    """

    number: int
    owner: str | None
    wrapped_keys: bytes | None
    ttl: int | None


def lock_thread(tx: Transaction, thread_id: str) -> Thread | None:
    """Lock a thread, so that no other process makes or removes its lines; ``None`` if it is missing."""
    row = tx.one(statements.LOCK_THREAD, thread_id=thread_id)
    return None if row is None else thread_of(*row)


def lock_owned(tx: Transaction, thread_id: str, owner: str | None) -> Thread | None:
    """Lock a thread for a caller of some owner; ``None`` if it is missing.

    Raises:
        ThreadOwnerError: It is another owner's.
    """
    thread = lock_thread(tx, thread_id)
    if thread is not None:
        check_owner(thread_id, owner, thread)
    return thread


def check_owner(thread_id: str, owner: str | None, thread: Thread) -> None:
    """Refuse a caller for another owner.

    Raises:
        ThreadOwnerError: The thread is another one's, or nobody's.
    """
    if owner is not None and owner != thread.owner:
        raise ThreadOwnerError(
            f"thread {thread_id!r} belongs to another owner, or to none. Nothing was read or changed. Use a thread of "
            "this owner, or another thread_id."
        )


def is_expired(tx: Transaction, thread: Thread, updated_at: int, now: int) -> bool:
    """Tell whether a thread has expired: none of its lines has changed for its time to live."""
    if thread.ttl is None or updated_at + thread.ttl > now:
        return False
    return has_expired(tx, thread, now)


def has_expired(tx: Transaction, thread: Thread, now: int) -> bool:
    """Tell the same of a thread of which no line was read."""
    (last,) = tx.the(statements.UPDATED_AT, thread=thread.number)
    return thread.ttl is not None and last is not None and int(last) + thread.ttl <= now


def locked_has_expired(tx: Transaction, thread: Thread, now: int) -> bool:
    """Tell the same of a locked thread that is to be removed; its lines are locked then.

    A put that began before the thread's time has come holds its line until it is stored, and then the thread stays.
    """
    if not has_expired(tx, thread, now):
        return False
    lines = tx.all(statements.LINES_OF, thread=thread.number)
    return thread.ttl is not None and all(int(updated_at) + thread.ttl <= now for *_, updated_at in lines)


def thread_of(number: int, owner: str | bytes | None, wrapped_keys: bytes | None, ttl: int | None) -> Thread:
    """Return a thread of the columns of its row."""
    return Thread(
        number,
        None if owner is None else as_stored(owner),
        None if wrapped_keys is None else bytes(wrapped_keys),
        ttl,
    )
