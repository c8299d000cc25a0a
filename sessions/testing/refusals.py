"""Operations that the models of the stateful tests expect to fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine


def refused(runner: asyncio.Runner, attempt: Coroutine[Any, Any, object], error: type[Exception]) -> None:
    """Run an operation that has to raise an error."""
    try:
        runner.run(attempt)
    except error:
        return
    raise AssertionError(f"{error.__name__} was not raised")
