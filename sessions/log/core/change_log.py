"""The record of changes that are not appends, for watchers of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.log.statements import records as record_statements

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.core.locking import LockedSession
    from sessions.types import ChangeKind

KEPT_VERSIONS = 1000
"""How many versions back the record reaches; it would grow for ever otherwise."""


def record_change(tx: Transaction, locked: LockedSession, what: ChangeKind, now: int) -> None:
    """Record a change of a locked session at its new version, and delete records that are too old."""
    record_change_of(tx, locked.session, locked.version, what, now)


def record_change_of(tx: Transaction, session: int, version: int, what: ChangeKind, now: int) -> None:
    """Do the same for a session's internal id and new version."""
    tx.run(record_statements.RECORD_CHANGE, session=session, version=version, what=what, now=now)
    if version > KEPT_VERSIONS:
        tx.run(record_statements.FORGET_CHANGES, session=session, version=version - KEPT_VERSIONS)
