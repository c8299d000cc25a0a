"""The older part of a conversation, which a summary can stand for so that providers accept what is left."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from sessions.log.calls import Part, answered_by, part_of
from sessions.pairing.rounds import find_rounds

if TYPE_CHECKING:
    from sessions.log.shown import Shown
    from sessions.log.calls import Call
    from sessions.pairing.rounds import Round

_NOTHING = 0, 0


def older_part(shown: list[Shown], keep_turns: int, keep_items: int | None) -> tuple[int, int]:
    """Return the indexes of the first item that is to be summarised, and of the first one behind it that is not.

    The part begins behind the messages of the system and the developer that stand before all else. It ends between two
    rounds, and before a call whose output is kept; a round at the end that waits for one is kept, too. If there is
    nothing but one summary, it is empty.

    Args:
        shown: What models are shown, oldest first.
        keep_turns: How many turns are to be kept, each with the messages of the system directly before it.
        keep_items: If not ``None``, how many items are to be kept instead.
    """
    rounds = list(find_rounds([one.item for one in shown]))
    ends = list(accumulate((len(found) for found in rounds), initial=0))
    if rounds and rounds[-1].open_calls:
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
    while 0 < end < len(shown) and shown[end].summary and shown[end].summary is shown[end - 1].summary:
        # A summary is taken whole.
        end -= 1
    end = _before_answered_later(shown, rounds, ends, end)
    chosen = shown[start:end]
    if not chosen or (chosen[0].summary and chosen[0].summary is chosen[-1].summary):
        return _NOTHING
    return start, end


def _before_answered_later(shown: list[Shown], rounds: list[Round], starts: list[int], end: int) -> int:
    """Return the last end up to `end` behind which no output is kept whose call is not."""
    opened: dict[Call, int] = {}
    for start, found in zip(starts, rounds, strict=False):
        opened |= {call: start for _, call in found.open_calls if call not in opened}
    for start, found in reversed([*zip(starts, rounds, strict=False)]):
        if start >= end:
            end = min([end, *(opened.get(answered_by(shown[index].item), end) for index in found.strays)])
    return end


def _is_instruction(one: Shown) -> bool:
    return _plays(one, Part.CONTEXT) and one.item.get("role") is not None


def _plays(one: Shown, part: Part) -> bool:
    """Tell whether an item plays a part that it does not only play in a summary."""
    return one.summary is None and part_of(one.item) is part
