"""Unfinished sessions: written in several transactions, and seen by nobody before they are whole.

A session is there if it has a row in `sessions`. An unfinished one has segments, entries and other rows under its
internal id, and a row in `unfinished`; its own row is made last. So no other operation has to know of it. Each
transaction that writes to it puts its end off. If none comes in time, as its process was killed, upkeep removes its
rows. Several processes may write sessions of one name at once: the first to finish has it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import msgspec

from sessions.db.ids import check_number, ids_of
from sessions.errors import ConflictError, SessionExistsError
from sessions.log.core.entry_rows import delete_entries
from sessions.log.core.heads import MAIN
from sessions.log.core.reader import unlock
from sessions.log.lifetime.remove import remove_rows
from sessions.log.schema import MAX_SESSION
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import unfinished as statements

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.encryption.payloads import Payloads

LIFE: Final = 15 * 60 * 1_000_000
"""Microseconds for which an unfinished session waits for its next transaction."""

LIFE_OF_COPIES: Final = 24 * 60 * 60 * 1_000_000
"""The same for one that a killed copy goes on with."""

_NOBODYS: Final = "\x01"
"""What the name begins with of the row by which an internal id is taken."""


class GivenUpError(ConflictError):
    """An unfinished session was given up, so that it cannot be written on. Another one can be begun."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of a session's row, as they are when it is whole: see `log/schema/`."""

    version: int
    created_at: int
    updated_at: int
    active_at: int
    branch: str = MAIN
    owner: str | None = None
    archived: int = 0
    annotated: int = 0
    keyed: int = 0
    tagged: int = 0
    cleared_in: int = 0
    forked_from: int | None = None
    forked_at: int = 0


def begin(
    tx: Transaction,
    conversation: Conversation,
    now: int,
    *,
    forked_from: int | None = None,
    owner: str | None = None,
    origin: bytes | None = None,
    life: int = LIFE,
) -> int:
    """Begin to write the session of a conversation that is not there, and return its internal id.

    Args:
        tx: A transaction.
        conversation: The session. If it is to be encrypted, it gets a data key of its own.
        now: The time, in microseconds since 1970, UTC.
        forked_from: The internal id of the session whose entries it gets, as a fork or as a copy: if something has to
            leave that one for good, so do all rows of this one.
        owner: Its owner, as `labels.py` writes it: erasing that one reaches it.
        origin: Identifies the source of a copy, for `find`; ``None`` if a killed copy cannot go on.
        life: For how long it waits for its next transaction, in microseconds.

    Raises:
        SessionExistsError: The session is there.
        StoreFullError: The internal ids are used up.
    """
    session_id, encryption = conversation.session_id, conversation.encryption
    check_free(tx, conversation)
    wrapped_keys = encryption and encryption.new_wrapped_keys(session_id)
    placeholder = f"{_NOBODYS}{os.urandom(16).hex()}"
    (session,) = tx.the(statements.TAKE_ID, placeholder=placeholder, branch=MAIN, now=now)
    tx.run(statements.GIVE_ROW_BACK, session=session)
    check_number(session, f"session {session_id!r}", "sessions", most=MAX_SESSION)
    made = {"session_id": session_id, "wrapped_keys": wrapped_keys, "forked_from": forked_from, "owner": owner}
    tx.run(statements.BEGIN, session=session, origin=origin, life=life, **made)
    return int(session)


def find(tx: Transaction, conversation: Conversation, origin: bytes) -> int | None:
    """Return the internal id of an unfinished session that was begun for the same copy, as by a killed process.

    Raises:
        SessionExistsError: The session is there.
    """
    check_free(tx, conversation)
    row = tx.one(statements.FIND, session_id=conversation.session_id, origin=origin)
    return None if row is None else int(row[0])


def check_free(tx: Transaction, conversation: Conversation) -> None:
    """Go on if a session is nowhere, also not in the OpenAI Agents SDK's tables.

    Raises:
        SessionExistsError: It is.
    """
    session_id = conversation.session_id
    if tx.one(statements.IS_THERE, session_id=session_id) or conversation.elsewhere.holds(tx, session_id):
        raise _exists(session_id)


def renew(tx: Transaction, conversation: Conversation, session: int) -> Payloads | None:
    """Lock an unfinished session for this transaction, which writes to it, and return the key of its payloads.

    Raises:
        GivenUpError: It was given up, as its last transaction was too long ago, or its source was cleared or deleted.
        SessionExistsError: Another process has finished it.
    """
    return unlock(conversation, _renew(tx, conversation, session))


def is_finished(tx: Transaction, conversation: Conversation, session: int) -> bool:
    """Tell whether a session was finished before: the answer to that transaction was lost."""
    there = tx.one(statements.IS_THERE, session_id=conversation.session_id)
    return there is not None and there[0] == session


def finish(tx: Transaction, conversation: Conversation, session: int, row: Row) -> None:
    """Make the row of a session that is whole: with this transaction, it is there.

    Raises:
        SessionExistsError: Another caller has made a session of this name.
        GivenUpError: It was given up, as by `renew`.
    """
    session_id = conversation.session_id
    wrapped_keys = _renew(tx, conversation, session)
    check_free(tx, conversation)
    values: dict[str, Any] = msgspec.structs.asdict(row)
    made = tx.one(statements.FINISH, session=session, session_id=session_id, wrapped_keys=wrapped_keys, **values)
    if made is None or made[0] != session:
        raise _exists(session_id)
    tx.run(statements.FORGET, session=session)


def give_up(tx: Transaction, session: int) -> None:
    """Leave the rows of an unfinished session to upkeep."""
    tx.run(statements.GIVE_UP, session=session)


def collect_unfinished(tx: Transaction, count: int) -> bool:
    """Remove up to `count` entries of an unfinished session that was given up; tell whether there may be more."""
    found = tx.one(statements.ENDED)
    if found is None:
        return False
    (session,) = found
    # So that nobody goes on with the rest of it: a caller whose statement began before its end may wait for this lock.
    give_up(tx, session)
    left = count
    for (segment,) in tx.all(branch_statements.SEGMENTS, session=session):
        low, high = ids_of(segment)
        gone = tx.all(statements.SOME_ENTRIES, low=low, high=high, count=left)
        if gone:
            delete_entries(tx, low, gone[-1][0])
        left -= len(gone)
        if left == 0:
            return True
    remove_rows(tx, session)
    tx.run(statements.FORGET, session=session)
    return True


def _renew(tx: Transaction, conversation: Conversation, session: int) -> bytes | None:
    row = tx.one(statements.RENEW, session=session)
    if row is None:
        if tx.one(statements.IS_THERE, session_id=conversation.session_id):
            raise _exists(conversation.session_id)
        raise GivenUpError(
            f"session {conversation.session_id!r} was not made: no part of it was written for too long, or its source "
            "was cleared or deleted. Nothing was changed. Try again."
        )
    (wrapped_keys,) = row
    return None if wrapped_keys is None else bytes(wrapped_keys)


def _exists(session_id: str) -> SessionExistsError:
    return SessionExistsError(
        f"session {session_id!r} exists already. Nothing was changed. Use another id, or delete that session first."
    )
