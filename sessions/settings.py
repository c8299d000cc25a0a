"""Settings of a session as a dictionary; and compaction: when a conversation is summarised, and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

from sessions.items.window import Window
from sessions.validation import check_count

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Summariser: TypeAlias = "Callable[[list[Any]], Awaitable[Any]]"
"""An asynchronous function of items, oldest first, that returns what to show a model instead: a text, which is shown
as a user's message; an item; or a list of items."""


class SettingsDict(TypedDict, total=False):
    """Settings as a dictionary: the arguments of `SessionSettings`, which are explained there."""

    limit: int | None
    window: Window | None
    repair: bool
    compaction: Compaction | None


@dataclass(frozen=True)
class Compaction:
    """How a session is compacted by itself: as a setting, `SessionSettings(compaction=…)`.

    Args:
        summarise: Returns a summary of the items that it gets.
        above: Compact when a model would be shown more than such a window may hold.
        keep_turns: How many turns at the end stay as they are.
        keep_items: If given, so many items at the end stay as they are, or a few more, instead of whole turns: what a
            model said at once stays together with the outputs of its calls.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: `keep_turns` or `keep_items` is negative, or `above` has no bound.
    """

    summarise: Summariser
    above: Window
    keep_turns: int = 1
    keep_items: int | None = None

    def __post_init__(self) -> None:
        check_summariser(self.summarise)
        if not isinstance(self.above, Window):
            raise TypeError(f"above must be a Window, not {type(self.above).__name__}")
        if self.above == Window():
            raise ValueError("above must have a bound: Window(items=…), Window(turns=…) or Window(tokens=…, counter=…)")
        check_kept(self.keep_turns, self.keep_items)


def check_summariser(summarise: object) -> None:
    """Refuse what cannot be called.

    Raises:
        TypeError: It cannot.
    """
    if not callable(summarise):
        raise TypeError(f"summarise must be an async function of a list of items, not {type(summarise).__name__}")


def check_kept(turns: object, items: object) -> None:
    """Refuse what cannot be numbers of turns and of items to keep.

    Raises:
        TypeError: One is not an integer.
        ValueError: One is negative.
    """
    check_count(turns, "keep_turns", least=0)
    if items is not None:
        check_count(items, "keep_items", least=0)
