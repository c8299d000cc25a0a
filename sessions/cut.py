"""Windows: the latest part of a conversation, cut so that every model's provider accepts it.

A window is the longest run of whole turns at the end that fits its budget. It begins with a user's message, or with
the messages of the system or the developer directly before one. Left out is what providers refuse: a round
(`sessions.pairing.rounds`) with a call that has no output, an output without its call, reasoning without what it
belongs to. So is the open round at the end of a run in progress: its outputs come later, and then it is there whole.

If not even the last turn fits, the window is that turn's message and the latest of its rounds that fit; and if the
message alone is too much, nothing. A window is never larger than its budget.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.pairing.calls import Part, part_of
from sessions.pairing.rounds import is_one_round, read_round
from sessions.window import Size

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sessions.protocol import Item
    from sessions.window import Window


class _Kept(NamedTuple):
    """What is sound of a round, oldest first."""

    items: list[Item]
    size: Size


_MESSAGE: Final = Size(items=1, turns=1)
_ITEM: Final = Size(items=1)


class Cut:
    """A window that is being cut, from the end of a history. Give it pages until it is `full` or there are no more.

    It needs nothing older than the first round that does not fit any more; only if the last turn does not fit, it still
    needs that turn's message. The work is proportional to what it is given.

    Attributes:
        full: Whether nothing older can change what it holds.
        skipping: Whether of what is older only the nearest message of a user still matters.
    """

    __slots__ = ("_kept", "_parts", "_round", "_size", "_turn", "_turn_size", "_window", "full", "skipping")

    def __init__(self, window: Window) -> None:
        self.full = False
        self.skipping = False
        self._window = window
        # Each list has the newest first.
        self._kept: list[_Kept] = []  # Whole turns, and the messages of the system directly before them.
        self._size = Size()
        self._turn: list[_Kept] = []  # The rounds of the turn that is being read.
        self._turn_size = Size()
        self._round: list[Item] = []  # The items of the round that is being read …
        self._parts: list[Part] = []  # … and their parts.

    def add(self, page: Iterable[Item]) -> None:
        """Take the next older items.

        Args:
            page: The newest first.

        Raises:
            CounterError: The counter failed, or returned something else than an integer from 0.
        """
        for item in page:
            part = part_of(item)
            if self._round and not is_one_round(part, self._parts[-1]):
                self._end_round()
            if self.full:
                return
            if part is Part.USER:
                self._end_turn(item)
            elif not self.skipping:
                self._round.append(item)
                self._parts.append(part)

    def items(self) -> list[Item]:
        """Return the window, oldest first.

        Raises:
            CounterError: The counter failed, or returned something else than an integer from 0.
        """
        self._end_round()
        return [item for kept in reversed(self._kept) for item in kept.items]

    def _end_round(self) -> None:
        """Put the round that has been read where it belongs, and see whether more is wanted."""
        if not self._round:
            return
        items, parts = self._round[::-1], self._parts[::-1]
        self._round, self._parts = [], []
        sound = read_round(items, parts, range(len(items))).sound
        round_ = self._measured([items[index] for index in sound])
        longer = self._size.plus(round_.size)
        if parts[0] is Part.CONTEXT and not self._turn and self._window.holds(longer):
            self._kept.append(round_)
            self._size = longer
            return
        self._turn.append(round_)
        self._turn_size = self._turn_size.plus(round_.size)
        if not self._window.holds(self._size.plus(self._turn_size).plus(_MESSAGE)):
            # Nothing more is wanted; or if nothing is kept yet, the message of this turn alone.
            self.skipping = not self._size.turns
            self.full = not self.skipping

    def _end_turn(self, message: Item) -> None:
        """Keep the turn that has been read, which begins with `message`, if it fits."""
        opening = self._measured([message], turns=1)
        longer = self._size.plus(self._turn_size).plus(opening.size)
        if self._window.holds(longer):
            self._kept += [*self._turn, opening]
            self._size = longer
            self._turn = []
            self._turn_size = Size()
            self.full = not self._window.holds(longer.plus(_ITEM))
            return
        if not self._size.turns:
            self._kept = self._latest_rounds(opening)
        self.full = True

    def _latest_rounds(self, opening: _Kept) -> list[_Kept]:
        """Return the latest rounds of a turn that does not fit, as many as do, with the message that begins it."""
        kept: list[_Kept] = []
        size = opening.size
        if not self._window.holds(size):
            return kept
        for round_ in (*self._kept, *self._turn):
            size = size.plus(round_.size)
            if not self._window.holds(size):
                break
            kept.append(round_)
        return [*kept, opening]

    def _measured(self, items: list[Item], *, turns: int = 0) -> _Kept:
        return _Kept(items, self._window.size_of(items, turns=turns))


class LastTurn:
    """The last turn of a history, taken as a `Cut` takes it, but as it is.

    Attributes:
        full: Whether it is there.
        skipping: Never.
    """

    __slots__ = ("_items", "full", "skipping")

    def __init__(self) -> None:
        self.full = False
        self.skipping = False
        self._items: list[Item] = []

    def add(self, page: Iterable[Item]) -> None:
        """Take the next older items, the newest first."""
        for item in page:
            if self.full:
                return
            self._items.append(item)
            self.full = part_of(item) is Part.USER

    def items(self) -> list[Item]:
        """Return the turn, oldest first."""
        return self._items[::-1]


def cut(items: Sequence[Item], window: Window) -> list[Item]:
    """Return the window of a whole history.

    Args:
        items: The history, oldest first; it stays as it is.
        window: The budget.

    Raises:
        CounterError: The counter failed, or returned something else than an integer from 0.
    """
    made = Cut(window)
    made.add(reversed(items))
    return made.items()
