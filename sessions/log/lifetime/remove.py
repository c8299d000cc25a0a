"""Clear and delete: the two ways in which entries leave for good, in all branches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.db.dialect import text_of_key
from sessions.log.core.change_log import record_change
from sessions.log.core.changing import take_over
from sessions.log.core.entry_rows import delete_rows_of_session
from sessions.log.core.extend import ensure_row
from sessions.log.core.fencing import Lease, busy, check_held
from sessions.log.core.heads import EVERYTHING, MAIN
from sessions.log.core.locking import bump_version, lock_session
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import corrections as correction_statements
from sessions.log.statements import info as info_statements
from sessions.log.statements import item_keys as item_key_statements
from sessions.log.statements import leases as lease_statements
from sessions.log.statements import records as record_statements
from sessions.log.statements import sessions as session_statements
from sessions.log.statements import unfinished as unfinished_statements

if TYPE_CHECKING:
    from sessions.db.transaction import Row, Transaction
    from sessions.log.conversation import Conversation, Elsewhere


def clear(tx: Transaction, conversation: Conversation, now: int) -> None:
    """Remove a session's entries and branches; its row stays, with its version, idempotency keys and usage.

    So do the numbers of leases, and a lease on ``main``; those on other branches go with them.

    Raises:
        LeaseLostError: The conversation's lease was lost.
        SessionBusyError: Another caller holds an exclusive lease on one of the branches.
    """
    # Adopted entries go at once, and the session's row prevents another adoption.
    take_over(tx, conversation, now)
    locked = bump_version(tx, conversation, now, guard=False)
    check_held(tx, conversation, locked and locked.session, MAIN)
    if locked is not None:
        leases = _leases(tx, conversation, locked.session, now)
        _remove_content(tx, locked.session)
        tx.run(branch_statements.EMPTY, session=locked.session, branch=MAIN, version=locked.version)
        if MAIN in leases:
            ensure_row(tx, locked._replace(branch=MAIN), now)
            values = leases[MAIN]._replace(begins=0)._asdict()
            tx.run(lease_statements.PUT_LEASE, session=locked.session, branch=MAIN, **values)
        record_change(tx, locked, "cleared", now)


def delete(tx: Transaction, session_id: str, elsewhere: Elsewhere) -> bool:
    """Remove a session with all that is known of it, also in the SDK's tables; tell whether there was one."""
    was_elsewhere = elsewhere.delete(tx, session_id)
    session = lock_session(tx, session_id)
    # Killed copies to this id may have left rows that nobody sees.
    _remove_unfinished(tx, tx.all(unfinished_statements.NAMED, session_id=session_id))
    if session is None:
        return was_elsewhere
    origin, origin_at = tx.the(unfinished_statements.ORIGIN, session=session)
    tx.run(unfinished_statements.FORKS_PASS_ON, session=session, forked_from=origin, forked_at=origin_at)
    remove_rows(tx, session)
    tx.run(session_statements.DELETE_SESSION, session=session)
    return True


def delete_unbegun(tx: Transaction, session_id: str, now: int) -> None:
    """Delete a session that an attempt made which has ended, if it is as if it had never been.

    Item keys of the attempt's do not keep it: no branch had their items.
    """
    session = lock_session(tx, session_id)
    if session is not None and tx.one(session_statements.IS_UNBEGUN, session=session, now=now):
        remove_rows(tx, session)
        tx.run(session_statements.DELETE_SESSION, session=session)


def remove_rows(tx: Transaction, session: int) -> None:
    """Remove all rows of a session but its own, by its internal id."""
    _remove_content(tx, session)
    tx.run(record_statements.FORGET_KEYS, session=session)
    tx.run(record_statements.FORGET_CHANGES, session=session, version=EVERYTHING)
    tx.run(session_statements.FORGET_USAGE, session=session)
    tx.run(item_key_statements.FORGET_KEYS_OF_SESSION, session=session)
    tx.run(info_statements.FORGET_INFO, session=session)
    tx.run(info_statements.FORGET_TAGS, session=session)
    tx.run(lease_statements.FORGET_WAITING, session=session)


def remove_copies(tx: Transaction, session: int) -> None:
    """Remove all rows of unfinished forks and copies of a locked session, as something in it has to go for good.

    One that is still being written begins again; one whose process was killed leaves nothing.
    """
    _remove_unfinished(tx, tx.all(unfinished_statements.COPIES, session=session))


def remove_unfinished_of_owners(tx: Transaction, low: str, high: str) -> bool:
    """Remove all rows of unfinished sessions of owners in a range; tell whether there were any.

    A session that is still being written fails then. The transaction must lock no session afterwards: others lock a
    session first, and then its unfinished copies.
    """
    found = tx.all(unfinished_statements.OWNED, low=low, high=high)
    _remove_unfinished(tx, found)
    return bool(found)


def _remove_unfinished(tx: Transaction, found: list[Row]) -> None:
    for (session,) in found:
        remove_rows(tx, session)
        tx.run(unfinished_statements.FORGET, session=session)


def find_left_empty(tx: Transaction, now: int, count: int, after: int) -> list[tuple[int, str]]:
    """Return up to `count` sessions of which nothing is left, by their internal ids, from behind one."""
    rows = tx.all(session_statements.LEFT_EMPTY, now=now, count=count, after=after)
    return [(number, text_of_key(session_id)) for number, session_id in rows]


def delete_left_empty(tx: Transaction, found: tuple[int, str], elsewhere: Elsewhere, now: int) -> None:
    """Delete a session that `find_left_empty` found, unless it has been started again since."""
    number, session_id = found
    if lock_session(tx, session_id) == number and tx.one(session_statements.IS_LEFT_EMPTY, session=number, now=now):
        delete(tx, session_id, elsewhere)


def _leases(tx: Transaction, conversation: Conversation, session: int, now: int) -> dict[str, Lease]:
    """Return the leases that are held on a locked session's branches, if they let a change of all of them through."""
    found = {name: Lease._make(lease) for name, *lease in tx.all(lease_statements.LEASES, session=session)}
    mine = conversation.lease
    held = {name: lease for name, lease in found.items() if lease.token == mine or lease.until > now}
    for name, lease in held.items():
        if lease.token != mine and not lease.is_open:
            raise busy(conversation.session_id, name, lease)
    return held


def _remove_content(tx: Transaction, session: int) -> None:
    remove_copies(tx, session)
    delete_rows_of_session(tx, session)
    tx.run(correction_statements.FORGET_COPIES, session=session)
    tx.run(branch_statements.DELETE_SEGMENTS, session=session)
    tx.run(branch_statements.DELETE_BRANCHES, session=session)
