"""Windows: limits on how much of a conversation to read. `sessions.items.window_builder` decides which part that is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from sessions.errors import CounterError
from sessions.validation import check_count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Window:
    """Limits on how much of a conversation to read.

    Example: ``SessionSettings(window=Window(turns=10, items=200))``

    If several are given, all hold; without any, the window holds everything.

    Args:
        items: At most this many items.
        turns: At most this many turns: user messages, each with everything up to the next one.
        tokens: At most this many tokens, as `counter` counts them.
        counter: Returns the number of tokens of one item, an integer of 0 or more. A window's tokens are the sum over
            its items. It may be called from any thread, also for some items before the window, and must not use the
            session.

    Raises:
        TypeError: A bound is not an integer, or the counter cannot be called.
        ValueError: A bound is below 1, or only one of `tokens` and `counter` is given.
    """

    items: int | None = None
    turns: int | None = None
    tokens: int | None = None
    counter: Callable[[Any], int] | None = None

    def __post_init__(self) -> None:
        for name, bound in (("items", self.items), ("turns", self.turns), ("tokens", self.tokens)):
            if bound is not None:
                check_count(bound, name, least=1)
        if (self.tokens is None) != (self.counter is None):
            raise ValueError(
                "tokens and counter must be given together. No window was made. Pass a number of tokens and a "
                "function that counts an item's tokens."
            )
        if self.counter is not None and not callable(self.counter):
            raise TypeError(
                f"counter must be a function of one item, not {type(self.counter).__name__}. No window was made. "
                "Pass for example counter=token_counter('gpt-4o')."
            )

    def within(self, items: int | None) -> Window:
        """Return the same window with at most `items` items; unchanged if that is ``None``.

        Example: ``Window(turns=10).within(50)``

        `items` must be at least 1.
        """
        bounds = [bound for bound in (items, self.items) if bound is not None]
        return replace(self, items=min(bounds, default=None))

    def size_of(self, items: Sequence[Any], *, turns: int) -> Size:
        """Return the size of items, among which `turns` are user messages.

        Example: ``Window(turns=10).size_of(items, turns=1)``

        Raises:
            CounterError: The counter failed, or did not return an integer of 0 or more.
        """
        counter = self.counter
        return Size(len(items), turns, sum(_tokens(counter, item) for item in items) if counter else 0)

    def holds(self, size: Size) -> bool:
        """Tell whether a size is within the limits.

        Example: ``Window(turns=10).holds(Size(items=3, turns=1))``
        """
        bounds = (self.items, self.turns, self.tokens)
        return all(bound is None or number <= bound for number, bound in zip(size, bounds, strict=True))


class Size(NamedTuple):
    """A size: items, turns and tokens."""

    items: int = 0
    turns: int = 0
    tokens: int = 0

    def plus(self, other: Size) -> Size:
        """Return the sums."""
        return Size(self.items + other.items, self.turns + other.turns, self.tokens + other.tokens)


def _tokens(counter: Callable[[Any], int], item: Any) -> int:
    try:
        tokens = counter(item)
    except CounterError:
        raise
    except Exception as error:
        raise CounterError(
            f"the token counter raised {type(error).__name__}. Nothing was changed. Make it return an integer "
            "for every item."
        ) from error
    if not isinstance(tokens, int) or isinstance(tokens, bool):
        raise CounterError(
            f"the token counter must return an integer, not {type(tokens).__name__}. Nothing was changed. "
            "Make it return an integer for every item."
        )
    if tokens < 0:
        raise CounterError(
            f"the token counter must return 0 or more, not {tokens}. Nothing was changed. Make it return an "
            "integer of 0 or more."
        )
    return tokens
