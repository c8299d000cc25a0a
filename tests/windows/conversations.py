"""Conversations in both shapes: recorded ones, and generated ones of which it is known what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import strategies as st

from .validator import refused_by_chat, refused_by_responses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Item = dict[str, Any]

# The full recordings lie beside the checkout of those who have them.
RUNS = Path(__file__).parents[3] / "shared" / "data" / "tau-bench-airline.json"
REFUSED_BY: dict[str, Callable[[list[Item]], list[str]]] = {"chat": refused_by_chat, "responses": refused_by_responses}


def load_runs() -> list[list[Item]]:
    """All recorded runs, as Chat Completions messages; without the file the test is skipped, a failure in CI."""
    if not RUNS.exists():
        pytest.skip(f"needs {RUNS.name}, which is not part of the project")
    return [run["traj"] for run in json.loads(RUNS.read_bytes())]


def as_responses(messages: list[Item]) -> list[Item]:
    """A run as the Responses API would have it: with reasoning, and two calls that follow each other made at once."""
    calls: list[Item] = []
    outputs: list[Item] = []
    items: list[Item] = []

    def finish(at_once: int) -> None:
        if len(calls) == len(outputs) >= at_once:
            items.extend([{"type": "reasoning", "id": f"rs_{len(items)}", "summary": []}] if calls else [])
            items.extend([*calls, *outputs])
            calls.clear()
            outputs.clear()

    for message in messages:
        for call in message.get("tool_calls") or []:
            finish(at_once=2)
            calls.append({"type": "function_call", "call_id": call["id"], **call["function"]})
        if message["role"] == "tool":
            output = {"type": "function_call_output", "call_id": message["tool_call_id"], "output": message["content"]}
            outputs.append(output)
        elif not message.get("tool_calls"):
            finish(at_once=0)
            items.append({"type": "message", "role": message["role"], "content": message["content"]})
    finish(at_once=0)
    return items


class Part(NamedTuple):
    """Some neighbours in a conversation, and those of them that a provider accepts."""

    items: list[Item]
    sound: list[Item]


def whole(*items: Item) -> Part:
    return Part([*items], [*items])


@st.composite
def chat_rounds(draw: st.DrawFn, *, damaged: bool, last: bool) -> Part:
    """An assistant's message with the responses to its calls."""
    if draw(st.booleans()) or last:
        return whole({"role": "assistant", "content": "!"})
    if draw(st.integers(0, 4)) == 0:
        return whole(
            {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "."},
        )
    ids = draw(st.permutations([f"c{number}" for number in range(draw(st.integers(1, 3)))]))
    message = {"role": "assistant", "tool_calls": [{"id": id_, "function": {"name": "f"}} for id_ in ids]}
    tools = [{"role": "tool", "tool_call_id": id_, "content": "."} for id_ in draw(st.permutations(ids))]
    return draw(damages(message, tools, may_miss_all=True)) if damaged else whole(message, *tools)


RESPONSES_CALLS = ["function_call", "custom_tool_call", "computer_call", "local_shell_call", "shell_call"]


@st.composite
def responses_rounds(draw: st.DrawFn, *, damaged: bool, last: bool) -> Part:
    """Reasoning, a message or not, calls, and their outputs; no outputs if it is the last round."""
    answer: list[Item] = [{"type": "reasoning", "id": f"rs_{number}"} for number in range(draw(st.integers(1, 2)))]
    if last or draw(st.booleans()):
        answer.append({"type": "message", "role": "assistant", "content": []})
    if last:
        unanswered = Part([*answer, {"type": "function_call", "call_id": "c"}], [])
        return unanswered if damaged and draw(st.booleans()) else whole(*answer)
    calls = draw(st.lists(st.sampled_from([*RESPONSES_CALLS, "apply_patch_call"]), min_size=1, max_size=3))
    answer += [{"type": type_, "call_id": f"c{number}"} for number, type_ in enumerate(calls)]
    outputs: list[Item] = [{"type": f"{type_}_output", "call_id": f"c{number}"} for number, type_ in enumerate(calls)]
    if draw(st.booleans()):
        answer.append({"type": "mcp_approval_request", "id": "a"})
        outputs.append({"type": "mcp_approval_response", "approval_request_id": "a", "approve": True})
    if draw(st.booleans()):
        answer.append({"type": "web_search_call", "id": "w"})
    outputs = draw(st.permutations(outputs))
    if not damaged:
        return whole(*answer, *outputs)
    if draw(st.integers(0, 3)) == 0:
        return Part([*answer, {"type": "reasoning", "id": "lone"}, *outputs], [*answer, *outputs])
    # Without any output, what the model says next would be of the same round.
    found: Part = draw(damages(answer, outputs, may_miss_all=False))
    return found


@st.composite
def damages(draw: st.DrawFn, answer: Item | list[Item], outputs: list[Item], *, may_miss_all: bool) -> Part:
    """A round with an output too few or too many, or neither."""
    answer = answer if isinstance(answer, list) else [answer]
    damage = draw(st.sampled_from(["none", "missing", "repeated", "orphan"]))
    if damage == "missing" and (may_miss_all or len(outputs) > 1):
        missing = draw(st.integers(0, len(outputs) - 1))
        return Part([*answer, *outputs[:missing], *outputs[missing + 1 :]], [])
    place = draw(st.integers(1, len(outputs)))
    extra: list[Item] = []
    if damage == "repeated":
        extra = [dict(outputs[draw(st.integers(0, place - 1))])]
    elif damage == "orphan":
        name = next(name for name in ("call_id", "tool_call_id", "approval_request_id") if name in outputs[0])
        extra = [{**outputs[0], name: "nobody's"}]
    return Part([*answer, *outputs[:place], *extra, *outputs[place:]], [*answer, *outputs])


ROUNDS = {"chat": chat_rounds, "responses": responses_rounds}


@st.composite
def conversations(draw: st.DrawFn, shape: str, *, damaged: bool) -> list[Part]:
    """The parts of a conversation: instructions, what comes before the first user, and turns."""
    instructions = whole({"role": draw(st.sampled_from(["system", "developer"])), "content": "."})
    # What comes before the first message of a user begins no window.
    parts = [Part([{"role": "assistant", "content": "Hello"}], [])] if damaged and draw(st.booleans()) else []
    for _ in range(draw(st.integers(0, 4))):
        parts += [instructions] * draw(st.sampled_from([0, 0, 0, 1, 2]))
        parts.append(whole({"role": "user", "content": "?"}))
        rounds = draw(st.integers(0, 4))
        parts += [draw(ROUNDS[shape](damaged=damaged, last=number == rounds)) for number in range(1, rounds + 1)]
    parts += [instructions] * draw(st.sampled_from([0, 0, 0, 1, 2]))
    return numbered(parts)


def numbered(parts: list[Part]) -> list[Part]:
    """The same parts with a number in each item, so that no two are equal."""
    found = []
    number = 0
    for part in parts:
        items = {id(item): {**item, "number": number + place} for place, item in enumerate(part.items)}
        number += len(items)
        found.append(Part([*items.values()], [items[id(item)] for item in part.sound]))
    return found


def prefixes(items: list[Item]) -> Iterator[list[Item]]:
    """What a crash can leave of a history: it may end after each item, also inside of what was added together."""
    return (items[:end] for end in range(len(items) + 1))
