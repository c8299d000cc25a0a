"""The kind of an item of OpenAI's.

Two shapes are known: Chat Completions messages (a ``role``; tool calls inside an assistant's message; tool outputs with
the role ``tool``) and items of the Responses API (a ``type``; messages may leave it out). Types, roles and contents are
those of the OpenAI API reference, "Responses: input items" and "Chat: messages".

Every other shape is kept as it is and never guessed at, also where it looks like one of these: a message whose content
has blocks of another provider, as ``tool_use`` or ``toolResult``, may make calls or answer them, in any role.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sessions.items.dialects.dialect import UNKNOWN
from sessions.items.kinds import (
    APPROVAL_REQUEST,
    APPROVAL_RESPONSE,
    ASSISTANT,
    COMPACTED,
    DEVELOPER,
    HOSTED_TOOL_CALL,
    LISTED_TOOLS,
    REASONING,
    REFERENCE,
    SEARCH_OUTPUT,
    SETTINGS,
    SYSTEM,
    TOOL_CALL,
    TOOL_OUTPUT,
    USER,
)

if TYPE_CHECKING:
    from sessions.types import Item

SEARCH_CALL: Final = "tool_search_call"
PROGRAM: Final = "program"
PROGRAM_OUTPUT: Final = "program_output"
MESSAGE_TYPES: Final = (None, "message")

_TYPES: Final = {
    "function_call": TOOL_CALL,
    "custom_tool_call": TOOL_CALL,
    "computer_call": TOOL_CALL,
    "local_shell_call": TOOL_CALL,
    "shell_call": TOOL_CALL,
    "apply_patch_call": TOOL_CALL,
    PROGRAM: TOOL_CALL,
    "function_call_output": TOOL_OUTPUT,
    "custom_tool_call_output": TOOL_OUTPUT,
    "computer_call_output": TOOL_OUTPUT,
    "local_shell_call_output": TOOL_OUTPUT,
    "shell_call_output": TOOL_OUTPUT,
    "apply_patch_call_output": TOOL_OUTPUT,
    PROGRAM_OUTPUT: TOOL_OUTPUT,
    "web_search_call": HOSTED_TOOL_CALL,
    "file_search_call": HOSTED_TOOL_CALL,
    "code_interpreter_call": HOSTED_TOOL_CALL,
    "image_generation_call": HOSTED_TOOL_CALL,
    "mcp_call": HOSTED_TOOL_CALL,
    SEARCH_CALL: HOSTED_TOOL_CALL,
    **{kind: kind for kind in (REASONING, APPROVAL_REQUEST, APPROVAL_RESPONSE, SEARCH_OUTPUT, REFERENCE)},
    **{kind: kind for kind in (LISTED_TOOLS, COMPACTED, *SETTINGS)},
}
_PAIRED: Final = frozenset({TOOL_CALL, TOOL_OUTPUT})
_ROLES: Final = {
    USER: USER,
    ASSISTANT: ASSISTANT,
    SYSTEM: SYSTEM,
    DEVELOPER: DEVELOPER,
    "tool": TOOL_OUTPUT,
    "function": TOOL_OUTPUT,
}
CONTENTS: Final = frozenset(
    # Text and media, without parts that make or answer a call.
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


def kind_of(item: Item) -> str:
    """Return the kind of an item: one of `KNOWN` if its shape is known, else the kind by `UNKNOWN`."""
    type_ = item.get("type")
    if type_ is None or type_ == "message":
        kind = _kind_of_message(item)
    elif isinstance(type_, str):
        kind = _TYPES.get(type_)
        if kind in _PAIRED and "call_id" not in item and not (type_ == "local_shell_call_output" and "id" in item):
            kind = None
    else:
        kind = None
    return UNKNOWN.kind_of(item) if kind is None else kind


def _kind_of_message(message: Item) -> str | None:
    """Return the kind of a message; ``None`` if its shape is not known."""
    role, content = message.get("role"), message.get("content")
    kind = _ROLES.get(role) if isinstance(role, str) else None
    if kind == TOOL_OUTPUT:
        # Its content is the tool's.
        return kind if ("name" if role == "function" else "tool_call_id") in message else None
    if kind is None or not (isinstance(content, str) or content is None or _is_content(content)):
        return None
    if (content is None or kind == ASSISTANT) and not _OF_MESSAGES.issuperset(message) and _holds_more(message):
        return None
    return _kind_of_answer(message) if kind == ASSISTANT else kind


def _kind_of_answer(message: Item) -> str | None:
    """Do the same for a message of an assistant, whose content is known."""
    if calls := message.get("tool_calls"):
        is_known = isinstance(calls, list) and all(isinstance(call, dict) and "id" in call for call in calls)
        return TOOL_CALL if is_known else None
    if call := message.get("function_call"):
        return TOOL_CALL if isinstance(call, dict) and "name" in call else None
    return ASSISTANT


def _is_content(content: object) -> bool:
    """Tell whether this is the content of a message of a known shape, in parts: texts and media."""
    if not isinstance(content, list):
        return False
    for block in content:
        type_ = block.get("type") if isinstance(block, dict) else None
        if not isinstance(type_, str) or type_ not in CONTENTS:
            return False
    return True


def _holds_more(message: Item) -> bool:
    """Tell whether a message holds a list or an object under a name that messages of a known shape do not have."""
    return any(isinstance(message[name], (dict, list)) and message[name] for name in message.keys() - _OF_MESSAGES)


def text_in(values: Any, name: str) -> str:
    """Return the text under a name; empty if it is missing."""
    value = values.get(name) if isinstance(values, dict) else None
    return value if isinstance(value, str) else ""
