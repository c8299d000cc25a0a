"""The empty forms of OpenAI's items: the same kind, the same ids of calls, and nothing that anybody said.

The shapes are those of the OpenAI API reference, "Responses: input items" and "Chat: messages". Only fields that are
known to hold no content are kept, so a field that a provider adds later goes, too.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

from sessions.items.dialects.openai_kinds import MESSAGE_TYPES
from sessions.items.dialects.openai_placeholders import placeholder_for
from sessions.items.parts import Call

if TYPE_CHECKING:
    from sessions.types import Item

_KEPT: Final = frozenset(
    {"type", "role", "id", "status", "phase", "call_id", "approval_request_id", "approve", "execution", "async"}
    | {"name", "namespace", "server_label", "container_id", "is_error"}
)
"""Names of fields without content: of ids, tools and outcomes. Their values are kept if they are simple."""

_EMPTY: Final[dict[str, dict[str, Any]]] = {
    "function_call": {"arguments": "{}"},
    "custom_tool_call": {"input": ""},
    "computer_call": {"action": {"type": "screenshot"}},
    "local_shell_call": {"action": {"type": "exec", "command": [], "env": {}}},
    "shell_call": {"action": {"commands": []}},
    "apply_patch_call": {"operation": {"type": "delete_file", "path": ""}},
    "function_call_output": {"output": ""},
    "custom_tool_call_output": {"output": ""},
    "computer_call_output": {"output": placeholder_for(Call("computer_call_output", ""), "")["output"]},
    "local_shell_call_output": {"output": ""},
    "shell_call_output": {"output": []},
    "apply_patch_call_output": {"output": ""},
    "program_output": {"result": ""},
    "web_search_call": {"action": {"type": "search", "query": ""}},
    "file_search_call": {"queries": []},
    "code_interpreter_call": {"code": None, "outputs": None},
    "image_generation_call": {"result": None},
    "mcp_call": {"arguments": "{}"},
    "tool_search_call": {"arguments": {}},
    "tool_search_output": {"tools": []},
    "reasoning": {"summary": []},
    "mcp_approval_request": {"arguments": "{}"},
    "mcp_approval_response": {},
    "mcp_list_tools": {"tools": []},
    "item_reference": {},
}
"""By type, the fields that have to be there. Types without a line have no empty form that a provider accepts: a program
is signed, a compaction is encrypted, and settings mean what they say."""

_CHECKS: Final = ("pending_safety_checks", "acknowledged_safety_checks")
_OF_TOOLS: Final = ("tool", "function")


def emptied_item(item: Item) -> Item | None:
    """Return the empty form of an item of a known shape; ``None`` if there is none that a provider accepts."""
    type_ = item.get("type")
    if type_ in MESSAGE_TYPES:
        return _emptied_message(item)
    if type_ not in _EMPTY:
        return None
    kept = {name: value for name, value in item.items() if name in _KEPT and _is_simple(value)}
    made: dict[str, Any] = {**kept, **deepcopy(_EMPTY[type_])}
    if (caller := _emptied_caller(item.get("caller"))) is not None:
        made["caller"] = caller
    made.update({name: _emptied_checks(item[name]) for name in _CHECKS if isinstance(item.get(name), list)})
    if type_ == "apply_patch_call":
        made["operation"] = _emptied_operation(item.get("operation"))
    elif type_ == "computer_call" and "action" not in item and "actions" in item:
        made["actions"] = [made.pop("action")]
    elif type_ == "shell_call_output" and isinstance(item.get("output"), list):
        made["output"] = [_emptied_command(part) for part in item["output"]]
    return made


def _emptied_message(message: Item) -> Item:
    """Return the empty form of a message. A user's name goes, as it is no tool's."""
    role = message.get("role")
    names = _KEPT | {"tool_call_id"} if role in _OF_TOOLS else _KEPT - {"name"}
    made = {name: value for name, value in message.items() if name in names and _is_simple(value)}
    calls = message.get("tool_calls")
    if calls:
        made["tool_calls"] = [_emptied_call(call) for call in calls]
    if function := message.get("function_call"):
        made["function_call"] = {"name": function.get("name"), "arguments": "{}"}
    content = message.get("content")
    if content is None and (calls or message.get("function_call")):
        return {**made, "content": None} if "content" in message else made
    is_of_model = role == "assistant" and message.get("type") == "message" and isinstance(content, list)
    return {**made, "content": [{"type": "output_text", "text": "", "annotations": []}] if is_of_model else ""}


def _emptied_call(call: dict[str, Any]) -> dict[str, Any]:
    """Return a call in a Chat Completions message without its arguments."""
    names = ("id", "type", "index")
    made: dict[str, Any] = {name: call[name] for name in names if name in call and _is_simple(call[name])}
    if isinstance(function := call.get("function"), dict):
        made["function"] = {"name": function.get("name"), "arguments": "{}"}
    if isinstance(custom := call.get("custom"), dict):
        made["custom"] = {"name": custom.get("name"), "input": ""}
    return made


def _emptied_caller(caller: Any) -> dict[str, Any] | None:
    """Return a call's maker, as ids alone."""
    if not isinstance(caller, dict):
        return None
    return {name: caller[name] for name in ("type", "caller_id") if isinstance(caller.get(name), str)}


def _emptied_checks(checks: list[Any]) -> list[dict[str, Any]]:
    """Return safety checks without their messages: a human still has to acknowledge them."""
    return [
        {name: check[name] for name in ("id", "code") if name in check and _is_simple(check[name])}
        for check in checks
        if isinstance(check, dict)
    ]


def _emptied_operation(operation: Any) -> dict[str, Any]:
    kind = operation.get("type") if isinstance(operation, dict) else None
    if kind in ("create_file", "update_file"):
        return {"type": kind, "path": "", "diff": ""}
    return {"type": "delete_file", "path": ""}


def _emptied_command(part: Any) -> dict[str, Any]:
    """Return the output of a command of a shell without its texts; how it ended stays."""
    outcome = part.get("outcome") if isinstance(part, dict) else None
    ended: dict[str, Any] = {"type": "exit", "exit_code": 0}
    if isinstance(outcome, dict):
        if outcome.get("type") == "timeout":
            ended = {"type": "timeout"}
        elif isinstance(outcome.get("exit_code"), int):
            ended["exit_code"] = outcome["exit_code"]
    return {"stdout": "", "stderr": "", "outcome": ended}


def _is_simple(value: object) -> bool:
    return value is None or isinstance(value, (str, bool, int))
