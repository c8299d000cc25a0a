"""Errors about branches: their names, turns, leases and attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.errors.base import SessionsError

if TYPE_CHECKING:
    from datetime import datetime


class UnknownBranchError(SessionsError, ValueError):
    """The session has no branch of that name. Nothing was changed."""


class BranchExistsError(SessionsError, ValueError):
    """The session already has a branch of that name. Nothing was changed."""


class BranchInUseError(SessionsError, ValueError):
    """The branch cannot be removed or renamed, because it is current, leased or ``main``. Nothing was changed."""


class TurnNotFoundError(SessionsError, ValueError):
    """The branch has no such turn or position. Nothing was changed."""


class NothingToRedoError(SessionsError, ValueError):
    """Nothing was undone on the branch, or items were added or popped since. Nothing was changed."""


class InAttemptError(SessionsError, ValueError):
    """The session of an attempt cannot do that: begin another attempt in it, undo, choose. Nothing was changed."""


class LeaseLostError(SessionsError):
    """The lease ended, and another caller changed or leased the branch; or the branch is gone. Nothing was written."""


class SessionBusyError(SessionsError):
    """Another caller holds a lease on the branch. Nothing was written.

    Attributes:
        holder: The name that the holder gave; ``None`` if it gave none.
        until: When that lease ends unless it is renewed (UTC); ``None`` if the branch is free but others wait for it.
    """

    def __init__(self, message: str, holder: str | None = None, until: datetime | None = None) -> None:
        super().__init__(message)
        self.holder = holder
        self.until = until
