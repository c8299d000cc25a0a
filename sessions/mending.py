"""Repair: what in a history no provider would accept, as a crash or two writers at once leave it, and the mended list.

`sessions.pairing.rounds` has the rules and their sources. A window leaves out what is damaged; mending keeps as much of
it as can be kept: a call gets an output that says that there is none, an output goes back to its call.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sessions.pairing.calls import answered_by
from sessions.pairing.placeholders import placeholder
from sessions.pairing.rounds import find_rounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.pairing.calls import Call
    from sessions.protocol import Item

OPEN_CALL: Final = "open_call"
UNANSWERABLE_CALL: Final = "unanswerable_call"
DISPLACED_OUTPUT: Final = "displaced_output"
REPEATED_OUTPUT: Final = "repeated_output"
ORPHAN_OUTPUT: Final = "orphan_output"
LONE_REASONING: Final = "lone_reasoning"

INTERRUPTED: Final = "The call was interrupted; no output was recorded."
"""What an output says that stands for one that was never recorded."""


@dataclass(frozen=True)
class Damage:
    """Something in a history that providers refuse.

    Attributes:
        kind: What it is, and what mending does with it:
            ``open_call``: a call without an output; it gets one that says so.
            ``unanswerable_call``: a call without an id; the whole answer that it is part of is dropped.
            ``displaced_output``: an output that does not follow its call's answer; it is moved there.
            ``repeated_output``: an output for a call that has one already; it is dropped.
            ``orphan_output``: an output without a call; it is dropped.
            ``lone_reasoning``: reasoning that nothing of the model follows; it is dropped.
        position: Where the item is: its position on the branch; for `mend`, its index in the list.
        call_id: The call's id; for calls from before there were ids, the function's name; ``None`` where there is none.
    """

    kind: str
    position: int
    call_id: str | None = None

    def at(self, position: int) -> Damage:
        """Return the same damage, said to be at another position."""
        return replace(self, position=position)


@dataclass(frozen=True)
class RepairReport:
    """What a repair found.

    Attributes:
        damages: What was wrong, in the order of positions.
        mended: Whether it was mended; never if nothing was wrong.
    """

    damages: tuple[Damage, ...]
    mended: bool


@dataclass
class _Open:
    """A call without an output.

    Attributes:
        position: Where the item is that makes it.
        call: The call.
        end: The position after which its output belongs.
        output: The output, once there is one.
    """

    position: int
    call: Call
    end: int
    output: Item | None = None


def mend(items: Sequence[Item], text: str = INTERRUPTED) -> tuple[list[Item], list[Damage]]:
    """Return a history that providers accept, and what was wrong with it. Mending what is mended changes nothing.

    Args:
        items: The history, oldest first; it stays as it is.
        text: What the outputs say that stand for those that were never recorded.

    Returns:
        The mended history, with the same objects where they are kept, and the damages in the order of their
        positions, which are indexes into `items`.
    """
    opened: list[_Open] = []
    strays: list[int] = []
    damages: list[Damage] = []
    dropped: set[int] = set()
    answered: set[Call] = set()
    for found in find_rounds(items):
        answered_here = {answered_by(items[index]) for index in found.outputs}
        answered |= answered_here
        for index in found.strays:
            named = answered_by(items[index])
            if named in answered_here:
                dropped.add(index)
                damages.append(Damage(REPEATED_OUTPUT, index, named.call_id))
            else:
                strays.append(index)
        dropped.update(found.lone_reasoning)
        damages += [Damage(LONE_REASONING, index) for index in found.lone_reasoning]
        unanswerable = [Damage(UNANSWERABLE_CALL, index) for index, call in found.open_calls if not call.call_id]
        if unanswerable:
            damages += unanswerable
            dropped.update(found.answers, found.outputs)
            continue
        opened += [_Open(index, call, (found.outputs or found.answers)[-1]) for index, call in found.open_calls]
    damages += _place(items, strays, opened, answered)
    for call in opened:
        if call.output is None:
            damages.append(Damage(OPEN_CALL, call.position, call.call.call_id))
            call.output = placeholder(call.call, text)
    damages.sort(key=lambda damage: damage.position)
    return _rebuilt(items, dropped.union(strays), opened), damages


def _place(items: Sequence[Item], strays: list[int], opened: list[_Open], answered: set[Call]) -> list[Damage]:
    """Give outputs back to their calls: to the last open one before the output, else to the first one after it.

    Some models use the ids of calls again, so an output of which one is already there goes to none that comes later.
    """
    damages = []
    waiting: defaultdict[Call, list[_Open]] = defaultdict(list)
    for call in opened:
        waiting[call.call].append(call)
    for stray in strays:
        named = answered_by(items[stray])
        calls = waiting[named]
        before = bisect_left(calls, stray, key=lambda call: call.position)
        if before or (calls and named not in answered):
            calls.pop(max(before - 1, 0)).output = items[stray]
            answered.add(named)
            kind = DISPLACED_OUTPUT
        else:
            kind = REPEATED_OUTPUT if named in answered else ORPHAN_OUTPUT
        damages.append(Damage(kind, stray, named.call_id or None))
    return damages


def _rebuilt(items: Sequence[Item], dropped: set[int], opened: list[_Open]) -> list[Item]:
    added: defaultdict[int, list[Item]] = defaultdict(list)
    for call in opened:
        added[call.end].append(call.output)
    mended: list[Item] = []
    for index, item in enumerate(items):
        if index not in dropped:
            mended.append(item)
        mended += added.get(index, ())
    return mended
