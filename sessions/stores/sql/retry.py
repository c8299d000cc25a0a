"""Trying again, where that is safe, for a bounded time and number of times."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, TypeVar

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, stop_after_delay, wait_random_exponential

from sessions.errors import OutcomeUnknownError
from sessions.stores.sql.errors import Trouble, translate, trouble_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

ATTEMPTS: Final = 20
SECONDS: Final = 30.0
"""A failover takes seconds; longer outages are for the caller to see."""

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
        OutcomeUnknownError: The answer was lost, and an attempt cannot be repeated.
        StoreError: The database refused, or could not be reached for too long.
    """

    def may_retry(error: BaseException) -> bool:
        if not isinstance(error, FailedError):
            return False
        return (error.outcome_known or repeatable) and trouble_of(error.error) in _RETRIED

    retrying = AsyncRetrying(
        stop=stop_after_attempt(ATTEMPTS) | stop_after_delay(SECONDS),
        wait=wait_random_exponential(multiplier=0.05, max=2),
        retry=retry_if_exception(may_retry),
        reraise=True,
    )
    began = time.monotonic()

    async def once() -> T:
        return await attempt()

    try:
        return await retrying(once)
    except FailedError as failed:
        attempts = int(retrying.statistics.get("attempt_number", 1))
        tried = f"tried {'once' if attempts == 1 else f'{attempts} times'} in {time.monotonic() - began:.1f} s"
        if not failed.outcome_known:
            raise OutcomeUnknownError(
                f"the connection to {where} was lost while a change was being committed, so it is not known "
                f"whether it has happened ({tried}). Read the session to see"
            ) from None
        raise translate(failed.error, where, tried) from None
