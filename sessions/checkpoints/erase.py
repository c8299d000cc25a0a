"""Threads for good: erasing them, of an id or of owners; their time to live, and removing those that have expired."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from sessions.checkpoints.delete import delete_locked
from sessions.checkpoints.encryption import subject_of
from sessions.checkpoints.statements import lines as line_statements
from sessions.checkpoints.statements import rows as statements
from sessions.checkpoints.threads import check_owner, lock_owned, lock_thread, locked_has_expired, thread_of
from sessions.clock import now
from sessions.db.component import ErasedSubject, OwnersPart
from sessions.db.dialect import text_of_key
from sessions.db.ids import ids_of

if TYPE_CHECKING:
    from sessions.checkpoints.threads import Thread
    from sessions.db.component import OwnersErased
    from sessions.db.transaction import Transaction


class Erased(NamedTuple):
    """The rows that were removed, by table."""

    threads: int = 0
    lines: int = 0
    checkpoints: int = 0
    pieces: int = 0
    writes: int = 0


def erase(tx: Transaction, thread_id: str, owner: str | None = None) -> Erased:
    """Remove a thread with all its rows, and count them.

    Raises:
        ThreadOwnerError: It is another owner's.
    """
    thread = lock_owned(tx, thread_id, owner)
    return Erased() if thread is None else _erase(tx, thread)


def check_owner_of(tx: Transaction, thread_id: str, owner: str) -> None:
    """Refuse a caller for another owner than that of a thread, if there is one.

    Raises:
        ThreadOwnerError: It is another owner's.
    """
    row = tx.one(line_statements.SEE_THREAD, thread_id=thread_id)
    if row is not None:
        check_owner(thread_id, owner, thread_of(*row))


def erase_owners(tx: Transaction, owners: OwnersErased, count: int) -> OwnersPart:
    """Remove up to `count` threads of some owners."""
    owned = tx.all(line_statements.OWNED, low=owners.low, high=owners.high, count=count)
    found = [text_of_key(thread_id) for (thread_id,) in owned]
    rows: Counter[str] = Counter()
    subjects: list[ErasedSubject] = []
    # In one order, so that two processes at the same work wait for each other, and never each for the other.
    for thread_id in sorted(found):
        thread = lock_thread(tx, thread_id)
        if thread is not None and thread.owner is not None and owners.low <= thread.owner < owners.high:
            erased = _erase(tx, thread)._asdict()
            rows.update(erased)
            subjects.append(ErasedSubject(subject_of(thread_id), erased))
    return OwnersPart(rows, subjects, more=len(found) == count)


def remove_expired(tx: Transaction, count: int) -> list[str]:
    """Remove up to `count` threads whose time has come, and return their ids."""
    at = now()
    found = [text_of_key(row[0]) for row in tx.all(line_statements.EXPIRED, after=0, now=at, count=count)]
    removed: list[str] = []
    for thread_id in sorted(found):
        thread = lock_thread(tx, thread_id)
        if thread is not None and locked_has_expired(tx, thread, at):
            delete_locked(tx, thread)
            removed.append(thread_id)
    return removed


def set_ttl(tx: Transaction, thread_id: str, ttl: int | None, owner: str | None) -> bool:
    """Give a thread another time to live; tell whether there is one.

    Raises:
        OwnerError: It is another owner's.
    """
    thread = lock_owned(tx, thread_id, owner)
    if thread is None:
        return False
    tx.run(line_statements.SET_TTL, thread=thread.number, ttl=ttl)
    return True


def purge(tx: Transaction, count: int) -> tuple[int, bool]:
    """Remove some expired threads; return how many, and whether there may be more."""
    # A thread may have many rows.
    most = max(1, count // 64)
    removed = len(remove_expired(tx, most))
    return removed, removed == most


def keep_up(tx: Transaction, count: int) -> bool:
    """Remove some, beside a change; tell whether there may be more."""
    return purge(tx, count)[1]


def _erase(tx: Transaction, thread: Thread) -> Erased:
    lines, checkpoints, writes = tx.the(line_statements.ROWS_OF_THREAD, thread=thread.number)
    pieces = 0
    for line, *_ in tx.all(line_statements.LINES_OF, thread=thread.number):
        for (chain,) in tx.all(line_statements.CHAINS_OF, line=line):
            low, high = ids_of(chain)
            pieces += int(tx.the(statements.COUNT_PIECES, low=low, high=high)[0])
    delete_locked(tx, thread)
    return Erased(1, int(lines), int(checkpoints), pieces, int(writes))
