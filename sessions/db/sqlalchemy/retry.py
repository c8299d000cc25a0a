"""Trying again, where that is safe, for a bounded time and number of times."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from sessions.db.sqlalchemy.deadline import UnreachableError
from sessions.db.sqlalchemy.errors import Trouble, name_of, translate, trouble_of
from sessions.db.sqlalchemy.outage import TELL_AFTER
from sessions.errors import OutcomeUnknownError, StoreUnreachableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessions.db.sqlalchemy.outage import Outage

T = TypeVar("T")

ATTEMPTS: Final = 10_000
"""At most, however long the time is."""

RETRY_TIMEOUT: Final = 30.0
"""Seconds, unless the caller knows better. A failover takes seconds; longer outages are for the caller to see."""

MOST_RETRY_TIMEOUT: Final = 600.0
"""Whatever tells that a command was done before has to live longer, as the keys of repeated appends do."""

_RETRIED: Final = (Trouble.LOST, Trouble.ROLLED_BACK, Trouble.LOCKED)


class FailedError(Exception):
    """One attempt failed.

    Attributes:
        error: The error of the database or its driver.
        outcome_known: Whether nothing was changed for certain: False if the connection was lost while committing.
    """

    def __init__(self, error: BaseException, *, outcome_known: bool) -> None:
        super().__init__()
        self.error = error
        self.outcome_known = outcome_known


class Patience(NamedTuple):
    """The time for retries of operations on a database, and the listener for outages.

    Attributes:
        where: The database, without user and password.
        seconds: Counted from the first failure, or from the beginning without a connection.
        locked: Seconds for locked rows, counted from the beginning.
        outage: Knows whether it can be reached.
    """

    where: str
    seconds: float
    locked: float
    outage: Outage


async def retry(
    attempt: Callable[[], Awaitable[T]], patience: Patience, *, repeatable: bool, in_doubt: bool = False
) -> T:
    """Return the result of an attempt that succeeds.

    Args:
        attempt: Raises `FailedError`.
        patience: How long, and where.
        repeatable: Whether an attempt may be repeated although the one before may have changed something.
        in_doubt: Whether an attempt of another kind, before these, may have changed something.

    Raises:
        OutcomeUnknownError: An answer was lost, and no later attempt told the outcome, or none was allowed.
        StoreError: The database refused, or could not be reached for too long.
    """
    began = time.monotonic()
    try:
        # Nearly always all there is. tenacity, even if it has nothing to repeat, takes as long as the rest.
        result = await attempt()
    except FailedError as failed:
        first = failed
    else:
        patience.outage.over()
        return result
    telling = None
    if trouble_of(first.error) is Trouble.LOST:
        left = max(0.0, TELL_AFTER - (time.monotonic() - began))
        telling = asyncio.get_running_loop().call_later(left, patience.outage.tell, name_of(first.error))
    try:
        result = await _repeat(first, attempt, patience, began, repeatable=repeatable, in_doubt=in_doubt)
    finally:
        if telling is not None:
            telling.cancel()
    patience.outage.over()
    return result


async def _repeat(
    first: FailedError,
    attempt: Callable[[], Awaitable[T]],
    patience: Patience,
    began: float,
    *,
    repeatable: bool,
    in_doubt: bool,
) -> T:
    """Go on after the first failure; see `retry`."""
    failures: list[FailedError] = []
    repeating_since = began if isinstance(first.error, UnreachableError) else time.monotonic()

    def may_retry(error: BaseException) -> bool:
        if not isinstance(error, FailedError):
            return False
        trouble = trouble_of(error.error)
        since, seconds = (began, patience.locked) if trouble is Trouble.LOCKED else (repeating_since, patience.seconds)
        in_time = time.monotonic() - since < seconds
        return in_time and (error.outcome_known or repeatable) and trouble in _RETRIED

    async def once() -> T:
        try:
            if not failures:
                raise first
            return await attempt()
        except FailedError as failed:
            failures.append(failed)
            raise

    retrying = AsyncRetrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.05, max=2),
        retry=retry_if_exception(may_retry),
        reraise=True,
    )
    try:
        return await retrying(once)
    except FailedError as failed:
        times = "once" if len(failures) == 1 else f"{len(failures)} times"
        tried = f"tried {times} in {time.monotonic() - began:.1f} s; the last error was {name_of(failed.error)}"
        error = translate(failed.error, patience.where, tried)
        if isinstance(error, StoreUnreachableError):
            patience.outage.given_up(error)
        # That a later attempt did not even reach the server says nothing about an earlier one.
        if in_doubt or not all(each.outcome_known for each in failures):
            raise OutcomeUnknownError(
                f"the connection to {patience.where} broke, or gave no answer, while a change was being committed "
                f"({tried}). The change was saved completely or not at all. Read the session to find out."
            ) from None
        raise error from None
