"""Items of OpenAI's hosted conversations: the form in which these take an item, and in which they return it.

Hosted conversations give items ids and states of their own, write a message's text as a list of parts, and add fields
with defaults. They refuse some ids that other runs were given, and fields that only a program knows. Sources:
"Conversations: create items" and "list items" in the OpenAI API reference, and `_sanitize_openai_conversation_item` in
the OpenAI Agents SDK.
"""

from __future__ import annotations

from typing import Any, Final

from sessions.items.kinds import REFERENCE

_REASONING: Final = "reasoning"
_WITH_AN_ID: Final = frozenset({
    _REASONING, REFERENCE, "file_search_call", "web_search_call", "computer_call", "code_interpreter_call",
    "image_generation_call", "local_shell_call", "local_shell_call_output", "mcp_list_tools", "mcp_approval_request",
    "mcp_call", "program", "program_output",
})  # fmt: skip
"""Types of items that are refused without an id; others are refused with one that is not known there."""

_NO_ID: Final = "__fake_id__"
"""What the SDK writes where a provider gives no id."""

_OF_PROGRAMS: Final = frozenset({"_agents_tool_description", "_agents_tool_title", "created_by", "provider_data"})
"""Fields that are only for the program that wrote them."""

_OF_THE_STORE: Final = frozenset({"id", "status", "object", "created_at"})
"""Fields that the conversation may replace."""

_TEXTS: Final = frozenset({"content", "output"})
"""Fields that may be a text, or a list of parts with texts."""


def hosted_form(item: Any) -> Any | None:
    """Return an item as a hosted conversation takes it; ``None`` if it takes no such item.

    That is reasoning without an id and without encrypted content: nothing of it could be used again.
    """
    if not isinstance(item, dict):
        return item
    type_ = item.get("type")
    keeps_id = type_ in _WITH_AN_ID and item.get("id") != _NO_ID
    form = {name: value for name, value in item.items() if name not in _OF_PROGRAMS and (name != "id" or keeps_id)}
    if type_ == _REASONING and not form.get("id") and not form.get("encrypted_content"):
        return None
    return form


def is_kept_as(item: Any, kept: Any) -> bool:
    """Tell whether a store that was given an item may return it as another one: as it was, or in a fuller form."""
    if not (isinstance(item, dict) and isinstance(kept, dict)):
        return bool(item == kept)
    ignored = frozenset[str]() if item.get("type") == REFERENCE else _OF_THE_STORE
    given = {"type": "message", **item} if "role" in item else item
    there = {"type": "message", **kept} if "role" in kept else kept
    return all(_is_same(name, value, there.get(name)) for name, value in given.items() if name not in ignored)


def _is_same(name: str, value: Any, kept: Any) -> bool:
    if name in _TEXTS:
        value, kept = _as_parts(value), _as_parts(kept)
    if _is_nothing(value) and _is_nothing(kept):
        return True
    if isinstance(value, dict) and isinstance(kept, dict):
        return all(_is_same(key, part, kept.get(key)) for key, part in value.items() if key not in _OF_THE_STORE)
    if isinstance(value, list) and isinstance(kept, list):
        return len(value) == len(kept) and all(_is_same("", one, other) for one, other in zip(value, kept, strict=True))
    return bool(value == kept) and isinstance(value, bool) == isinstance(kept, bool)


def _is_nothing(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _as_parts(value: Any) -> Any:
    """Return the texts of parts that have nothing else to say; other values unchanged."""
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, list) and all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in value):
        return [part["text"] for part in value]
    return value
