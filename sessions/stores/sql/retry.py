"""Trying again, where that is safe, for a bounded time and number of times."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, TypeVar

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from sessions.errors import OutcomeUnknownError
from sessions.stores.sql.errors import Trouble, name_of, translate, trouble_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

ATTEMPTS: Final = 20
SECONDS: Final = 30.0
"""Counted from the first failure. A failover takes seconds; longer outages are for the caller to see."""

_RETRIED: Final = (Trouble.LOST, Trouble.ROLLED_BACK)


class FailedError(Exception):
    """One attempt failed.

    Attributes:
        error: What the database or its driver raised.
        outcome_known: Whether nothing was changed for certain: False if the connection was lost while committing.
    """

    def __init__(self, error: BaseException, *, outcome_known: bool) -> None:
        super().__init__()
        self.error = error
        self.outcome_known = outcome_known


async def retry(attempt: Callable[[], Awaitable[T]], *, repeatable: bool, where: str) -> T:
    """Return the result of an attempt that succeeds.

    Args:
        attempt: Raises `FailedError`.
        repeatable: Whether an attempt may be repeated although the one before may have changed something.
        where: The database, without user and password.

    Raises:
        OutcomeUnknownError: An answer was lost, and no later attempt told what had happened, or none was allowed.
        StoreError: The database refused, or could not be reached for too long.
    """
    began = time.monotonic()
    try:
        # Nearly always all there is. tenacity, even if it has nothing to repeat, takes as long as the rest.
        return await attempt()
    except FailedError as failed:
        first = failed
    failures: list[FailedError] = []
    repeating_since = time.monotonic()

    def may_retry(error: BaseException) -> bool:
        if not isinstance(error, FailedError):
            return False
        in_time = time.monotonic() - repeating_since < SECONDS
        return in_time and (error.outcome_known or repeatable) and trouble_of(error.error) in _RETRIED

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
        # That a later attempt did not even reach the server says nothing about an earlier one.
        if not all(each.outcome_known for each in failures):
            raise OutcomeUnknownError(
                f"the connection to {where} was lost, or gave no answer, while a change was being committed, so it is "
                f"not known whether it has happened ({tried}). Read the session to see"
            ) from None
        raise translate(failed.error, where, tried) from None
