"""Repair of a history that a crash or two simultaneous writers left in a form that providers refuse.

`sessions.items.rounds` has the rules and their sources. A window leaves damaged parts out; repairing keeps as much as
possible: a call gets an output that says that none was recorded, and an output moves back to its call.

Items of an unknown shape stay in place. Such an item may answer any call before it in its turn, and may contain the
call of any output after it; so such a call is not open, and such an output is not an orphan.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sessions.items.calls import answers_of, asks_a_human, part_of, placeholder, program_begun, program_of
from sessions.items.parts import Part
from sessions.items.rounds import Unknown, find_rounds, is_one_round

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.items.parts import Call
    from sessions.items.rounds import Round
    from sessions.types import Item

OPEN_CALL: Final = "open_call"
UNANSWERABLE_CALL: Final = "unanswerable_call"
ORPHAN_CALL: Final = "orphan_call"
DISPLACED_OUTPUT: Final = "displaced_output"
REPEATED_OUTPUT: Final = "repeated_output"
ORPHAN_OUTPUT: Final = "orphan_output"
LONE_REASONING: Final = "lone_reasoning"

INTERRUPTED: Final = "The call was interrupted; no output was recorded."
"""The text of an output added for a call whose own output was never recorded."""


@dataclass(frozen=True)
class Damage:
    """A problem in a history because of which providers refuse it.

    Example: ``kinds = {damage.kind for damage in (await session.repair()).damages}``

    Attributes:
        kind: The problem, and its repair: ``open_call``: a call without an output; it gets one that says so.
            ``unanswerable_call``: a call without an id; the whole answer that contains it is removed. ``orphan_call``:
            a call of a program that is missing; the whole answer that contains it is removed. ``displaced_output``: an
            output that does not follow its call's answer; it is moved there. ``repeated_output``: a second output of a
            call; it is removed. ``orphan_output``: an output without a call; it is removed. ``lone_reasoning``:
            reasoning that nothing of the model follows; it is removed.
        position: The item's position on the branch; for `repair_items`, its index in the list.
        call_id: The call's id; for calls from before there were ids, the function's name; ``None`` without either.
    """

    kind: str
    position: int
    call_id: str | None = None

    def at(self, position: int) -> Damage:
        """Return the same damage with another position.

        Example: ``Damage("open_call", 3).at(7)``
        """
        return replace(self, position=position)


@dataclass(frozen=True)
class RepairReport:
    """The result of a repair.

    Example: ``assert not (await session.repair()).damages``

    Attributes:
        damages: The problems, in the order of positions.
        repaired: Whether they were repaired; false if there were no problems.
    """

    damages: tuple[Damage, ...]
    repaired: bool


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


def repair_items(
    items: Sequence[Item], text: str = INTERRUPTED, *, for_humans: bool = True
) -> tuple[list[Item], list[Damage]]:
    """Return a history that providers accept, and the problems found. Repairing it again changes nothing.

    Example: ``repaired, damages = repair_items(items)``

    Args:
        items: The history, oldest first; it is not changed.
        text: The text of added outputs.
        for_humans: Whether to answer requests for a human decision; otherwise these stay unanswered, together with the
            calls made at the same time.

    Returns:
        The repaired history, with the same objects where they are kept, and the damages in the order of their
        positions, which are indexes into `items`.
    """
    parts = [part_of(item) for item in items]
    unknown = Unknown(parts)
    opened: list[_Open] = []
    strays: list[int] = []
    damages: list[Damage] = []
    dropped: set[int] = set()
    answered: set[Call] = set()
    for found in find_rounds(items, parts):
        answered_here = {_named(items[index]) for index in found.outputs}
        answered |= answered_here
        for index in found.strays:
            named = _named(items[index])
            if named not in answered_here:
                strays.append(index)
            elif not unknown.may_call(index):
                dropped.add(index)
                damages.append(Damage(REPEATED_OUTPUT, index, named.call_id))
        dropped.update(found.lone_reasoning)
        damages += [Damage(LONE_REASONING, index) for index in found.lone_reasoning]
        hopeless = [Damage(UNANSWERABLE_CALL, index) for index, call in found.open_calls if not call.call_id]
        hopeless += [Damage(ORPHAN_CALL, index, program_of(items[index])) for index in found.ownerless]
        if hopeless:
            if not any(parts[index] is Part.UNKNOWN for index in found.answers):
                damages += hopeless
                dropped.update(found.answers, found.outputs)
            continue
        if not for_humans and any(asks_a_human(items[index]) for index, _ in found.open_calls):
            continue
        opened += _open_of(items, parts, found, unknown)
    placed, left = _place(items, strays, opened, answered, unknown)
    damages += placed
    for call in opened:
        if call.output is None:
            damages.append(Damage(OPEN_CALL, call.position, call.call.call_id))
            call.output = placeholder(call.call, text, items[call.position])
    damages.sort(key=lambda damage: damage.position)
    return _rebuilt(items, dropped.union(strays) - left, opened), damages


def _open_of(items: Sequence[Item], parts: Sequence[Part], found: Round, unknown: Unknown) -> list[_Open]:
    """Return the open calls of a round, those of programs last: the calls that they own are answered first."""
    last = max([*found.answers, *found.outputs], default=0)
    opened = []
    for index, call in sorted(found.open_calls, key=lambda made: bool(program_begun(items[made[0]]))):
        end = last
        if not program_begun(items[index]):
            end = index
            while end < last and is_one_round(parts[end], parts[end + 1]) and not _ends_program(items[end + 1]):
                end += 1
        if not unknown.may_answer(index):
            opened.append(_Open(index, call, end))
    return opened


def _ends_program(item: Item) -> bool:
    return part_of(item) is Part.ANSWER and bool(answers_of(item))


def _named(output: Item) -> Call:
    """Return the call that an output answers: each one answers one, in all dialects that are there."""
    (call,) = answers_of(output)
    return call


def _place(
    items: Sequence[Item], strays: list[int], opened: list[_Open], answered: set[Call], unknown: Unknown
) -> tuple[list[Damage], set[int]]:
    """Give outputs back to their calls: to the last open one before the output, else to the first one after it.

    Some models use the ids of calls again, so an output of which one is already there goes to none that comes later.

    Returns:
        The damages, and the outputs that stay where they are, as their calls may be of an unknown shape.
    """
    damages = []
    left = set()
    waiting: defaultdict[Call, list[_Open]] = defaultdict(list)
    for call in sorted(opened, key=lambda call: call.position):
        waiting[call.call].append(call)
    for stray in strays:
        named = _named(items[stray])
        calls = waiting[named]
        before = bisect_left(calls, stray, key=lambda call: call.position)
        if before or (calls and named not in answered):
            calls.pop(max(before - 1, 0)).output = items[stray]
            answered.add(named)
            kind = DISPLACED_OUTPUT
        elif unknown.may_call(stray):
            left.add(stray)
            continue
        else:
            kind = REPEATED_OUTPUT if named in answered else ORPHAN_OUTPUT
        damages.append(Damage(kind, stray, named.call_id or None))
    return damages, left


def _rebuilt(items: Sequence[Item], dropped: set[int], opened: list[_Open]) -> list[Item]:
    added: defaultdict[int, list[Item]] = defaultdict(list)
    for call in opened:
        added[call.end].append(call.output)
    repaired: list[Item] = []
    for index, item in enumerate(items):
        if index not in dropped:
            repaired.append(item)
        repaired += added.get(index, ())
    return repaired
