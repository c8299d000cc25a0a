"""The forms of the OpenAI Agents SDK's `AdvancedSQLiteSession`: types, tool names, previews, times."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from sessions.clock import as_time
from sessions.items.calls import tools_of
from sessions.items.dialects.openai import OPENAI
from sessions.items.dialects.openai_kinds import SEARCH_CALL
from sessions.items.kinds import APPROVAL_REQUEST, SEARCH_OUTPUT, TOOL_OUTPUT
from sessions.log.usage import INPUT_DETAILS, OUTPUT_DETAILS, total

if TYPE_CHECKING:
    from datetime import datetime

    from sessions.log.core.entries import StoredEntry
    from sessions.log.usage_sums import Sums

_PREVIEW: Final = 100
"""Characters."""

TOOL_SEARCH: Final = "tool_search"
"""What a search for tools is called, and what was found by it."""


def type_of(item: Any) -> str:
    """Return that class's name for an item: the role ``user`` or ``assistant``, else the item's type."""
    return OPENAI.speaker_of(item) or OPENAI.type_of(item) or "other"


def tool_of(entry: StoredEntry) -> str | None:
    """Return the tool that an entry calls; an output names one only by itself."""
    if entry.tool_name == SEARCH_CALL or entry.kind == SEARCH_OUTPUT:
        return TOOL_SEARCH
    if entry.kind in (TOOL_OUTPUT, APPROVAL_REQUEST):
        return next(iter(tools_of(entry.item)), None)
    return entry.tool_name


def turn_of(entry: StoredEntry, *, shortened: bool) -> dict[str, Any]:
    """Return a user's message as that class lists turns; structured content is shown as JSON."""
    content = OPENAI.content_of(entry.item)
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


def usage_of(rows: list[Sums]) -> dict[str, Any]:
    """Return a turn's usage in that class's form."""
    amounts = total(row.amounts for row in rows)
    told = {of: any(not row.untold & of for row in rows) for of in (INPUT_DETAILS, OUTPUT_DETAILS)}
    of_input = {"cached_tokens": amounts.cached_tokens, "cache_write_tokens": amounts.cache_write_tokens}
    return {
        "requests": amounts.requests,
        "input_tokens": amounts.input_tokens,
        "output_tokens": amounts.output_tokens,
        "total_tokens": amounts.input_tokens + amounts.output_tokens,
        "input_tokens_details": of_input if told[INPUT_DETAILS] else None,
        "output_tokens_details": {"reasoning_tokens": amounts.reasoning_tokens} if told[OUTPUT_DETAILS] else None,
    }


def as_text(time: datetime) -> str:
    """Return a time in UTC as SQLite's ``current_timestamp`` gives it: to the second, and without its zone."""
    return f"{time:%Y-%m-%d %H:%M:%S}"
