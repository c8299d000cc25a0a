"""Every shape that the OpenAI package has is known, and how it is classified is said here; no other is."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from agents.items import TResponseInputItem
from openai.types.chat import ChatCompletionContentPartParam, ChatCompletionMessageParam
from openai.types.conversations import ConversationItem, Message
from openai.types.responses import ResponseInputContentParam, ResponseItem, ResponseOutputItem

from sessions.items.calls import answers_of, calls_of, kind_of, part_of
from sessions.items.kinds import KNOWN
from sessions.items.parts import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

# By type: the kind, the part, and whether it is to be answered or answers.
CLASSIFIED: dict[str, tuple[str, Part, str]] = {
    "file_search_call": ("hosted_tool_call", Part.ANSWER, ""),
    "computer_call": ("tool_call", Part.ANSWER, "calls"),
    "computer_call_output": ("tool_output", Part.OUTPUT, "answers"),
    "web_search_call": ("hosted_tool_call", Part.ANSWER, ""),
    "function_call": ("tool_call", Part.ANSWER, "calls"),
    "function_call_output": ("tool_output", Part.OUTPUT, "answers"),
    # With `execution: client` it calls, and its output answers.
    "tool_search_call": ("hosted_tool_call", Part.ANSWER, ""),
    "tool_search_output": ("tool_search_output", Part.ANSWER, ""),
    "additional_tools": ("additional_tools", Part.CONTEXT, ""),
    "configuration_update": ("configuration_update", Part.CONTEXT, ""),
    "reasoning": ("reasoning", Part.REASONING, ""),
    "compaction": ("compaction", Part.CONTEXT, ""),
    "image_generation_call": ("hosted_tool_call", Part.ANSWER, ""),
    "code_interpreter_call": ("hosted_tool_call", Part.ANSWER, ""),
    "local_shell_call": ("tool_call", Part.ANSWER, "calls"),
    "local_shell_call_output": ("tool_output", Part.OUTPUT, "answers"),
    "shell_call": ("tool_call", Part.ANSWER, "calls"),
    "shell_call_output": ("tool_output", Part.OUTPUT, "answers"),
    "apply_patch_call": ("tool_call", Part.ANSWER, "calls"),
    "apply_patch_call_output": ("tool_output", Part.OUTPUT, "answers"),
    "mcp_list_tools": ("mcp_list_tools", Part.ANSWER, ""),
    "mcp_approval_request": ("mcp_approval_request", Part.ANSWER, "calls"),
    "mcp_approval_response": ("mcp_approval_response", Part.OUTPUT, "answers"),
    "mcp_call": ("hosted_tool_call", Part.ANSWER, ""),
    "custom_tool_call_output": ("tool_output", Part.OUTPUT, "answers"),
    "custom_tool_call": ("tool_call", Part.ANSWER, "calls"),
    "compaction_trigger": ("compaction_trigger", Part.CONTEXT, ""),
    # It may refer to anything.
    "item_reference": ("item_reference", Part.UNKNOWN, ""),
    "program": ("tool_call", Part.ANSWER, "calls"),
    "program_output": ("tool_output", Part.ANSWER, "answers"),
}
MESSAGES: dict[str, tuple[str, Part]] = {
    "user": ("user", Part.USER),
    "system": ("system", Part.CONTEXT),
    "developer": ("developer", Part.CONTEXT),
    "assistant": ("assistant", Part.ANSWER),
}


def members(union: Any) -> Iterator[Any]:
    """Yield the members of a union, and of those in it."""
    origin = typing.get_origin(union)
    if origin is typing.Union:
        for member in typing.get_args(union):
            yield from members(member)
    elif origin is Annotated:
        yield from members(typing.get_args(union)[0])
    else:
        yield union


def hints(member: Any) -> dict[str, Any]:
    """Return what a member may hold, by names."""
    if hasattr(member, "model_fields"):
        return {name: field.annotation for name, field in member.model_fields.items()}
    return typing.get_type_hints(member)


def said(member: Any, name: str) -> tuple[str, ...]:
    """Return what a member may say under a name."""
    words = (word for hint in members(hints(member).get(name)) for word in typing.get_args(hint))
    return tuple(word for word in words if isinstance(word, str))


UNIONS = [TResponseInputItem, ResponseOutputItem, ResponseItem, ConversationItem]
ITEMS = {
    (type_, member.__name__): member for union in UNIONS for member in members(union) for type_ in said(member, "type")
}


def test_each_type_of_the_package_is_classified_here() -> None:
    """A member that is new fails here: say above what it is, and in `items/dialects/openai_kinds.py`."""
    assert {type_ for type_, _ in ITEMS} - {"message"} == set(CLASSIFIED)


@pytest.mark.parametrize("type_", CLASSIFIED)
def test_a_type_is_what_is_said_of_it(type_: str) -> None:
    kind, part, pairs = CLASSIFIED[type_]
    item = {"type": type_, "id": "i", "call_id": "c", "approval_request_id": "i", "execution": "server"}
    assert (kind_of(item), part_of(item)) == (kind, part)
    assert kind in KNOWN
    assert bool(calls_of(item)) == (pairs == "calls")
    assert bool(answers_of(item)) == (pairs == "answers")
    if type_.startswith("tool_search"):
        item["execution"] = "client"
        assert bool(calls_of(item)) == type_.endswith("call")
        assert bool(answers_of(item)) == type_.endswith("output")


def test_messages_of_each_role() -> None:
    messages = [member for (type_, _), member in ITEMS.items() if type_ == "message"]
    roles = {role for member in messages for role in said(member, "role")}
    # Those that a message of a stored conversation at OpenAI may have, and no input.
    assert roles - {"unknown", "critic", "discriminator", "tool"} == set(MESSAGES)
    for role, (kind, part) in MESSAGES.items():
        message = {"type": "message", "role": role, "content": "."}
        assert (kind_of(message), part_of(message)) == (kind, part)


def test_each_content_of_a_message_is_known() -> None:
    unions = [ChatCompletionContentPartParam, ResponseInputContentParam]
    unions += [typing.get_args(Message.model_fields["content"].annotation)[0]]
    types = {type_ for union in unions for member in members(union) for type_ in said(member, "type")}
    assert {"text", "input_text", "output_text", "refusal", "image_url", "input_file"} <= types
    for type_ in types:
        assert kind_of({"role": "user", "content": [{"type": type_}]}) == "user"
        assert kind_of({"role": "assistant", "content": [{"type": type_}]}) == "assistant"


def test_each_field_of_a_message_of_an_assistant_is_known() -> None:
    """What holds something under another name may hold calls."""
    chat = [member for member in members(ChatCompletionMessageParam) if "assistant" in said(member, "role")]
    responses = [member for (type_, _), member in ITEMS.items() if type_ == "message"]
    for member in chat + [member for member in responses if "assistant" in said(member, "role")]:
        for name in hints(member).keys() - {"role", "type", "content", "tool_calls", "function_call"}:
            assert kind_of({"role": "assistant", "content": ".", name: {"x": 1}}) == "assistant", name
