"""Windows: the latest part of a conversation, cut so that every model's provider accepts it.

A window is the longest run of whole turns at the end that fits its budget. It begins with a user's message, or with the
messages of the system or the developer directly before one. It leaves out items that providers refuse: a round
(`sessions.items.rounds`) with a call that has no output, an output without its call, reasoning without its item. So is
the open round at the end of a run in progress: its outputs come later, and then it is there whole.

If not even the last turn fits, the window is that turn's message and the latest of its rounds that fit; and if the
message alone is too much, nothing. A window is never larger than its budget.

A turn with an item of an unknown shape is given whole or not at all, because its items cannot be grouped safely. The
same holds for items before the first user message, if one of them has such a shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.errors import UnknownFormatError
from sessions.items.calls import part_of, program_begun, program_of
from sessions.items.parts import Part
from sessions.items.rounds import find_rounds, is_one_round
from sessions.items.window import Size

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sessions.items.window import Window
    from sessions.types import Item


class _Kept(NamedTuple):
    """The kept items of a round, oldest first."""

    items: list[Item]
    size: Size


_MESSAGE: Final = Size(items=1, turns=1)
_ITEM: Final = Size(items=1)
_TURN: Final = Size(turns=1)


class Cut:
    """A window that is being cut, from the end of a history. Give it pages until it is `full` or the history ends.

    It needs nothing older than the first round that does not fit any more; only if the last turn does not fit, it still
    needs that turn's message, and any item of an unknown shape in that turn. The work is proportional to the number of
    items given.

    Attributes:
        full: Whether older items can no longer change the window.
        skipping: Whether of the older items only the nearest user message still matters, and any item of an unknown
            shape after it.
    """

    __slots__ = (
        "_kept",
        "_parts",
        "_programs",
        "_round",
        "_size",
        "_turn",
        "_turn_size",
        "_unknown",
        "_whole",
        "_window",
        "full",
        "skipping",
    )

    def __init__(self, window: Window) -> None:
        self.full = False
        self.skipping = False
        self._window = window
        # Each list has the newest first.
        self._kept: list[_Kept] = []  # Whole turns, and the messages of the system directly before them.
        self._size = Size()
        self._turn: list[_Kept] = []  # The rounds of the turn that is being read.
        self._turn_size = Size()
        self._whole: list[Item] = []  # All items of its rounds, the newest first.
        self._unknown = False  # Whether one of them has an unknown shape.
        self._round: list[Item] = []  # The items of the round that is being read …
        self._parts: list[Part] = []  # … their parts …
        self._programs: set[str] = set()  # … and the programs of theirs that begin before it.

    def add(self, page: Iterable[Item]) -> None:
        """Take the next older items.

        Args:
            page: The newest first.

        Raises:
            CounterError: The counter failed, or returned something else than an integer from 0.
            UnknownFormatError: The last turn does not fit, and holds items of an unknown shape.
        """
        for item in page:
            part = part_of(item)
            if self._round and (part is Part.USER or not (self._programs or is_one_round(part, self._parts[-1]))):
                self._end_round()
            if self.full:
                return
            if part is Part.USER:
                self._end_turn(item)
            elif not self.skipping:
                self._round.append(item)
                self._parts.append(part)
                if program := program_of(item):
                    self._programs.add(program)
                self._programs.discard(program_begun(item))
            elif part is Part.UNKNOWN:
                raise self._too_small("it does not fit")

    def items(self) -> list[Item]:
        """Return the window, oldest first.

        Raises:
            CounterError: The counter failed, or returned something else than an integer from 0.
            UnknownFormatError: The last turn does not fit, and holds items of an unknown shape; or there are such items
                and no turns at all.
        """
        self._end_round()
        if self._unknown and not self.full:
            # Items before the first user message: a turn without a known beginning.
            if self._window.turns is not None and not self._size.turns:
                raise self._too_small("turns cannot be told there")
            self._keep_whole(_Kept([], _TURN))
        return [item for kept in reversed(self._kept) for item in kept.items]

    def _end_round(self) -> None:
        """Put the round that has been read where it belongs, and see whether more is wanted."""
        if not self._round:
            return
        items, parts = self._round[::-1], self._parts[::-1]
        # If a program was looked for in vain, they are several.
        rounds = [*find_rounds(items, parts)]
        self._round, self._parts, self._programs = [], [], set()
        for found in reversed(rounds):
            round_ = self._measured([items[index] for index in found.sound])
            longer = self._size.plus(round_.size)
            if parts[found.indexes[0]] is Part.CONTEXT and not self._whole and self._window.holds(longer):
                self._kept.append(round_)
                self._size = longer
                continue
            self._whole += [items[index] for index in reversed(found.indexes)]
            self._turn.append(round_)
            self._turn_size = self._turn_size.plus(round_.size)
        self._unknown = self._unknown or Part.UNKNOWN in parts
        # If it has an item of an unknown shape, no message may begin it.
        least = self._size.plus(self._turn_size).plus(Size() if self._unknown else _MESSAGE)
        if self._whole and not self._window.holds(least):
            # Nothing more is wanted; or if nothing is kept yet, the message of this turn alone.
            self.skipping = not self._size.turns
            self.full = not self.skipping
            if self.skipping and self._unknown:
                raise self._too_small("it does not fit")

    def _end_turn(self, message: Item) -> None:
        """Keep the turn that has been read, which begins with `message`, if it fits."""
        opening = self._measured([message], turns=1)
        longer = self._size.plus(self._turn_size).plus(opening.size)
        if self._unknown:
            self._keep_whole(opening)
        elif self._window.holds(longer):
            self._kept += [*self._turn, opening]
            self._size = longer
        else:
            if not self._size.turns:
                self._kept = self._latest_rounds(opening)
            self.full = True
        self._turn, self._whole, self._unknown = [], [], False
        self._turn_size = Size()
        self.full = self.full or not self._window.holds(self._size.plus(_ITEM))

    def _keep_whole(self, opening: _Kept) -> None:
        """Keep the turn that was read whole, with its opening messages, if it fits."""
        whole = self._measured(self._whole[::-1])
        longer = self._size.plus(whole.size).plus(opening.size)
        if self._window.holds(longer):
            self._kept += [whole, opening]
            self._size = longer
            return
        if not self._size.turns:
            raise self._too_small("it does not fit")
        self.full = True

    def _too_small(self, why: str) -> UnknownFormatError:
        return UnknownFormatError(
            f"the last turn has items of an unknown shape, so it can only be returned whole, and {why}. "
            "Nothing was changed. Make the window larger, or read with get_items(limit=…)."
        )

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
