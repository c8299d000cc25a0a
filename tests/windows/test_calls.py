"""Which part each kind of item plays, and which call is answered by what."""

from __future__ import annotations

from typing import Any

import pytest

from sessions.items.calls import answers_of, calls_of, part_of
from sessions.items.parts import Call, Part
from sessions.items.rounds import find_rounds

Item = dict[str, Any]


@pytest.mark.parametrize(
    ("item", "part"),
    [
        ({"role": "user", "content": "?"}, Part.USER),
        ({"type": "message", "role": "user", "content": "?"}, Part.USER),
        ({"role": "system", "content": "."}, Part.CONTEXT),
        ({"type": "message", "role": "developer", "content": "."}, Part.CONTEXT),
        ({"type": "compaction", "encrypted_content": "x"}, Part.CONTEXT),
        ({"type": "reasoning", "id": "r"}, Part.REASONING),
        ({"role": "assistant", "content": "!"}, Part.CHAT_ANSWER),
        ({"role": "assistant", "content": "!", "tool_calls": None}, Part.CHAT_ANSWER),
        ({"role": "assistant", "tool_calls": [{"id": "c"}]}, Part.CHAT_ANSWER),
        ({"role": "assistant", "function_call": {"name": "f"}}, Part.CHAT_ANSWER),
        ({"type": "message", "role": "assistant", "content": []}, Part.ANSWER),
        ({"type": "function_call", "call_id": "c"}, Part.ANSWER),
        ({"type": "web_search_call", "id": "w"}, Part.ANSWER),
        ({"type": "mcp_list_tools", "id": "m"}, Part.ANSWER),
        ({"type": "mcp_approval_request", "id": "a"}, Part.ANSWER),
        ({"type": "item_reference", "id": "i"}, Part.UNKNOWN),
        ({"type": "program", "id": "i", "call_id": "p"}, Part.ANSWER),
        ({"type": "program_output", "id": "i", "call_id": "p"}, Part.ANSWER),
        ({"type": "additional_tools", "role": "developer", "tools": []}, Part.CONTEXT),
        ({"type": "configuration_update"}, Part.CONTEXT),
        ({"type": "tool_search_call", "execution": "server"}, Part.ANSWER),
        ({"type": "tool_search_output", "execution": "server"}, Part.ANSWER),
        ({"type": "from_the_future"}, Part.UNKNOWN),
        ({}, Part.UNKNOWN),
        ({"type": "function_call_output", "call_id": "c"}, Part.OUTPUT),
        ({"type": "mcp_approval_response", "approval_request_id": "a"}, Part.OUTPUT),
        ({"type": "tool_search_output", "execution": "client", "call_id": "c"}, Part.OUTPUT),
        ({"role": "tool", "tool_call_id": "c"}, Part.OUTPUT),
        ({"role": "function", "name": "f"}, Part.OUTPUT),
    ],
)
def test_parts(item: Item, part: Part) -> None:
    assert part_of(item) is part


@pytest.mark.parametrize(
    ("made", "output"),
    [
        *(
            ({"type": type_, "id": "i", "call_id": "c"}, {"type": f"{type_}_output", "call_id": "c"})
            for type_ in (
                "function_call",
                "custom_tool_call",
                "computer_call",
                "local_shell_call",
                "shell_call",
                "apply_patch_call",
            )
        ),
        ({"type": "local_shell_call", "call_id": "c"}, {"type": "local_shell_call_output", "id": "c"}),
        ({"type": "mcp_approval_request", "id": "a"}, {"type": "mcp_approval_response", "approval_request_id": "a"}),
        (
            {"type": "tool_search_call", "execution": "client", "call_id": "c"},
            {"type": "tool_search_output", "execution": "client", "call_id": "c"},
        ),
        ({"role": "assistant", "tool_calls": [{"id": "c"}]}, {"role": "tool", "tool_call_id": "c"}),
        ({"type": "message", "role": "assistant", "tool_calls": [{"id": "c"}]}, {"role": "tool", "tool_call_id": "c"}),
        ({"role": "assistant", "function_call": {"name": "f"}}, {"role": "function", "name": "f"}),
    ],
)
def test_a_call_and_its_output(made: Item, output: Item) -> None:
    assert calls_of(made) == answers_of(output)
    [found] = find_rounds([made, output])
    assert found.sound == [0, 1]
    assert not found.strays


@pytest.mark.parametrize(
    "item",
    [
        {"type": "web_search_call", "id": "w"},
        {"type": "mcp_call", "id": "m", "server_label": "s", "name": "n", "arguments": "{}"},
        {"type": "code_interpreter_call", "id": "i"},
        {"type": "tool_search_call", "execution": "server"},
        {"role": "assistant", "content": "!"},
        {"role": "user", "content": "?"},
    ],
)
def test_what_needs_no_output(item: Item) -> None:
    assert calls_of(item) == []


@pytest.mark.parametrize(
    ("item", "calls"),
    [
        ({"type": "function_call", "call_id": ""}, [Call("function_call_output", "")]),
        ({"type": "function_call", "call_id": 7}, [Call("function_call_output", "")]),
        ({"role": "assistant", "tool_calls": [{"id": None}, {"id": 1}]}, [Call("tool", ""), Call("tool", "")]),
        ({"role": "assistant", "function_call": {"name": ""}}, [Call("function", "")]),
    ],
)
def test_a_call_that_nothing_can_answer(item: Item, calls: list[Call]) -> None:
    assert calls_of(item) == calls
    [found] = find_rounds([item])
    assert found.sound == []


def test_a_message_of_chat_completions_is_a_round_of_its_own() -> None:
    first = {"role": "assistant", "tool_calls": [{"id": "a"}]}
    second = {"role": "assistant", "tool_calls": [{"id": "b"}]}
    outputs = [{"role": "tool", "tool_call_id": "a"}, {"role": "tool", "tool_call_id": "b"}]

    open_round, answered = find_rounds([first, second, *outputs])

    assert open_round.sound == []
    assert (answered.sound, answered.strays) == ([1, 3], [2])


def test_calls_that_were_made_at_once_go_together() -> None:
    calls = [{"type": "reasoning"}, *({"type": "function_call", "call_id": id_} for id_ in "ab")]
    outputs = [{"type": "function_call_output", "call_id": id_} for id_ in "ba"]

    [both] = find_rounds([*calls, *outputs])
    [one] = find_rounds([*calls, *outputs[:1]])

    assert both.sound == [0, 1, 2, 3, 4]
    assert one.sound == []
    assert one.open_calls == [(1, Call("function_call_output", "a"))]


def test_reasoning_goes_with_a_message_of_either_shape() -> None:
    for message in ({"role": "assistant", "content": "!"}, {"type": "message", "role": "assistant", "content": []}):
        [found] = find_rounds([{"type": "reasoning"}, message])
        assert found.sound == [0, 1]


def test_a_message_of_chat_completions_is_no_part_of_what_came_before() -> None:
    before, message = find_rounds([{"type": "function_call", "call_id": "c"}, {"role": "assistant", "content": "!"}])
    assert before.sound == []
    assert message.sound == [1]
