"""Kind and tool name of an item, found when it is added.

Two shapes are understood: Chat Completions messages (a ``role``; tool calls inside an assistant's message; tool
outputs with the role ``tool``) and items of the Responses API (a ``type``; messages may leave it out). The types
are those of the OpenAI API reference, "Responses: input items" and "Chat: messages".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

USER: Final = "user"
ASSISTANT: Final = "assistant"
TOOL_CALL: Final = "tool_call"
"""A call that the agent's side executes and answers with a `TOOL_OUTPUT`."""
TOOL_OUTPUT: Final = "tool_output"
HOSTED_TOOL_CALL: Final = "hosted_tool_call"
"""A call that the model's provider executes itself; it needs no output."""
REASONING: Final = "reasoning"
UNKNOWN: Final = "unknown"
"""Neither a type nor a role of reasonable length."""

_TYPES: Final = {
    "function_call": TOOL_CALL,
    "custom_tool_call": TOOL_CALL,
    "computer_call": TOOL_CALL,
    "local_shell_call": TOOL_CALL,
    "shell_call": TOOL_CALL,
    "apply_patch_call": TOOL_CALL,
    "function_call_output": TOOL_OUTPUT,
    "custom_tool_call_output": TOOL_OUTPUT,
    "computer_call_output": TOOL_OUTPUT,
    "local_shell_call_output": TOOL_OUTPUT,
    "shell_call_output": TOOL_OUTPUT,
    "apply_patch_call_output": TOOL_OUTPUT,
    "web_search_call": HOSTED_TOOL_CALL,
    "file_search_call": HOSTED_TOOL_CALL,
    "code_interpreter_call": HOSTED_TOOL_CALL,
    "image_generation_call": HOSTED_TOOL_CALL,
    "mcp_call": HOSTED_TOOL_CALL,
    "tool_search_call": HOSTED_TOOL_CALL,
    "reasoning": REASONING,
}
_ROLES: Final = {
    "user": USER,
    "assistant": ASSISTANT,
    "system": "system",
    "developer": "developer",
    "tool": TOOL_OUTPUT,
    "function": TOOL_OUTPUT,
}
_MESSAGE_TYPES: Final = (None, "message")
_TOOL_KINDS: Final = frozenset({TOOL_CALL, TOOL_OUTPUT, HOSTED_TOOL_CALL})
_MAX_KIND_LENGTH: Final = 64


Classified: TypeAlias = "tuple[str, str | None]"
"""What is known of an item beside its content: its kind and its tool's name.

The kind is one of this module's constants, else the item's own role or type. The tool is the one that is called or has
answered, with its namespace or server as in ``crm.look``; several calls in one message are joined by commas. A hosted
tool without a name is known by its type, as in ``web_search_call``.
"""


def classify_items(items: Sequence[dict[str, Any]]) -> list[Classified]:
    """Classify items that are added together.

    The output of a tool need not name it. It gets the name of the call it answers where that is among `items`, which
    is how runners add them.
    """
    found: list[Classified] = []
    names: dict[str, str] = {}
    for item in items:
        kind = kind_of(item)
        tool_name = None
        if kind in _TOOL_KINDS:
            if kind == TOOL_OUTPUT:
                tool_name = _text(item.get("name")) or names.get(_call_id(item))
            else:
                tool_name = _called(item, names)
        found.append((kind, tool_name and _storable(tool_name)))
    return found


def kind_of(item: dict[str, Any]) -> str:
    """Return the kind of an item: one of this module's constants, else the item's own role or type."""
    type_ = item.get("type")
    if type_ in _MESSAGE_TYPES:
        role = item.get("role")
        if role == ASSISTANT and (item.get("tool_calls") or item.get("function_call")):
            return TOOL_CALL
        return _ROLES.get(role) or _own_word(role) if isinstance(role, str) else UNKNOWN
    return _TYPES.get(type_) or _own_word(type_) if isinstance(type_, str) else UNKNOWN


def _own_word(word: str) -> str:
    """Return a role or type that is not known here as it is, unless no database could hold it as a word."""
    return word if 0 < len(word) <= _MAX_KIND_LENGTH and word.isprintable() else UNKNOWN


def _called(item: dict[str, Any], names: dict[str, str]) -> str | None:
    """Return the name of the called tool, or several, and note in `names` which call is which."""
    type_ = item.get("type")
    if type_ in _MESSAGE_TYPES:
        return _called_in_message(item, names)
    name = _text(item.get("name"))
    # A namespace that repeats the name is how the OpenAI Agents SDK marks tools that are found by search.
    namespace = _text(item.get("server_label" if type_ == "mcp_call" else "namespace"))
    if namespace and namespace != name:
        name = f"{namespace}.{name}" if name else namespace
    tool_name = name or str(type_)
    names[_call_id(item)] = tool_name
    return tool_name


def _called_in_message(message: dict[str, Any], names: dict[str, str]) -> str | None:
    """Do the same for a Chat Completions message, whose calls are ``{"id", "function": {"name"}}``."""
    called = []
    calls = message.get("tool_calls") or [{"function": message.get("function_call")}]
    for call in calls if isinstance(calls, list) else []:
        if not isinstance(call, dict):
            continue
        function = call.get("function") or call.get("custom")
        name = _text(function.get("name")) if isinstance(function, dict) else None
        if name:
            called.append(name)
            names[_text(call.get("id")) or ""] = name
    return ",".join(called) or None


def _call_id(item: dict[str, Any]) -> str:
    return _text(item.get("call_id")) or _text(item.get("tool_call_id")) or ""


def _storable(name: str) -> str:
    """Return a name without what some database cannot hold in a text: NUL characters and lone surrogates."""
    if name.isascii() and name.isprintable():
        return name
    return name.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
