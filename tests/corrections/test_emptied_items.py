"""The empty forms of items are valid for the provider, of the same kind, and have nothing that was said."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from openai.types.chat import ChatCompletionMessageParam
from openai.types.responses import ResponseInputItemParam
from pydantic import TypeAdapter

from sessions.items.calls import emptied, kind_of
from sessions.items.dialects.openai_kinds import _TYPES
from sessions.items.kinds import KNOWN, SETTINGS
from sessions.items.repair import repair_items
from sessions.items.replacement import changed_parts

S: Final = "SECRET"
_DONE: Final = {"status": "completed"}
_CALL: Final = {"call_id": "call_1", "id": "id_1"}
_LOOK: Final = {**_CALL, "type": "function_call", "name": "look", "arguments": S}

RESPONSES: Final[list[dict[str, Any]]] = [
    {"role": "user", "content": S},
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": S}]},
    {"role": "user", "content": [{"type": "input_image", "image_url": S, "detail": "low"}]},
    {"role": "system", "content": S},
    {"role": "developer", "content": S},
    {"role": "assistant", "content": S},
    {"type": "message", "role": "assistant", "id": "msg_1", **_DONE,
     "content": [{"type": "output_text", "text": S, "annotations": [{"type": "url_citation", "url": S, "title": S}]}]},
    {"type": "message", "role": "assistant", "id": "msg_1", **_DONE, "content": [{"type": "refusal", "refusal": S}]},
    {**_LOOK, **_DONE},
    {**_LOOK, "namespace": "crm"},
    {**_LOOK, "caller": {"type": "program", "caller_id": "p"}},
    {**_CALL, "type": "custom_tool_call", "name": "look", "input": S},
    {**_CALL, "type": "computer_call", "action": {"type": "type", "text": S}, **_DONE,
     "pending_safety_checks": [{"id": "1", "code": "malicious", "message": S}]},
    {**_CALL, "type": "computer_call", "actions": [{"type": "type", "text": S}], **_DONE,
     "pending_safety_checks": []},
    {**_CALL, "type": "local_shell_call", "action": {"type": "exec", "command": [S], "env": {"A": S}}, **_DONE},
    {**_CALL, "type": "shell_call", "action": {"commands": [S]}, **_DONE},
    {**_CALL, "type": "apply_patch_call", "operation": {"type": "update_file", "path": S, "diff": S}, **_DONE},
    {**_CALL, "type": "apply_patch_call", "operation": {"type": "delete_file", "path": S}, **_DONE},
    {**_CALL, "type": "function_call_output", "output": S},
    {**_CALL, "type": "function_call_output", "output": [{"type": "input_text", "text": S}]},
    {**_CALL, "type": "custom_tool_call_output", "output": S},
    {**_CALL, "type": "computer_call_output", "output": {"type": "computer_screenshot", "image_url": S},
     "acknowledged_safety_checks": [{"id": "1", "message": S}]},
    {"id": "id_1", "type": "local_shell_call_output", "output": S},
    {**_CALL, "type": "shell_call_output",
     "output": [{"stdout": S, "stderr": S, "outcome": {"type": "exit", "exit_code": 2}},
                {"stdout": S, "stderr": S, "outcome": {"type": "timeout"}}]},
    {**_CALL, "type": "apply_patch_call_output", "status": "failed", "output": S},
    {**_CALL, "type": "program_output", "result": S, **_DONE},
    {"type": "web_search_call", "id": "ws_1", **_DONE, "action": {"type": "search", "query": S}},
    {"type": "file_search_call", "id": "fs_1", **_DONE, "queries": [S], "results": [{"text": S}]},
    {"type": "code_interpreter_call", "id": "ci_1", **_DONE, "code": S, "container_id": "c",
     "outputs": [{"type": "logs", "logs": S}]},
    {"type": "image_generation_call", "id": "ig_1", **_DONE, "result": S, "revised_prompt": S},
    {"type": "mcp_call", "id": "mcp_1", "name": "f", "server_label": "s", "arguments": S, "output": S},
    {"type": "tool_search_call", "id": "t", "call_id": "c", "execution": "client", "arguments": {"q": S}, **_DONE},
    {"type": "tool_search_output", "call_id": "c", "execution": "client", "tools": [], **_DONE},
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": S}], "encrypted_content": S,
     "content": [{"type": "reasoning_text", "text": S}]},
    {"type": "mcp_approval_request", "id": "m", "name": "f", "server_label": "s", "arguments": S},
    {"type": "mcp_approval_response", "approval_request_id": "m", "approve": True, "reason": S},
    {"type": "mcp_list_tools", "id": "l", "server_label": "s", "tools": [{"name": S, "input_schema": {}}]},
    {"type": "item_reference", "id": "msg_1"},
]  # fmt: skip
CHAT: Final[list[dict[str, Any]]] = [
    {"role": "user", "content": S, "name": S},
    {"role": "user", "content": [{"type": "text", "text": S}, {"type": "image_url", "image_url": {"url": S}}]},
    {"role": "system", "content": S},
    {"role": "developer", "content": [{"type": "text", "text": S}]},
    {"role": "assistant", "content": S, "reasoning_content": S, "refusal": None, "annotations": [{"url": S}]},
    {"role": "assistant", "content": None, "refusal": S},
    {"role": "assistant", "content": None,
     "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": S}},
                    {"id": "2", "type": "custom", "custom": {"name": "g", "input": S}}]},
    {"role": "assistant", "content": S, "tool_calls": [{"id": "1", "type": "function",
                                                        "function": {"name": "f", "arguments": S}}]},
    {"role": "assistant", "function_call": {"name": "f", "arguments": S}, "content": None},
    {"role": "tool", "tool_call_id": "1", "content": S},
    {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": S}]},
    {"role": "function", "name": "f", "content": S},
]  # fmt: skip
UNKNOWN: Final[list[dict[str, Any]]] = [
    {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "input": {"a": S}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": S}]},
    {"role": "model", "parts": [{"text": S}]},
    {"role": "tool", "content": S},
    {"type": "function_call", "arguments": S},
    {"type": "something_new", "id": "1", "text": S},
    {"type": "human", "data": {"text": S}},
    {"type": 5, "text": S},
    {"type": 5, "role": "model", "text": S},
    {"type": "message", "role": "user", "content": [S]},
    {"anything": S},
    {},
]  # fmt: skip
SIGNED: Final[list[dict[str, Any]]] = [
    {"type": "compaction", "encrypted_content": S},
    {"type": "program", "id": "1", "call_id": "1", "code": S, "fingerprint": "f"},
    *({"type": kind, "tools": [S]} for kind in sorted(SETTINGS)),
]


def _named(items: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(item, id=f"{item.get('type', '')} {item.get('role', '')}".strip() or "-") for item in items]


def _check(item: dict[str, Any]) -> dict[str, Any]:
    before = json.dumps(item)
    made: dict[str, Any] = emptied(item) or {}
    assert json.dumps(item) == before, "it was changed in its place"
    assert S not in json.dumps(made)
    assert changed_parts(item, made) == ()
    assert emptied(made) == made
    assert repair_items([item])[1] == repair_items([made])[1]
    return made


@pytest.mark.parametrize("item", _named(RESPONSES))
def test_items_of_the_responses_api_stay_valid(item: dict[str, Any]) -> None:
    made = _check(item)
    assert kind_of(item) in KNOWN
    adapter: TypeAdapter[Any] = TypeAdapter(ResponseInputItemParam)
    adapter.validate_python(made)
    assert {name: made.get(name) for name in ("id", "call_id", "status")} == {
        name: item.get(name) for name in ("id", "call_id", "status")
    }


@pytest.mark.parametrize("message", _named(CHAT))
def test_messages_of_chat_completions_stay_valid(message: dict[str, Any]) -> None:
    made = _check(message)
    adapter: TypeAdapter[Any] = TypeAdapter(ChatCompletionMessageParam)
    adapter.validate_python(made)
    assert ("content" in made) or message.get("tool_calls") or message.get("function_call")


@pytest.mark.parametrize("item", _named(UNKNOWN))
def test_items_of_an_unknown_shape_stay_unknown(item: dict[str, Any]) -> None:
    made = _check(item)
    assert kind_of(made) == kind_of(item)
    assert kind_of(item) not in KNOWN


@pytest.mark.parametrize("item", _named(SIGNED))
def test_what_is_signed_encrypted_or_a_setting_has_no_empty_form(item: dict[str, Any]) -> None:
    assert emptied(item) is None


def test_every_known_type_is_tried() -> None:
    """Fails without: items/dialects/openai_emptied.py, a line of `_EMPTY`."""
    assert {item.get("type") for item in [*RESPONSES, *SIGNED]} >= _TYPES.keys()
