"""Calling the functions of an embedding model: off the event loop, for a bounded time, and again after a failure."""

from __future__ import annotations

import asyncio
import inspect
import threading
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from sessions.errors import EmbeddingError, SessionsError
from sessions.waits.blocking import blocked, pause
from sessions.waits.portal import foreign

if TYPE_CHECKING:
    from collections.abc import Callable

_ATTEMPTS: Final = 4
_LONGEST_PAUSE: Final = 8.0

_FOR_GOOD: Final = (TypeError, ValueError, LookupError, AttributeError, ImportError, NotImplementedError, SessionsError)
"""Errors that come again: mistakes in programs and arguments."""


async def call(function: Callable[..., Any], argument: Any, timeout: float, model: str) -> Any:  # noqa: ASYNC109
    """Return the result of a model's function, which gets a few attempts of `timeout` seconds each.

    Raises:
        EmbeddingError: The last attempt failed or took too long. The function's own error is the cause.
    """
    retrying = AsyncRetrying(
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.25, max=_LONGEST_PAUSE),
        # A call that hangs would hang again, for as long.
        retry=retry_if_exception(lambda error: _may_pass(error) and not isinstance(error, TimeoutError)),
        sleep=pause,
        reraise=True,
    )
    try:
        return await retrying(_once, function, argument, timeout, model)
    except TimeoutError as error:
        raise EmbeddingError(
            f"embedding model {model!r} did not answer within {timeout:g} seconds. Nothing was changed. Try again, or "
            "give it more time: Embedder(…, timeout=…)."
        ) from error
    except SessionsError:
        raise
    except Exception as error:
        # Its text may hold contents.
        raise EmbeddingError(
            f"embedding model {model!r} failed with {type(error).__name__}. Nothing was changed. See this error's "
            "cause, and try again."
        ) from error


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, Exception) and not isinstance(error, _FOR_GOOD)


async def _once(function: Callable[..., Any], argument: Any, timeout: float, model: str) -> Any:  # noqa: ASYNC109
    if _is_asynchronous(function):
        return await foreign(partial(_awaited, partial(function, argument), timeout), f"embedding model {model!r}")
    found = await _in_own_thread(partial(function, argument), timeout)
    if inspect.isawaitable(found):
        # A lambda around an asynchronous function.
        return await foreign(partial(_awaited, lambda: found, timeout), f"embedding model {model!r}")
    return found


def _is_asynchronous(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


async def _awaited(make: Callable[[], Any], timeout: float) -> Any:  # noqa: ASYNC109
    async with asyncio.timeout(timeout):
        return await make()


async def _in_own_thread(function: Callable[[], Any], timeout: float) -> Any:  # noqa: ASYNC109
    """Run a function in a thread that nothing waits for if it hangs: not the event loop, nor the end of the program."""
    future: Future[Any] = Future()
    run = partial(copy_context().run, _settle, future, function)
    threading.Thread(target=run, name="sessions-embedding", daemon=True).start()
    if blocked() is not None:
        return future.result(timeout)
    async with asyncio.timeout(timeout):
        return await asyncio.wrap_future(future)


def _settle(future: Future[Any], function: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001 - it belongs to the waiting caller
        future.set_exception(error)
    else:
        future.set_result(result)
