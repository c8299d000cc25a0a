"""Errors about redacting and removing entries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.errors.base import SessionsError

if TYPE_CHECKING:
    from typing import Any


class CorrectionError(SessionsError, ValueError):
    """A correction was refused. Nothing was changed."""


class ReplacementError(CorrectionError):
    """An entry's replacement is of another kind, or calls or answers something else. Nothing was changed.

    Or the entry cannot be emptied, and needs a replacement of the caller's.

    Attributes:
        changes: The things that would change: ``"kind"``, ``"call ids"``, ``"tool"`` or ``"program"``.
    """

    def __init__(self, message: str, changes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.changes = changes


class SummarizedError(CorrectionError):
    """A summary stands for the entry, and may repeat it. Nothing was changed.

    Attributes:
        summaries: The ids of the summaries' entries.
    """

    def __init__(self, message: str, summaries: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.summaries = summaries


class PairingError(CorrectionError):
    """Without the entry, providers would refuse related ones. Nothing was changed.

    Attributes:
        broken: The related entries, as `Damage` has them; its `kind` may also be ``"torn_reasoning"``, an answer
            without its reasoning, and ``"unknown_shape"``, an item that may be the entry's call or output.
    """

    def __init__(self, message: str, broken: tuple[Any, ...] = ()) -> None:
        super().__init__(message)
        self.broken = broken
