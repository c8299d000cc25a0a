"""Audit rows: each removal for good, with its time and its actor, without ids and contents.

The id of a session or a thread, or an owner, is there as an HMAC under a salt of the store's, so only a caller that
knows an id can ask whether it was erased. The rows have their own time to live, by the database's clock; upkeep removes
those that ended.

An operation that removes something calls `record` in its own transaction: so there is no removal without its row, and
no row without its removal.
"""

from __future__ import annotations

import hmac
import os
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

import msgspec

from sessions.clock import as_near_time
from sessions.db.dialect import text_of_key
from sessions.db.settings import find_setting, put_setting
from sessions.log.core.heads import EVERYTHING
from sessions.log.statements import audits as statements
from sessions.types.retention import Audit
from sessions.validation import AUDITS_KEPT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessions.db.transaction import Row, Transaction

SALT: Final = "audit_salt"
"""The name of the setting with the key of the HMACs."""
SALT_BYTES: Final = 32
_DIGITS: Final = 19
"""Fewer than the largest number could have."""

SubjectKind: TypeAlias = Literal["session", "owner", "namespace", "thread"]


class Done(NamedTuple):
    """The description of a removal in its audit row, beside subject and counts.

    Attributes:
        what: The operation: ``"erase"``, ``"erase_owner"``, ``"retain"``, ``"redact"``, …
        actor: The responsible person or program, as the caller said.
        kept: For how long the row is kept, in microseconds.
    """

    what: str
    actor: str | None = None
    kept: int = AUDITS_KEPT


def record(
    tx: Transaction, done: Done, subject: str, counts: Mapping[str, int], now: int, *, kind: SubjectKind = "session"
) -> None:
    """Add an audit row, in the transaction that removes something.

    Args:
        tx: A transaction.
        done: The operation and its actor.
        subject: The session's or the thread's id; or the owner, or the prefix of memories, as `labels.py` writes it.
        counts: How many rows were removed, by table; zeros are left out.
        now: The time, in microseconds since 1970, UTC.
        kind: Which of these `subject` is.
    """
    salt = find_setting(tx, SALT) or put_setting(tx, SALT, os.urandom(SALT_BYTES))
    removed = {table: int(count) for table, count in counts.items() if count}
    tx.run(
        statements.ADD_AUDIT,
        at=now,
        what=done.what,
        actor=done.actor,
        subject=_hmac(salt, kind, subject),
        counts=msgspec.json.encode(removed).decode(),
        kept=done.kept,
    )


class Wanted(NamedTuple):
    """Which audit rows are wanted: all that are not ``None`` hold.

    Attributes:
        subject: The session's or the thread's id, or the owner as `labels.py` writes it.
        kind: Which of these it is.
        what: The operation.
        since: The time from which on, in microseconds since 1970, UTC.
        before: The number of the row before which the page begins; they count downwards.
        most: How many at most.
    """

    subject: str | None = None
    kind: SubjectKind = "session"
    what: str | None = None
    since: int | None = None
    before: int = EVERYTHING
    most: int = 1


def find_audits(tx: Transaction, wanted: Wanted) -> list[Audit]:
    """Return a page of audit rows, the latest first."""
    values: dict[str, object] = {"what": wanted.what, "since": wanted.since}
    if wanted.subject is not None:
        salt = find_setting(tx, SALT)
        if salt is None:
            return []  # Nothing was ever removed.
        values["subject"] = _hmac(salt, wanted.kind, wanted.subject)
    values = {name: value for name, value in values.items() if value is not None}
    shape = statements.Shape(**dict.fromkeys(values, True))
    rows = tx.all(statements.list_audits(shape), before=wanted.before, count=wanted.most, **values)
    return [_as_audit(row) for row in rows]


def parse_cursor(cursor: object) -> int:
    """Return the number of the row that a cursor stands for.

    Raises:
        ValueError: It is not a cursor.
    """
    if isinstance(cursor, str) and cursor.isascii() and cursor.isdecimal() and len(cursor) < _DIGITS:
        return int(cursor)
    raise ValueError("after must be the cursor of an audit row. Nothing was read. Use audits(after=page[-1].cursor).")


def forget_ended_audits(tx: Transaction, count: int) -> bool:
    """Remove up to `count` audit rows that have ended, and tell whether there may be more."""
    return len(tx.all(statements.FORGET_ENDED_AUDITS, count=count)) == count


def _as_audit(row: Row) -> Audit:
    number, at, what, actor, subject, counts = row
    removed: dict[str, int] = msgspec.json.decode(counts)
    return Audit(as_near_time(at), what, actor, text_of_key(subject), removed, str(number))


def _hmac(salt: bytes, kind: SubjectKind, subject: str) -> str:
    return hmac.digest(salt, f"{kind}\0{subject}".encode(), "sha256").hex()
