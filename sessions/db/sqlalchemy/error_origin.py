"""Whose an error is: the database's, or that of a function which only ran between its statements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from sessions.db.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable


class Outcome(NamedTuple):
    """The outcome of work in a transaction.

    Attributes:
        result: Its result.
        refused: The error that it raised, unless the database did. It is the caller's alone: the connection is fine,
            and a retry makes no sense, even if it is an `OSError`.
    """

    result: Any = None
    refused: BaseException | None = None


class NotingTransaction(Transaction, Protocol):
    """A transaction that notes its statements' error as `raised`: a function may continue after an error."""

    raised: list[BaseException]


def outcome_of(work: Callable[[Transaction], object], tx: NotingTransaction) -> Outcome:
    """Do work in a transaction; raise only a statement's error, which may be a cancellation."""
    try:
        return Outcome(work(tx))
    except BaseException as error:
        if any(error is raised for raised in tx.raised):
            raise
        return Outcome(refused=error)
