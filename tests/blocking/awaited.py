"""An object of `sessions.blocking` as an asynchronous one, for the contracts: each call runs on a thread of its own."""

from __future__ import annotations

import asyncio
import inspect
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final, Self

from sessions.blocking.driving import Block, Part, Steps

if TYPE_CHECKING:
    from collections.abc import Callable

# Contracts have many callers wait for one lease: none of them may keep the others from a thread.
_THREADS: Final = ThreadPoolExecutor(128, thread_name_prefix="awaited")
_ENDED: Final = object()


async def elsewhere(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Return the result of a call on another thread, in this context."""
    run = copy_context().run
    return awaited(await asyncio.get_running_loop().run_in_executor(_THREADS, lambda: run(call, *arguments, **named)))


def awaited(value: Any) -> Any:
    """Return the asynchronous form of an object of `sessions.blocking`; anything else as it is."""
    if isinstance(value, Part):
        return Awaited(value)
    if isinstance(value, Block):
        return _Block(value)
    return _steps(value) if isinstance(value, Steps) else value


class Awaited:
    """A session, a store or a part of one."""

    _door: Part

    def __init__(self, door: Part) -> None:
        vars(self)["_door"] = door

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            return getattr(self._door._async, name)
        found = getattr(self._door, name)
        if not callable(found):
            return awaited(found)
        asynchronous = inspect.getattr_static(type(self._door._async), name)
        if inspect.iscoroutinefunction(asynchronous) or name == "start":
            return lambda *arguments, **named: elsewhere(found, *arguments, **named)
        return lambda *arguments, **named: awaited(found(*arguments, **named))

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._door, name, value)

    async def __aenter__(self) -> Self:
        await elsewhere(self._door.__enter__)  # type: ignore[attr-defined]
        return self

    async def __aexit__(self, *error: object) -> None:
        await elsewhere(self._door.__exit__, *error)  # type: ignore[attr-defined]


class _Block:
    def __init__(self, door: Block[Any]) -> None:
        self._door = door

    async def __aenter__(self) -> Any:
        return await elsewhere(self._door.__enter__)

    async def __aexit__(self, *error: object) -> Any:
        return await elsewhere(self._door.__exit__, *error)


async def _steps(door: Steps[Any]) -> Any:
    try:
        while (value := await elsewhere(next, door, _ENDED)) is not _ENDED:
            yield value
    finally:
        await elsewhere(door.close)
