"""The texts of an item that people and agents search for: whatever it says, in whichever provider's shape.

They are the strings in it, without those that are names to programs: ids, types, roles, states, signatures, encrypted
and binary content. So a message, a call's arguments, a tool's result and a piece of reasoning are all found, and items
of shapes that nobody knows yet.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNSAID: Final = frozenset(
    {
        "type", "role", "status", "id", "ids", "object", "format", "phase", "detail", "index", "model", "encoding",
        "signature", "encrypted_content", "data", "file_data", "image_url", "mime_type", "media_type", "logprobs",
        "top_logprobs", "fingerprint", "sha256",
    }
)  # fmt: skip
"""Keys of values that nobody searches for, besides those that end with ``_id``."""

_BINARY: Final = re.compile(r"data:[^,]{0,256};base64,|[A-Za-z0-9+/=_-]{1024}")
"""What binary content begins with: a URL that has it in it, or letters without a space."""

_DEPTH: Final = 64


def searched_texts(item: Any) -> list[str]:
    """Return the texts of an item, in its own order.

    Example: ``searched_texts({"role": "user", "content": "Hello"})`` is ``["Hello"]``.
    """
    return list(_texts(item, 0))


def _texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        if value and not _BINARY.match(value):
            yield value
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, (dict, list, tuple)) and depth < _DEPTH:
        for inner in _said(value) if isinstance(value, dict) else value:
            yield from _texts(inner, depth + 1)


def _said(members: dict[Any, Any]) -> Iterator[Any]:
    return (inner for key, inner in members.items() if not _is_unsaid(key, inner))


def _is_unsaid(key: Any, inner: Any) -> bool:
    # Under "data", LangChain's messages have all that they say; others have binary content there.
    return (key in _UNSAID and not (key == "data" and isinstance(inner, dict))) or str(key).endswith("_id")
