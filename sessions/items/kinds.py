"""Kind and tool name of an item, found when it is added.

Two shapes are known: Chat Completions messages (a ``role``; tool calls inside an assistant's message; tool outputs with
the role ``tool``) and items of the Responses API (a ``type``; messages may leave it out). Types, roles and contents are
those of the OpenAI API reference, "Responses: input items" and "Chat: messages".

Every other shape is kept as it is and never guessed at, also where it looks like one of these: a message whose content
has blocks of another provider, as ``tool_use`` or ``toolResult``, may make calls or answer them, whatever its role is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

USER: Final = "user"
ASSISTANT: Final = "assistant"
SYSTEM: Final = "system"
DEVELOPER: Final = "developer"
TOOL_CALL: Final = "tool_call"
"""A call that a `TOOL_OUTPUT` answers."""
TOOL_OUTPUT: Final = "tool_output"
HOSTED_TOOL_CALL: Final = "hosted_tool_call"
"""A call that the model's provider executes itself; it needs no output."""
REASONING: Final = "reasoning"
APPROVAL_REQUEST: Final = "mcp_approval_request"
APPROVAL_RESPONSE: Final = "mcp_approval_response"
SEARCH_CALL: Final = "tool_search_call"
SEARCH_OUTPUT: Final = "tool_search_output"
REFERENCE: Final = "item_reference"
"""An item that only the provider has: it may be of any kind."""
LISTED_TOOLS: Final = "mcp_list_tools"
COMPACTED: Final = "compaction"
"""Stands for an older conversation."""
SETTINGS: Final = frozenset({"additional_tools", "configuration_update", "compaction_trigger"})
"""Kinds of items that tell the provider what holds from there on."""
PLACEHOLDER: Final = "placeholder"
"""Stands for an output that was never recorded; `LogSession.repair` adds it. No item is classified as one."""
UNKNOWN: Final = "unknown"
"""Of an unknown shape, and without a type or a role that could name its kind."""

_TYPES: Final = {
    "function_call": TOOL_CALL,
    "custom_tool_call": TOOL_CALL,
    "computer_call": TOOL_CALL,
    "local_shell_call": TOOL_CALL,
    "shell_call": TOOL_CALL,
    "apply_patch_call": TOOL_CALL,
    "program": TOOL_CALL,
    "function_call_output": TOOL_OUTPUT,
    "custom_tool_call_output": TOOL_OUTPUT,
    "computer_call_output": TOOL_OUTPUT,
    "local_shell_call_output": TOOL_OUTPUT,
    "shell_call_output": TOOL_OUTPUT,
    "apply_patch_call_output": TOOL_OUTPUT,
    "program_output": TOOL_OUTPUT,
    "web_search_call": HOSTED_TOOL_CALL,
    "file_search_call": HOSTED_TOOL_CALL,
    "code_interpreter_call": HOSTED_TOOL_CALL,
    "image_generation_call": HOSTED_TOOL_CALL,
    "mcp_call": HOSTED_TOOL_CALL,
    SEARCH_CALL: HOSTED_TOOL_CALL,
    **{kind: kind for kind in (REASONING, APPROVAL_REQUEST, APPROVAL_RESPONSE, SEARCH_OUTPUT, REFERENCE)},
    **{kind: kind for kind in (LISTED_TOOLS, COMPACTED, *SETTINGS)},
}
_ROLES: Final = {
    USER: USER,
    ASSISTANT: ASSISTANT,
    SYSTEM: SYSTEM,
    DEVELOPER: DEVELOPER,
    "tool": TOOL_OUTPUT,
    "function": TOOL_OUTPUT,
}
KNOWN: Final = frozenset({*_TYPES.values(), *_ROLES.values()})
"""The kinds of items whose shape is known."""
_CONTENTS: Final = frozenset(
    # Text and media; what makes a call or answers one is not among them.
    {"text", "input_text", "output_text", "summary_text", "reasoning_text", "refusal"}
    | {"image", "image_url", "input_image", "computer_screenshot", "video", "video_url"}
    | {"file", "input_file", "document", "audio", "input_audio", "audio_url"}
)
_OF_MESSAGES: Final = frozenset(
    # A list or an object under any other name may hold calls.
    {"role", "type", "content", "tool_calls", "function_call", "id", "name", "status", "phase", "refusal", "audio"}
    | {"annotations", "logprobs", "images", "citations", "metadata", "provider_data", "provider_specific_fields"}
    | {"reasoning", "reasoning_content", "reasoning_details", "thinking_blocks"}
)
_MESSAGE_TYPES: Final = (None, "message")
_CALLS: Final = frozenset({TOOL_CALL, HOSTED_TOOL_CALL})
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
        if kind in _CALLS:
            tool_name = _called(item, names)
        elif kind == TOOL_OUTPUT:
            tool_name = _text(item.get("name")) or names.get(_call_id(item))
        found.append((kind, tool_name and _storable(tool_name)))
    return found


def kind_of(item: dict[str, Any]) -> str:
    """Return the kind of an item: one of `KNOWN` if its shape is known, else its own role or type, or `UNKNOWN`."""
    type_ = item.get("type")
    if type_ in _MESSAGE_TYPES:
        role = item.get("role")
        if not isinstance(role, str):
            return UNKNOWN
        kind = _kind_of_message(item, role)
        return _own_word(role) if kind is None else kind
    if not isinstance(type_, str):
        return UNKNOWN
    kind = _TYPES.get(type_)
    if kind is None or (kind in (TOOL_CALL, TOOL_OUTPUT) and not _names_its_call(item, type_)):
        return _own_word(type_)
    return kind


def _kind_of_message(message: dict[str, Any], role: str) -> str | None:
    """Return the kind of a message of a role; ``None`` if its shape is not known."""
    kind = _ROLES.get(role)
    if kind == TOOL_OUTPUT:
        # Its content is the tool's.
        return kind if ("name" if role == "function" else "tool_call_id") in message else None
    content = message.get("content")
    if not (isinstance(content, str) or _is_content(content)):
        return None
    if (content is None or kind == ASSISTANT) and _holds_more(message):
        return None
    return _kind_of_answer(message) if kind == ASSISTANT else kind


def _kind_of_answer(message: dict[str, Any]) -> str | None:
    """Do the same for a message of an assistant, whose content is known."""
    if calls := message.get("tool_calls"):
        is_known = isinstance(calls, list) and all(isinstance(call, dict) and "id" in call for call in calls)
        return TOOL_CALL if is_known else None
    if call := message.get("function_call"):
        return TOOL_CALL if isinstance(call, dict) and "name" in call else None
    return ASSISTANT


def _is_content(content: object) -> bool:
    """Tell whether this is the content of a message of a known shape: texts and media, or none."""
    if isinstance(content, list):
        return all(isinstance(block, dict) and block.get("type") in _CONTENTS for block in content)
    return content is None


def _holds_more(message: dict[str, Any]) -> bool:
    """Tell whether a message holds a list or an object under a name that messages of a known shape do not have."""
    others = message.keys() - _OF_MESSAGES
    return bool(others) and any(isinstance(message[name], (dict, list)) and message[name] for name in others)


def _names_its_call(item: dict[str, Any], type_: str) -> bool:
    # The reference gives the outputs of local shells no ``call_id``, but names the call by ``id``.
    return "call_id" in item or (type_ == "local_shell_call_output" and "id" in item)


def _own_word(word: str) -> str:
    """Return a role or type as it is where the shape is not known, unless no database could hold it as a word.

    Nor as what stands for something else: the kind of a known shape is said of no other.
    """
    is_word = 0 < len(word) <= _MAX_KIND_LENGTH and word.isprintable() and word not in KNOWN and word != PLACEHOLDER
    return word if is_word else UNKNOWN


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
