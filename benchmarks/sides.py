"""Who is compared: the limit, the limit with group commit, ours, and the OpenAI Agents SDK's session.

A side is imported only in the process that runs it: what one side loads must not slow down another.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Literal, Protocol, cast

from benchmarks.data import Item

Side = Literal["limit", "grouped", "ours", "sdk"]
SIDES: tuple[Side, ...] = ("limit", "ours", "sdk")
TITLES: dict[Side, str] = {
    "limit": "limit",
    "grouped": "limit with group commit",
    "ours": "ours",
    "sdk": "Agents SDK",
}


CLASSES: dict[Side, tuple[str, str]] = {
    "limit": ("benchmarks.limit", "LimitSession"),
    "grouped": ("benchmarks.grouped", "GroupedSession"),
    "ours": ("sessions", "SQLiteSession"),
    "sdk": ("agents", "SQLiteSession"),
}


class Conversation(Protocol):
    """What the workloads use of a session."""

    async def get_items(self, limit: int | None = None) -> list[Item]:
        """The latest `limit` items or all, oldest first."""

    async def add_items(self, items: list[Item]) -> None:
        """Appends, on disk when it returns."""

    async def pop_item(self) -> Item | None:
        """Removes and returns the last item."""

    def close(self) -> None:
        """Gives back what the object holds."""


def opener(side: Side) -> Callable[[str, Path], Conversation]:
    """Returns what makes a new session object: `(session_id, path)`."""
    module, name = CLASSES[side]
    return cast("Callable[[str, Path], Conversation]", getattr(import_module(module), name))
