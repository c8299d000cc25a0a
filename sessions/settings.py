"""Settings as a dictionary, and the setting that compacts a session automatically."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

from sessions.items.window import Window
from sessions.validation import check_count

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Summariser: TypeAlias = "Callable[[list[Any]], Awaitable[Any]]"
"""An asynchronous function from items, oldest first, to their summary: a text, which is shown as a user message; an
item; or a list of items."""


class SettingsDict(TypedDict, total=False):
    """Settings as a dictionary. The keys are the arguments of `SessionSettings`, which explains them.

    Example: ``settings: SettingsDict = {"limit": 50}``
    """

    limit: int | None
    window: Window | None
    repair: bool
    compaction: Compaction | None


@dataclass(frozen=True)
class Compaction:
    """A setting that compacts a session automatically: `SessionSettings(compaction=…)`.

    Example: ``Compaction(summarise, above=Window(items=200))``

    Args:
        summarise: Returns a summary of the items it is given.
        above: Compact as soon as a model would see more than this window holds.
        keep_turns: The number of turns at the end that stay unchanged.
        keep_items: If given, replaces `keep_turns`: this many items at the end stay unchanged, or a few more, because a
            model's simultaneous calls stay together with their outputs.

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
            raise TypeError(
                f"above must be a Window, not {type(self.above).__name__}. No setting was made. Write "
                "above=Window(items=200)."
            )
        if self.above == Window():
            raise ValueError(
                "above has no bound. No setting was made. Write above=Window(items=…), Window(turns=…) or "
                "Window(tokens=…, counter=…)."
            )
        check_kept(self.keep_turns, self.keep_items)


def check_summariser(summarise: object) -> None:
    """Refuse a summariser that cannot be called.

    Raises:
        TypeError: It cannot be called.
    """
    if not callable(summarise):
        raise TypeError(
            f"summarise must be an async function of a list of items, not {type(summarise).__name__}. Nothing "
            "was done. Define it with async def summarise(items)."
        )


def check_kept(turns: object, items: object) -> None:
    """Refuse invalid numbers of turns and items to keep.

    Raises:
        TypeError: One is not an integer.
        ValueError: One is negative.
    """
    check_count(turns, "keep_turns", least=0)
    if items is not None:
        check_count(items, "keep_items", least=0)
