"""Rounds: a model's answer, with the outputs of the calls in it. A round is kept whole or left out whole.

These rules are the strictest of the providers', so that a history that keeps them is accepted by all:

- Chat Completions: an assistant's message with calls is followed by one ``tool`` message for each call, before any
  other; no ``tool`` message is anywhere else. (OpenAI's error texts: "An assistant message with 'tool_calls' must be
  followed by tool messages responding to each 'tool_call_id'"; "messages with role 'tool' must be a response to a
  preceeding message with 'tool_calls'".) Anthropic asks the same of its ``tool_use`` and ``tool_result`` blocks
  (platform.claude.com, "Handle tool calls").
- Responses: each call has an output and each output a call ("No tool output found for function call …"; "No tool call
  found for function call output with call_id …").
- Responses: a program's items go with the program, and the program with its output, across any items in between (the
  OpenAI Agents SDK, ``run_internal/items.py``: "an indivisible hosted-program transcript").
- Responses: reasoning goes with the item after it, and that item with its reasoning ("Item 'rs_…' of type 'reasoning'
was
  provided without its required following item"; "… of type 'message' was provided without its required 'reasoning'
  item"; cookbook.openai.com, "Better performance from reasoning models using the Responses API").

So nothing of a round may be left out alone. A call without an output takes its whole round with it.

An item of an unknown shape may make calls or answer them. It is of one round with its neighbours; and a turn with such
an item cannot be split into rounds, so windows and summaries take it whole or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sessions.items.calls import answers_of, calls_of, part_of, program_begun, program_of
from sessions.items.parts import Call, Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sessions.types import Item


@dataclass
class Round:
    """A model's answer with the outputs of its calls; or one message of another author. Its items are neighbours.

    All numbers are indexes into the list that it was found in.

    Attributes:
        indexes: All of them.
        answers: The model's items, without reasoning that nothing follows; or the one message.
        outputs: The answers to its calls.
        open_calls: The calls that nothing answers, each with the index of the item that makes it.
        strays: Outputs that answer no call of it, or one that is answered already.
        lone_reasoning: Reasoning that nothing follows.
        ownerless: Calls of programs that do not begin in it.
    """

    indexes: range
    answers: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    open_calls: list[tuple[int, Call]] = field(default_factory=list)
    strays: list[int] = field(default_factory=list)
    lone_reasoning: list[int] = field(default_factory=list)
    ownerless: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        """Return the number of its items."""
        return len(self.indexes)

    @property
    def sound(self) -> list[int]:
        """The indexes of acceptable items, in order: empty if a call is open or belongs to a missing program."""
        return [] if self.open_calls or self.ownerless else sorted([*self.answers, *self.outputs])


_ANSWERS: Final = frozenset({Part.REASONING, Part.ANSWER, Part.OUTPUT, Part.UNKNOWN})
_GOES_ON: Final = {
    Part.USER: frozenset[Part](),
    Part.CONTEXT: frozenset[Part](),
    Part.REASONING: _ANSWERS | {Part.CHAT_ANSWER},
    Part.ANSWER: _ANSWERS,
    Part.CHAT_ANSWER: frozenset({Part.OUTPUT, Part.UNKNOWN}),
    Part.OUTPUT: frozenset({Part.OUTPUT, Part.UNKNOWN}),
    Part.UNKNOWN: _ANSWERS | {Part.CHAT_ANSWER},
}


def is_one_round(older: Part, newer: Part) -> bool:
    """Tell whether two neighbours of these parts are of the same round, also if no program spans them."""
    return newer in _GOES_ON[older]


def find_rounds(items: Sequence[Item], parts: Sequence[Part] | None = None) -> Iterator[Round]:
    """Yield the rounds of a list, oldest first, in time proportional to its length. Each item is in one of them."""
    parts = [part_of(item) for item in items] if parts is None else parts
    programs = _program_ends(items, parts)
    first = end = 0
    for index in range(1, len(items) + 1):
        end = max(end, programs.get(index - 1, 0))
        if index == len(items) or (index > end and not is_one_round(parts[index - 1], parts[index])):
            yield read_round(items, parts, range(first, index))
            first = index


def _program_ends(items: Sequence[Item], parts: Sequence[Part]) -> dict[int, int]:
    """Return where each program's last item in its turn is, by where the program begins."""
    begun: dict[str, int] = {}
    ends: dict[int, int] = {}
    for index, item in enumerate(items):
        if parts[index] is Part.USER:
            begun = {}
        elif program := program_begun(item):
            begun[program] = index
        elif (start := begun.get(program_of(item))) is not None:
            ends[start] = index
    return ends


def read_round(items: Sequence[Item], parts: Sequence[Part], indexes: range) -> Round:
    """Return the round of some neighbours.

    Args:
        items: The list that they are in.
        parts: The parts of all items of the list.
        indexes: Where they are, at least one.
    """
    found = Round(indexes)
    waiting: dict[Call, list[int]] = {}
    programs: set[str] = set()
    for index in indexes:
        named = answers_of(items[index])
        if not named:
            found.answers.append(index)
            for call in calls_of(items[index]):
                waiting.setdefault(call, []).append(index)
            programs.add(program_begun(items[index]))
            if (owner := program_of(items[index])) and owner not in programs:
                found.ownerless.append(index)
        elif all(call.call_id and waiting.get(call) for call in named):
            for call in named:
                waiting[call].pop()
            found.outputs.append(index)
        else:
            found.strays.append(index)
    found.open_calls = [(index, call) for call, open_at in waiting.items() for index in open_at]
    while found.answers and parts[found.answers[-1]] is Part.REASONING:
        found.lone_reasoning.append(found.answers.pop())
    return found


class Unknown:
    """Where the items of an unknown shape are."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._first = next((index for index, part in enumerate(parts) if part is Part.UNKNOWN), len(parts))
        # By turn, where the last one is.
        self._last: list[int] = []
        if self._first < len(parts):
            last = -1
            for index in range(len(parts) - 1, -1, -1):
                last = index if parts[index] is Part.UNKNOWN and last < 0 else last
                self._last.append(last)
                last = -1 if parts[index] is Part.USER else last
            self._last.reverse()

    def may_call(self, output: int) -> bool:
        """Tell whether one of them may have made the call that an output answers."""
        return self._first < output

    def may_answer(self, call: int) -> bool:
        """Tell whether one of them may answer a call."""
        return bool(self._last) and self._last[call] > call
