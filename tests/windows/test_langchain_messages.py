"""LangChain's messages as items, made and revived by LangChain itself, in each of the three forms."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import pytest
from langchain_core.load import dumpd, load
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    HumanMessageChunk,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
    message_to_dict,
    messages_from_dict,
)

from sessions import text_of
from sessions.items.calls import (
    answers_of,
    arguments_of,
    calls_of,
    classify,
    emptied,
    format_of,
    has_failed,
    is_instruction,
    kind_of,
    part_of,
    tools_of,
)
from sessions.items.parts import Call, Part
from sessions.items.repair import INTERRUPTED, repair_items
from sessions.items.replacement import changed_parts

Form: TypeAlias = Callable[[BaseMessage], dict[str, Any]]


def dumped(message: BaseMessage) -> dict[str, Any]:
    return message.model_dump(mode="json")


FORMS: Final[list[Form]] = [dumpd, message_to_dict, dumped]
pytestmark = pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")
forms: Final = pytest.mark.parametrize("form", FORMS)

S: Final = "SECRET"
_CALLS: Final = [{"name": "look", "args": {"q": S}, "id": "1"}, {"name": "ask", "args": {}, "id": "2"}]
_WRONG: Final = {"name": "write", "args": "{" + S, "id": "3", "error": S}
_RAW: Final = {"id": "1", "type": "function", "function": {"name": "look", "arguments": f'{{"q": "{S}"}}'}}
MESSAGES: Final[list[tuple[BaseMessage, str, Part, list[str | None]]]] = [
    (HumanMessage(S, id="m1", name=S), "user", Part.USER, []),
    (HumanMessage([{"type": "text", "text": S}, {"type": "image_url", "image_url": S}]), "user", Part.USER, []),
    (HumanMessageChunk(content=S), "user", Part.USER, []),
    (SystemMessage(S), "system", Part.CONTEXT, []),
    (SystemMessage(S, additional_kwargs={"__openai_role__": "developer"}), "developer", Part.CONTEXT, []),
    (AIMessage(S, response_metadata={"model": S}), "assistant", Part.CHAT_ANSWER, []),
    (AIMessageChunk(content=S), "assistant", Part.CHAT_ANSWER, []),
    (AIMessage([{"type": "tool_use", "id": "1", "name": "look", "input": {"q": S}}], tool_calls=_CALLS),
     "tool_call", Part.CHAT_ANSWER, ["look", "ask"]),
    (AIMessage("", invalid_tool_calls=[_WRONG]), "tool_call", Part.CHAT_ANSWER, ["write"]),
    (AIMessage("", invalid_tool_calls=[{**_WRONG, "id": None}]), "assistant", Part.CHAT_ANSWER, []),
    (AIMessage("", additional_kwargs={"function_call": {"name": "look", "arguments": S}}),
     "tool_call", Part.CHAT_ANSWER, ["look"]),
    (ToolMessage(S, tool_call_id="1", artifact=S), "tool_output", Part.OUTPUT, [None]),
    (ToolMessage(S, tool_call_id="1", name="look", status="error"), "tool_output", Part.OUTPUT, ["look"]),
    (FunctionMessage(content=S, name="look"), "tool_output", Part.OUTPUT, ["look"]),
    (ChatMessage(content=S, role="user"), "user", Part.USER, []),
    (ChatMessage(content=S, role="assistant"), "assistant", Part.CHAT_ANSWER, []),
    (ChatMessage(content=S, role="narrator"), "narrator", Part.UNKNOWN, []),
]  # fmt: skip


def revived(item: dict[str, Any], form: Form) -> BaseMessage:
    if form is dumpd:
        message: BaseMessage = load(item, allowed_objects=[type(made) for made, *_ in MESSAGES])
        return message
    (message,) = messages_from_dict([item if form is message_to_dict else {"type": item["type"], "data": item}])
    return message


@forms
@pytest.mark.parametrize(("message", "kind", "part", "tools"), MESSAGES, ids=lambda one: type(one).__name__)
def test_each_message_is_known_in_each_form(
    form: Form, message: BaseMessage, kind: str, part: Part, tools: list[str | None]
) -> None:
    item = form(message)
    assert (kind_of(item), part_of(item), tools_of(item), format_of(item)) == (kind, part, tools, "langchain")
    assert is_instruction(item) == (part is Part.CONTEXT)
    assert text_of(item) == message.text
    assert len(calls_of(item)) == len(arguments_of(item)) == (len(tools) if isinstance(message, AIMessage) else 0)
    ((found, tool),) = classify([item])
    assert (found, tool) == (kind, ",".join(name for name in tools if name) or None)


@forms
@pytest.mark.parametrize(("message", "kind", "part", "tools"), MESSAGES, ids=lambda one: type(one).__name__)
def test_an_emptied_message_is_still_one_for_langchain(
    form: Form, message: BaseMessage, kind: str, part: Part, tools: list[str | None]
) -> None:
    del part, tools
    item = form(message)
    made = emptied(item)
    assert made is not None
    assert S not in json.dumps(made)
    if kind == "narrator":
        assert kind_of(made) not in {"user", "assistant"}
        return
    assert changed_parts(item, made) == ()
    assert emptied(made) == made
    again = revived(made, form)
    assert type(again) is type(message)
    assert again.text == ""


@forms
def test_calls_and_answers_name_each_other(form: Form) -> None:
    call, output = form(AIMessage("", tool_calls=_CALLS)), form(ToolMessage("", tool_call_id="2", status="error"))
    assert calls_of(call) == [Call("tool", "1"), Call("tool", "2")]
    assert arguments_of(call) == [{"q": S}, {}]
    assert answers_of(output) == [Call("tool", "2")]
    assert (has_failed(call), has_failed(output)) == (False, True)
    assert classify([call, {"role": "user", "content": ""}, output]) == [
        ("tool_call", "look,ask"),
        ("user", None),
        ("tool_output", "ask"),
    ]


def test_calls_from_before_langchain_had_a_field_for_them() -> None:
    item = message_to_dict(AIMessage(""))
    item["data"]["additional_kwargs"] = {"tool_calls": [_RAW]}
    assert (calls_of(item), tools_of(item)) == ([Call("tool", "1")], ["look"])
    made = emptied(item)
    assert made is not None
    assert S not in json.dumps(made)
    assert changed_parts(item, made) == ()


@forms
@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (AIMessage("", tool_calls=_CALLS[:1]), ToolMessage(INTERRUPTED, tool_call_id="1", status="error")),
        (
            AIMessage("", additional_kwargs={"function_call": {"name": "look"}}),
            FunctionMessage(content=INTERRUPTED, name="look"),
        ),
    ],
    ids=["tool", "function"],
)
def test_a_placeholder_is_a_message_of_the_same_form(form: Form, message: BaseMessage, expected: BaseMessage) -> None:
    (_, _, placeholder), _ = repair_items([form(HumanMessage("?")), form(message)])
    assert revived(placeholder, form) == expected
    assert repair_items([form(HumanMessage("?")), form(message), placeholder])[1] == []


@pytest.mark.parametrize(
    "item",
    [
        {"type": "human"},
        {"type": "human", "content": "a type and a content may be anybody's"},
        {"type": "human", "data": {"text": "no content"}},
        {"type": "tool", "data": {"content": "names no call"}},
        {"type": "system", "subtype": "init", "content": "of another program", "uuid": "1"},
        {"type": "chat", "data": {"content": "no role"}},
        {"type": "human", "data": {"content": [{"type": "tool_result", "tool_use_id": "may answer a call"}]}},
        {"type": "human", "data": {"content": [["no", "block"]]}},
        {"type": "ai", "data": {"content": {"not": "a content"}}},
        {"type": "constructor", "kwargs": {"content": "no version"}, "id": ["langchain", "AIMessage"]},
        {"lc": 1, "type": "constructor", "id": ["langchain", "prompts", "Prompt"], "kwargs": {"content": "-"}},
        {"lc": 1, "type": "constructor", "id": [5], "kwargs": {"content": "-"}},
        {"lc": 1, "type": "constructor", "id": "AIMessage", "kwargs": {"content": "-"}},
        {"lc": 1, "type": "secret", "id": ["KEY"]},
        message_to_dict(RemoveMessage("m1")),
    ],
    ids=json.dumps,
)
def test_what_only_looks_like_a_message_is_unknown(item: dict[str, Any]) -> None:
    assert format_of(item) is None
    assert part_of(item) is Part.UNKNOWN
    assert (calls_of(item), answers_of(item)) == ([], [])


def test_a_message_of_a_programs_own_class_says_by_its_type_which_one_it_is() -> None:
    class Thought(AIMessage):
        """A subclass."""

    assert kind_of(dumpd(Thought(content="Hm."))) == "assistant"
