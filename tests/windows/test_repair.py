"""Repaired histories are accepted, and repairing them again changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionFunctionMessageParam, ChatCompletionToolMessageParam
from openai.types.responses import ResponseCustomToolCallOutputParam, ResponseToolSearchOutputItemParamParam
from openai.types.responses import response_input_item_param as items_of_api
from pydantic import ConfigDict, TypeAdapter, with_config

from sessions.items.repair import INTERRUPTED, Damage, repair_items
from sessions.items.window import Window
from sessions.items.window_builder import cut

from .conversations import REFUSED_BY, Item, conversations

SHAPES = pytest.mark.parametrize("shape", ["chat", "responses"])

USER: Item = {"role": "user", "content": "?"}
ANSWER: Item = {"type": "message", "role": "assistant", "content": []}
REASONING: Item = {"type": "reasoning", "id": "rs", "summary": []}


def call(call_id: str = "c") -> Item:
    return {"type": "function_call", "call_id": call_id, "name": "f", "arguments": "{}"}


def output(call_id: str = "c", text: str = ".") -> Item:
    return {"type": "function_call_output", "call_id": call_id, "output": text}


def chat_calls(*ids: str) -> Item:
    return {"role": "assistant", "tool_calls": [{"id": id_, "type": "function", "function": {}} for id_ in ids]}


def tool(call_id: str, text: str = ".") -> Item:
    return {"role": "tool", "tool_call_id": call_id, "content": text}


def spoken(items: list[Item]) -> list[Item]:
    """With a user's message first: who begins is for windows to see to."""
    return [USER, *items]


@SHAPES
@given(data=st.data())
def test_what_is_repaired_is_accepted_and_nothing_sound_is_lost(shape: str, data: st.DataObject) -> None:
    parts = data.draw(conversations(shape, damaged=True))
    items = spoken([item for part in parts for item in part.items])

    repaired, damages = repair_items(items)

    assert REFUSED_BY[shape](repaired) == []
    assert damages or not REFUSED_BY[shape](items)
    assert repair_items(repaired) == (repaired, [])
    assert cut(repaired, Window()) == repaired
    gone = {damage.position for damage in damages if damage.kind != "open_call"}
    assert [item for item in repaired if item in items] == [item for n, item in enumerate(items) if n not in gone]


@SHAPES
@given(data=st.data())
def test_what_is_sound_stays_as_it_is(shape: str, data: st.DataObject) -> None:
    items = [item for part in data.draw(conversations(shape, damaged=False)) for item in part.items]

    assert repair_items(items) == (items, [])


RESPONSES = [USER, ANSWER, REASONING, call("c"), call("d"), call(""), output("c"), output("d"), output("")]
CHAT = [USER, {"role": "assistant", "content": "!"}, chat_calls("c"), chat_calls("c", "d"), tool("c"), tool("d")]


@pytest.mark.parametrize(("shape", "choice"), [("responses", RESPONSES), ("chat", CHAT)])
@given(data=st.data())
def test_whatever_was_left_behind_can_be_repaired(shape: str, choice: list[Item], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(choice), max_size=12))
    items = spoken([{**item, "number": number} for number, item in enumerate(chosen)])

    repaired, damages = repair_items(items)

    assert REFUSED_BY[shape](repaired) == []
    assert repair_items(repaired) == (repaired, [])
    assert damages == sorted(damages, key=lambda damage: damage.position)
    assert (repaired == items) == (not damages)


INTERRUPTED_TOOL = tool("c", INTERRUPTED)
CASES: dict[str, tuple[list[Item], list[Item], list[Damage]]] = {
    "a call at the end": (
        [USER, REASONING, call()],
        [USER, REASONING, call(), output(text=INTERRUPTED)],
        [Damage("open_call", 2, "c")],
    ),
    "a call in the middle": (
        [USER, call(), USER, ANSWER],
        [USER, call(), output(text=INTERRUPTED), USER, ANSWER],
        [Damage("open_call", 1, "c")],
    ),
    "one of several calls": (
        [USER, chat_calls("b", "a", "c"), tool("a"), USER],
        [USER, chat_calls("b", "a", "c"), tool("a"), tool("b", INTERRUPTED), tool("c", INTERRUPTED), USER],
        [Damage("open_call", 1, "b"), Damage("open_call", 1, "c")],
    ),
    "an output after the next message": (
        [USER, call(), USER, output(), ANSWER],
        [USER, call(), output(), USER, ANSWER],
        [Damage("displaced_output", 3, "c")],
    ),
    "an output before its call": (
        [USER, tool("c"), chat_calls("c"), USER],
        [USER, chat_calls("c"), tool("c"), USER],
        [Damage("displaced_output", 1, "c")],
    ),
    "an output goes to the last call before it": (
        [USER, call(), USER, call(), USER, output()],
        [USER, call(), output(text=INTERRUPTED), USER, call(), output(), USER],
        [Damage("open_call", 1, "c"), Damage("displaced_output", 5, "c")],
    ),
    "an output twice, of a call whose id comes again": (
        [USER, call(), output(), output(), USER, call()],
        [USER, call(), output(), USER, call(), output(text=INTERRUPTED)],
        [Damage("repeated_output", 3, "c"), Damage("open_call", 5, "c")],
    ),
    "an output twice, of a call whose id was there before": (
        [USER, call(), USER, call(), output(), output()],
        [USER, call(), output(text=INTERRUPTED), USER, call(), output()],
        [Damage("open_call", 1, "c"), Damage("repeated_output", 5, "c")],
    ),
    "an output again, before a call with the same id": (
        [USER, call(), output(), USER, output(), USER, call()],
        [USER, call(), output(), USER, USER, call(), output(text=INTERRUPTED)],
        [Damage("repeated_output", 4, "c"), Damage("open_call", 6, "c")],
    ),
    "an output that came later, and again after that": (
        [USER, call(), USER, output(), USER, output()],
        [USER, call(), output(), USER, USER],
        [Damage("displaced_output", 3, "c"), Damage("repeated_output", 5, "c")],
    ),
    "an output twice": (
        [USER, call(), output(), output()],
        [USER, call(), output()],
        [Damage("repeated_output", 3, "c")],
    ),
    "an output of nobody": ([USER, output(), ANSWER], [USER, ANSWER], [Damage("orphan_output", 1, "c")]),
    "an output without a call's id": ([USER, output("")], [USER], [Damage("orphan_output", 1)]),
    "reasoning at the end": ([USER, ANSWER, REASONING], [USER, ANSWER], [Damage("lone_reasoning", 2)]),
    "a call without an id": (
        [USER, REASONING, call(""), call("d"), output("d"), USER],
        [USER, USER],
        [Damage("unanswerable_call", 2)],
    ),
    "a call and an output without ids": (
        [USER, call(""), output("")],
        [USER],
        [Damage("unanswerable_call", 1), Damage("orphan_output", 2)],
    ),
    "nothing": ([], [], []),
}  # fmt: skip


@pytest.mark.parametrize(("items", "repaired", "damages"), CASES.values(), ids=CASES)
def test_repairing(items: list[Item], repaired: list[Item], damages: list[Damage]) -> None:
    before = [dict(item) for item in items]

    assert repair_items(items) == (repaired, damages)
    assert items == before


def test_what_stands_for_an_output_may_say_something_else() -> None:
    [*_, said], _ = repair_items([USER, chat_calls("c")], "Ask again.")
    assert said == tool("c", "Ask again.")


# What the SDK of the API asks of each kind of output. It asks for another field of the outputs of local shells than
# what the OpenAI Agents SDK sends, which is what is made here.
SHAPES_OF_OUTPUTS: list[tuple[Item, Any]] = [
    ({"type": "function_call", "call_id": "c"}, items_of_api.FunctionCallOutput),
    ({"type": "custom_tool_call", "call_id": "c"}, ResponseCustomToolCallOutputParam),
    ({"type": "computer_call", "call_id": "c"}, items_of_api.ComputerCallOutput),
    ({"type": "shell_call", "call_id": "c"}, items_of_api.ShellCallOutput),
    ({"type": "apply_patch_call", "call_id": "c"}, items_of_api.ApplyPatchCallOutput),
    ({"type": "mcp_approval_request", "id": "c"}, items_of_api.McpApprovalResponse),
    ({"type": "tool_search_call", "call_id": "c", "execution": "client"}, ResponseToolSearchOutputItemParamParam),
    (chat_calls("c"), ChatCompletionToolMessageParam),
    ({"role": "assistant", "function_call": {"name": "c"}}, ChatCompletionFunctionMessageParam),
]


@pytest.mark.parametrize(("made", "shape"), SHAPES_OF_OUTPUTS)
def test_what_stands_for_an_output_has_its_shape(made: Item, shape: Any) -> None:
    [_, said], damages = repair_items([made])

    assert damages == [Damage("open_call", 0, "c")]
    assert repair_items([made, said]) == ([made, said], [])
    TypeAdapter(with_config(ConfigDict(extra="forbid"))(shape)).validate_python(said, strict=True)


def test_what_stands_for_the_output_of_a_local_shell() -> None:
    made = {"type": "local_shell_call", "call_id": "c", "id": "lsh"}
    assert repair_items([made])[0] == [made, {"type": "local_shell_call_output", "call_id": "c", "output": INTERRUPTED}]
