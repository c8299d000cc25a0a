"""A session's row: locked by every change, and made by the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sessions.log import statements
from sessions.log.branch import MAIN

if TYPE_CHECKING:
    from sessions.log.transaction import Row, Transaction


class LockedSession(NamedTuple):
    """A session's row, locked by this transaction, at the version that its change makes.

    Attributes:
        session_id: The id that users give.
        session: The internal id.
        version: The version.
        branch: The name of the branch that the change is for.
        current: The name of the session's current branch.
    """

    session_id: str
    session: int
    version: int
    branch: str
    current: str

    @property
    def is_new(self) -> bool:
        """Whether this transaction makes the session."""
        return self.version == 1


def lock_session(tx: Transaction, session_id: str) -> int | None:
    """Lock a session without changing it; return its internal id, or ``None`` if there is none."""
    row = tx.one(statements.LOCK_SESSION, session_id=session_id)
    return None if row is None else int(row[0])


def raise_version(tx: Transaction, session_id: str, now: int, branch: str | None = None) -> LockedSession | None:
    """Lock a session for a change of a branch (the current one unless named); ``None`` if there is none of that id."""
    row = tx.one(statements.RAISE_VERSION, session_id=session_id, now=now)
    return None if row is None else _locked(session_id, row, branch)


def create_session(
    tx: Transaction, session_id: str, now: int, *, created_at: int | None = None, branch: str | None = None
) -> LockedSession:
    """Make a session, with no entry yet; lock it for a change if another process has just made it."""
    row: Any = tx.one(
        statements.CREATE_SESSION,
        session_id=session_id,
        branch=MAIN,
        created_at=now if created_at is None else created_at,
        now=now,
    )
    return _locked(session_id, row, branch)


def _locked(session_id: str, row: Row, branch: str | None) -> LockedSession:
    session, version, current = row
    return LockedSession(session_id, session, version, current if branch is None else branch, current)
