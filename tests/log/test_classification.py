"""Kind and tool name of every item that the Responses and Chat Completions APIs know, and of what they do not."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.items.calls import classify

if TYPE_CHECKING:
    from .bare_log import BareLog

EXCERPT = Path(__file__).parents[2] / "examples" / "data" / "tau-bench-airline-excerpt.json"

Item = dict[str, Any]


def call(name: str, call_id: str = "c") -> Item:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": "{}"}}


RESPONSES: list[tuple[Item, str, str | None]] = [
    ({"role": "user", "content": "Hello"}, "user", None),
    ({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}, "user", None),
    ({"type": "message", "role": "assistant", "content": [], "id": "m", "status": "completed"}, "assistant", None),
    ({"type": "message", "role": "system", "content": "s"}, "system", None),
    ({"role": "developer", "content": "d"}, "developer", None),
    ({"type": "function_call", "name": "f", "call_id": "c", "arguments": "{}"}, "tool_call", "f"),
    ({"type": "custom_tool_call", "name": "f", "call_id": "c", "input": ""}, "tool_call", "f"),
    ({"type": "computer_call", "call_id": "c", "action": {}}, "tool_call", "computer_call"),
    ({"type": "local_shell_call", "call_id": "c", "action": {}}, "tool_call", "local_shell_call"),
    ({"type": "shell_call", "call_id": "c", "action": {}}, "tool_call", "shell_call"),
    ({"type": "apply_patch_call", "call_id": "c", "operation": {}}, "tool_call", "apply_patch_call"),
    ({"type": "function_call_output", "call_id": "c", "output": ""}, "tool_output", None),
    ({"type": "custom_tool_call_output", "call_id": "c", "output": ""}, "tool_output", None),
    ({"type": "computer_call_output", "call_id": "c", "output": {}}, "tool_output", None),
    ({"type": "local_shell_call_output", "id": "c", "output": ""}, "tool_output", None),
    ({"type": "shell_call_output", "call_id": "c", "output": []}, "tool_output", None),
    ({"type": "apply_patch_call_output", "call_id": "c", "status": "completed"}, "tool_output", None),
    ({"type": "web_search_call", "id": "w", "status": "completed"}, "hosted_tool_call", "web_search_call"),
    ({"type": "file_search_call", "id": "w", "queries": []}, "hosted_tool_call", "file_search_call"),
    ({"type": "code_interpreter_call", "id": "w", "code": ""}, "hosted_tool_call", "code_interpreter_call"),
    ({"type": "image_generation_call", "id": "w", "result": ""}, "hosted_tool_call", "image_generation_call"),
    ({"type": "tool_search_call", "id": "w"}, "hosted_tool_call", "tool_search_call"),
    ({"type": "mcp_call", "id": "w", "server_label": "files", "name": "read"}, "hosted_tool_call", "files.read"),
    ({"type": "mcp_call", "id": "w", "name": "read"}, "hosted_tool_call", "read"),
    ({"type": "mcp_call", "id": "w", "server_label": "files"}, "hosted_tool_call", "files"),
    ({"type": "function_call", "call_id": "x", "namespace": "crm", "name": "look"}, "tool_call", "crm.look"),
    ({"type": "function_call", "call_id": "x", "namespace": "look", "name": "look"}, "tool_call", "look"),
    ({"type": "program", "id": "i", "call_id": "c", "code": "", "fingerprint": ""}, "tool_call", "program"),
    ({"type": "program_output", "id": "i", "call_id": "c", "result": "", "status": "completed"}, "tool_output", None),
    ({"type": "reasoning", "id": "r", "summary": []}, "reasoning", None),
    ({"type": "mcp_list_tools", "server_label": "files", "tools": []}, "mcp_list_tools", None),
    ({"type": "mcp_approval_request", "name": "read"}, "mcp_approval_request", None),
    ({"type": "item_reference", "id": "m"}, "item_reference", None),
    ({"type": "compaction", "encrypted_content": "x"}, "compaction", None),
]
CHAT: list[tuple[Item, str, str | None]] = [
    ({"role": "system", "content": "s"}, "system", None),
    ({"role": "assistant", "content": "a"}, "assistant", None),
    ({"role": "assistant", "content": None, "refusal": "no"}, "assistant", None),
    ({"role": "assistant", "content": "a", "tool_calls": None, "function_call": None}, "assistant", None),
    ({"role": "assistant", "content": "a", "tool_calls": []}, "assistant", None),
    ({"role": "assistant", "content": None, "tool_calls": [call("f")]}, "tool_call", "f"),
    ({"role": "assistant", "tool_calls": [call("f", "1"), call("g", "2"), call("f", "3")]}, "tool_call", "f,g,f"),
    ({"role": "assistant", "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "f"}}]}, "tool_call", "f"),
    ({"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": ""}}, "tool_call", "f"),
    ({"role": "tool", "tool_call_id": "c", "content": ""}, "tool_output", None),
    ({"role": "tool", "tool_call_id": "c", "name": "f", "content": ""}, "tool_output", "f"),
    ({"role": "function", "name": "f", "content": ""}, "tool_output", "f"),
]
# Only a session that is taken over can have it.
SURROGATE: Item = {"role": "\ud800"}
JUNK: list[tuple[Item, str, str | None]] = [
    ({}, "unknown", None),
    ({"content": "user"}, "unknown", None),
    ({"role": None}, "unknown", None),
    ({"role": ""}, "unknown", None),
    ({"role": 1}, "unknown", None),
    ({"role": ["user"]}, "unknown", None),
    ({"role": {"user": 1}}, "unknown", None),
    ({"role": "User"}, "User", None),
    ({"role": "critic"}, "critic", None),
    ({"role": "r" * 64}, "r" * 64, None),
    ({"role": "r" * 65}, "unknown", None),
    ({"role": "us\0er"}, "unknown", None),
    ({"role": "us\ner"}, "unknown", None),
    (SURROGATE, "unknown", None),
    ({"type": "", "role": "user"}, "unknown", None),
    ({"type": 7, "role": "user"}, "unknown", None),
    ({"type": [], "role": "user"}, "unknown", None),
    ({"type": "message"}, "unknown", None),
    ({"type": None, "role": "user"}, "user", None),
    ({"role": "user", "content": None}, "user", None),
    ({"role": "user", "contents": [{"type": "text", "text": "?"}]}, "unknown", None),
    ({"role": "user", "content": [{"type": "tool_result"}]}, "unknown", None),
    ({"role": "user", "content": {"text": "?"}}, "unknown", None),
    ({"role": "system", "content": [{"text": "?"}]}, "unknown", None),
    ({"type": "something_new", "role": "user"}, "something_new", None),
    ({"type": "t" * 65}, "unknown", None),
    ({"type": "user", "content": "?"}, "unknown", None),
    ({"type": "tool_output", "call_id": "c"}, "unknown", None),
    ({"type": "placeholder", "call_id": "c"}, "unknown", None),
    ({"role": "program", "content": "?"}, "program", None),
    ({"role": "compaction", "content": "?"}, "unknown", None),
    ({"type": "function_call", "id": "c", "name": "f"}, "function_call", None),
    ({"type": "function_call_output", "id": "c"}, "function_call_output", None),
    ({"type": "function_call", "call_id": None}, "tool_call", "function_call"),
    ({"type": "function_call", "call_id": "c", "name": ""}, "tool_call", "function_call"),
    ({"type": "function_call", "name": 5, "call_id": []}, "tool_call", "function_call"),
    ({"type": "function_call", "call_id": "c", "name": "a\0b"}, "tool_call", "a\ufffdb"),
    ({"type": "function_call_output", "call_id": "c", "name": "a\0b"}, "tool_output", "a\ufffdb"),
    ({"type": "mcp_call", "server_label": {}, "name": None}, "hosted_tool_call", "mcp_call"),
    ({"role": "assistant", "tool_calls": "f"}, "unknown", None),
    ({"role": "assistant", "tool_calls": {"function": {"name": "f"}}}, "unknown", None),
    ({"role": "assistant", "tool_calls": [None, 1, "f", [], {}, {"function": "f"}]}, "unknown", None),
    ({"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}, "unknown", None),
    ({"role": "assistant", "tool_calls": [{"id": 1, "function": "f"}]}, "tool_call", None),
    ({"role": "assistant", "tool_calls": [{"id": 1, "function": {"name": 1}}, call("g\0")]}, "tool_call", "g\ufffd"),
    ({"role": "assistant", "function_call": "f"}, "unknown", None),
    ({"role": "assistant", "content": None}, "assistant", None),
    ({"role": "assistant", "content": None, "toolCalls": [{}]}, "unknown", None),
    ({"role": "assistant", "content": [{"type": "tool_use", "id": "c"}]}, "unknown", None),
    ({"role": "assistant", "content": "a", "calls": []}, "assistant", None),
    ({"role": "assistant", "content": "a", "score": 1}, "assistant", None),
    ({"role": "assistant", "content": "a", "calls": [call("f")]}, "unknown", None),
    ({"role": "tool", "content": "a"}, "tool", None),
    ({"role": "user", "content": "a", "tool_calls": [call("f")]}, "user", None),
]


# Fails without: items/dialects/openai_kinds.py, each line of `_TYPES` (but `reasoning`, which is its own word) and of
# `_ROLES`; items/dialects/openai_tools.py, `not namespace or namespace == name`; items/kinds.py,
# `and word.isprintable()`, `storable`
@pytest.mark.parametrize(
    ("item", "kind", "tool_name"),
    [pytest.param(item, kind, tool_name, id=ascii(item)[:60]) for item, kind, tool_name in RESPONSES + CHAT + JUNK],
)
def test_kind_and_tool_name(log: BareLog, item: Item, kind: str, tool_name: str | None) -> None:
    assert classify([item]) == [(kind, tool_name)]
    if item != SURROGATE:
        log.append(item)
        [entry] = log.entries()
        assert (entry["kind"], entry["tool_name"]) == (kind, tool_name)


def test_a_surrogate_in_a_tool_name_leaves_a_name_that_can_be_stored() -> None:
    """Sessions that are taken over may have them: Python's own JSON does."""
    for item in (
        {"type": "function_call", "call_id": "c", "name": "f\ud800"},
        {"type": "mcp_call", "server_label": "\udfff", "name": "f"},
        {"role": "assistant", "tool_calls": [call("f\ud800"), call("g")]},
    ):
        [(_, tool_name)] = classify([item])
        assert tool_name
        assert tool_name.encode()


# Fails without: items/dialects/openai_tools.py, each `names[…] =` of `classify_items`
def test_an_output_is_named_after_the_call_that_was_added_with_it() -> None:
    found = classify(
        [
            {"type": "function_call", "name": "f", "call_id": "1"},
            {"type": "custom_tool_call", "name": "g", "call_id": "2"},
            {"type": "computer_call", "call_id": "3"},
            {"role": "assistant", "tool_calls": [call("h", "4"), call("i", "5")]},
            {"role": "tool", "tool_call_id": "5", "content": ""},
            {"role": "tool", "tool_call_id": "4", "content": ""},
            {"type": "computer_call_output", "call_id": "3"},
            {"type": "function_call_output", "call_id": "1", "name": "its own"},
            {"type": "custom_tool_call_output", "call_id": "2"},
            {"type": "function_call_output", "call_id": "of another batch"},
        ]
    )

    assert [name for kind, name in found if kind == "tool_output"] == ["i", "h", "computer_call", "its own", "g", None]


words = st.sampled_from(["message", "function_call", "function_call_output", "mcp_call", "user", "assistant", "tool"])
scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
calls = st.dictionaries(
    st.sampled_from(["id", "function", "custom", "name"]), scalars | st.fixed_dictionaries({"name": scalars})
)
odd_items = st.dictionaries(
    st.sampled_from(["type", "role", "name", "call_id", "tool_calls", "function_call", "server_label", "id"]),
    words | scalars | calls | st.lists(scalars | calls, max_size=3),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(odd_items, max_size=4))
def test_any_item_gets_a_kind_that_a_database_can_hold(items: list[Item]) -> None:
    found = classify(items)

    assert len(found) == len(items)
    for kind, tool_name in found:
        assert 0 < len(kind) <= 64
        assert kind.isprintable()
        assert tool_name is None or (tool_name and "\0" not in tool_name)


@pytest.mark.parametrize("number", range(len(json.loads(EXCERPT.read_text(encoding="utf-8"))["conversations"])))
def test_recorded_conversations_are_understood(log: BareLog, number: int) -> None:
    messages = json.loads(EXCERPT.read_text(encoding="utf-8"))["conversations"][number]["messages"]
    expected: list[tuple[str, int, str | None]] = []
    turn = 0
    for message in messages:
        role = message["role"]
        names = [call["function"]["name"] for call in message.get("tool_calls") or []]
        turn += role == "user"
        kind = {"tool": "tool_output"}.get(role, "tool_call" if names else role)
        expected.append((kind, turn, ",".join(names) or message.get("name")))

    for message in messages:
        log.append(message)

    assert log.read() == messages
    assert [(entry["kind"], entry["turn"], entry["tool_name"]) for entry in log.entries()] == expected
    kinds = Counter(kind for kind, _, _ in expected)
    assert kinds["tool_call"] == kinds["tool_output"] > 0
    assert log.branch()["turn"] == kinds["user"]
