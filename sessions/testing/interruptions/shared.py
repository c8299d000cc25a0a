"""Operations, and the time after which one hangs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessions.session.base import LogSession


Action: TypeAlias = "Callable[[], Awaitable[Any]]"


Operation: TypeAlias = "Callable[[LogSession], Awaitable[Any]]"


HANGS_AFTER: Final = 60


async def awaited(operation: Action) -> None:
    """Await an operation, as a task has to."""
    await operation()


async def summarise(items: list[Any]) -> str:
    """Summarise items for a compaction."""
    return f"{len(items)} items"
