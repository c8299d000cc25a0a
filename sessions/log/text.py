"""The text of a message, in whichever shape its framework keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def text_of(item: Any) -> str:
    """Return what a message says: its content, or the texts of its content's parts, one to a line."""
    content = item.get("content") if isinstance(item, dict) else None
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part if isinstance(part, str) else part.get("text") for part in parts if isinstance(part, (str, dict))]
    return "\n".join(text for text in texts if isinstance(text, str))


def says(wanted: str) -> Callable[[Any], bool]:
    """Return a test of whether a message says something, whatever the case of its letters."""
    folded = wanted.casefold()
    return lambda item: folded in text_of(item).casefold()
