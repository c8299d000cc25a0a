"""The last sentence of an error about a value that JSON lacks: how to store it anyway."""

from __future__ import annotations

import dataclasses
from enum import Enum
from typing import Final

TEXT: Final = "Make it valid with text.encode('utf-8', 'replace').decode()."


def for_item(item: object) -> str:
    """Return the remedy for an item that is not a dictionary."""
    if hasattr(item, "to_input_item"):  # A run item of the OpenAI Agents SDK.
        return "Pass item.to_input_item()."
    if hasattr(item, "model_dump"):
        return "Pass item.model_dump()."
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        return "Pass dataclasses.asdict(item)."
    if isinstance(item, str):
        return 'Write {"role": "user", "content": "…"}.'
    if isinstance(item, list):
        return "Pass one flat list of items."
    return "Convert it to a dict."


def for_value(value: object) -> str:
    """Return the remedy for a value inside an item that JSON lacks."""
    # Errors are rare, and plain JSON needs none of this.
    from sessions.codecs.plus.values import VALUES  # noqa: PLC0415

    name = type(value).__name__
    if any(type(value) is tag.type for tag in VALUES):
        return "Open the session with codec=PlusCodec(), or convert it."
    if hasattr(value, "model_dump"):
        return f"Store its .model_dump(), or open the session with codec=PlusCodec(types=[{name}])."
    if dataclasses.is_dataclass(value) or isinstance(value, (Enum, BaseException)) or hasattr(value, "_fields"):
        return f"Open the session with codec=PlusCodec(types=[{name}]), or convert it."
    return "Convert it to plain values."
