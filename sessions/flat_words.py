"""How the OpenAI Agents SDK's `AdvancedSQLiteSession` words what it returns: types, names of tools, previews, times."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from sessions.clock import as_time
from sessions.log.classify import TOOL_OUTPUT

if TYPE_CHECKING:
    from datetime import datetime

    from sessions.log.entries import StoredEntry
    from sessions.model import Usage

_PREVIEW: Final = 100
"""Characters."""


def type_of(item: Any) -> str:
    """Return what that class calls an item: by its role if it is a user's or an assistant's, else by its type."""
    role, type_ = item.get("role"), item.get("type")
    if role in ("user", "assistant"):
        return str(role)
    return str(type_) if type_ else "other"


def tool_of(entry: StoredEntry) -> str | None:
    """Return the tool that an entry calls; an output names one only by itself."""
    item, type_ = entry.item, entry.item.get("type")
    name = _text(item.get("name"))
    if entry.kind == TOOL_OUTPUT:
        return name
    if type_ in ("tool_search_call", "tool_search_output"):
        return "tool_search"
    if type_ == "mcp_approval_request":
        return ".".join(part for part in (_text(item.get("server_label")), name) if part) or None
    return entry.tool_name


def turn_of(entry: StoredEntry, *, shortened: bool) -> dict[str, Any]:
    """Return a user's message as that class lists turns; structured content is shown as JSON."""
    content = entry.item.get("content", "")
    preview = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    if shortened and len(preview) > _PREVIEW:
        preview = preview[:_PREVIEW] + "..."
    return {
        "turn": entry.turn,
        "content": preview,
        "full_content": content,
        "timestamp": as_text(as_time(entry.created_at)),
        "can_branch": True,
    }


def usage_of(usage: Usage) -> dict[str, Any]:
    """Return what a turn took as that class gives it."""
    return {
        "requests": usage.requests,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def as_text(time: datetime) -> str:
    """Return a time in UTC as SQLite's ``current_timestamp`` gives it: to the second, and without its zone."""
    return f"{time:%Y-%m-%d %H:%M:%S}"


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
