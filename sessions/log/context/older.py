"""The older part of a conversation that a summary can replace so that providers accept the rest."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from sessions.items.calls import answers_of, is_instruction, part_of
from sessions.items.parts import Part
from sessions.items.rounds import Unknown, find_rounds

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.items.parts import Call
    from sessions.items.rounds import Round
    from sessions.log.context.walker import Shown

_NOTHING = 0, 0
_BEFORE_ANSWERS = (Part.USER, Part.CONTEXT)
_ANSWERS = (Part.ANSWER, Part.CHAT_ANSWER, Part.UNKNOWN)


def older_part(
    shown: list[Shown], keep_turns: int, keep_items: int | None, ended: Callable[[], int] = lambda: 0
) -> tuple[int, int]:
    """Return the index of the first item to be summarised, and of the first item to be kept after it.

    The part begins after the leading messages of the system and the developer. It ends between two rounds, before a
    call whose output is kept, and before one that may still be answered; a round at the end that waits for one is kept,
    too, and in a turn with items of an unknown shape is no end. If it would be a single summary, it is empty.

    Args:
        shown: The items that models see, oldest first.
        keep_turns: How many turns are to be kept, each with the messages of the system directly before it.
        keep_items: If not ``None``, how many items are to be kept instead.
        ended: Returns the position up to which every call was made under a lease that has ended; 0 if unknown.
    """
    parts = [part_of(one.item) for one in shown]
    rounds = list(find_rounds([one.item for one in shown], parts))
    starts = list(accumulate((len(found) for found in rounds), initial=0))
    ends = [end for end in starts if not _is_inside_unknown(parts, end)]
    if rounds and rounds[-1].open_calls and ends[-1] == len(shown):
        ends.pop()
    start = next((index for index, one in enumerate(shown) if not _is_instruction(one)), len(shown))
    if keep_items is not None:
        end = max((end for end in ends if len(shown) - end >= keep_items), default=0)
    elif keep_turns:
        messages = [index for index, one in enumerate(shown) if _plays(one, Part.USER)]
        if len(messages) < keep_turns:
            return _NOTHING
        end = messages[-keep_turns]
        while end > start and _plays(shown[end - 1], Part.CONTEXT):
            end -= 1
    else:
        end = ends[-1]
    waiting = _first_waiting(shown, rounds, parts, ended)
    if waiting < end:
        end = waiting
        if all(part in _BEFORE_ANSWERS for part in parts[start:end]):
            # Of the message that is being answered alone, there is nothing to summarise.
            return _NOTHING
    while 0 < end < len(shown) and shown[end].summary and shown[end].summary is shown[end - 1].summary:
        # A summary is taken whole.
        end -= 1
    end = _before_answered_later(shown, rounds, starts, end)
    chosen = shown[start:end]
    if not chosen or (chosen[0].summary and chosen[0].summary is chosen[-1].summary):
        return _NOTHING
    return start, end


def _is_inside_unknown(parts: list[Part], end: int) -> bool:
    """Tell whether an end lies inside a turn with items of an unknown shape."""
    if end in (0, len(parts)) or Part.UNKNOWN not in parts or parts[end] is Part.USER:
        return False
    before = next((index for index in range(end - 1, -1, -1) if parts[index] is Part.USER), 0)
    after = next((index for index in range(end, len(parts)) if parts[index] is Part.USER), len(parts))
    return Part.UNKNOWN in parts[before:after]


def _first_waiting(shown: list[Shown], rounds: list[Round], parts: list[Part], ended: Callable[[], int]) -> int:
    """Return the index of the first item of the first round with a call that may still be answered.

    A call may as long as nothing says that its run is over: that it was made in a turn that is, and the model has
    answered another message since.
    """
    unknown = Unknown(parts)
    outputs = {call: index for found in rounds for index in found.strays for call in answers_of(shown[index].item)}
    last_answer = max((index for index, part in enumerate(parts) if part in _ANSWERS), default=0)
    last_message = max((index for index, part in enumerate(parts[:last_answer]) if part is Part.USER), default=-1)
    over = -1
    for found in rounds:
        for index, call in found.open_calls:
            # It does not wait if an output, or a possible output, follows.
            if not call.call_id or outputs.get(call, -1) > index or unknown.may_answer(index):
                continue
            if index < last_message and over < 0:
                over = ended()
            if index > last_message or shown[index].position > over:
                return found.indexes[0]
    return len(shown)


def _before_answered_later(shown: list[Shown], rounds: list[Round], starts: list[int], end: int) -> int:
    """Return the last end up to `end` behind which no output is kept whose call is not."""
    opened: dict[Call, int] = {}
    for start, found in zip(starts, rounds, strict=False):
        opened |= {call: start for _, call in found.open_calls if call not in opened}
    for start, found in reversed([*zip(starts, rounds, strict=False)]):
        if start >= end:
            named = (call for index in found.strays for call in answers_of(shown[index].item))
            end = min([end, *(opened.get(call, end) for call in named)])
    return end


def _is_instruction(one: Shown) -> bool:
    return one.summary is None and is_instruction(one.item)


def _plays(one: Shown, part: Part) -> bool:
    """Tell whether an item plays a part that it does not only play in a summary."""
    return one.summary is None and part_of(one.item) is part
