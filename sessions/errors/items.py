"""Errors about items: storing, reading, splitting and summarising them."""

from __future__ import annotations

from sessions.errors.base import SessionsError


class InvalidItemError(SessionsError, ValueError, TypeError):
    """An item cannot be stored losslessly as a JSON object. Nothing was written.

    It is also a `TypeError`, because the OpenAI Agents SDK's sessions raise one here.
    """


class UndecodableItemError(SessionsError, ValueError):
    """A stored item cannot be read back. Nothing was changed."""


class UnknownFormatError(SessionsError, ValueError):
    """Items have an unknown shape, so splitting them would be guessing. Nothing was changed."""


class ScanLimitError(SessionsError, RuntimeError):
    """`max_scan_items` items were read, and the answer may need more. Nothing was returned."""


class CounterError(SessionsError, ValueError):
    """The caller's token counter failed, or did not return an integer of 0 or more. Nothing was changed."""


class SummaryError(SessionsError, ValueError):
    """The summariser returned something that no model accepts, or the branch has no summary. Nothing was changed."""
