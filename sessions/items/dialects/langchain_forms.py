"""The three forms in which LangChain's messages are found as JSON.

- ``dumpd(message)``, the form of constructors:
  ``{"lc": 1, "type": "constructor", "id": […, "AIMessage"], "kwargs": {…}}``;
- ``message_to_dict(message)``: ``{"type": "ai", "data": {…}}``, which ``messages_from_dict`` revives;
- ``message.model_dump()``: ``{"type": "ai", "content": …, "additional_kwargs": {…}, …}``.

Sources: langchain-core, ``load/dump.py``, ``messages/base.py`` and the classes of ``messages/``. Every other shape is
left to the other dialects: a ``type`` alone makes no message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.items.dialects.openai_kinds import CONTENTS

if TYPE_CHECKING:
    from sessions.types import Item

HUMAN: Final = "human"
AI: Final = "ai"
SYSTEM: Final = "system"
TOOL: Final = "tool"
FUNCTION: Final = "function"
CHAT: Final = "chat"

CONSTRUCTOR: Final = "constructor"
DATA: Final = "data"
DUMP: Final = "dump"

_CLASSES: Final = {
    "HumanMessage": HUMAN,
    "AIMessage": AI,
    "SystemMessage": SYSTEM,
    "ToolMessage": TOOL,
    "FunctionMessage": FUNCTION,
    "ChatMessage": CHAT,
}
_TYPES: Final = {
    **{type_: type_ for type_ in _CLASSES.values()},
    # Parts of a stream, and their sums, have the name of their class as type.
    **{f"{name}Chunk": type_ for name, type_ in _CLASSES.items()},
}
_NAMES: Final = {**_CLASSES, **_TYPES}
_NEEDED: Final = {TOOL: "tool_call_id", FUNCTION: "name", CHAT: "role"}
"""By type, the field without which a message says nothing of its part."""
_OF_PEOPLE: Final = CONTENTS | {"text-plain", "media"}
"""Types of the content of people: another one, as ``tool_result``, may answer a call."""


class Message(NamedTuple):
    """A message: its type without regard to streaming, its fields, and the form in which it was found."""

    type: str
    fields: dict[str, Any]
    form: str


def message_of(item: Item) -> Message | None:
    """Return an item as a message; ``None`` if it is not one of LangChain's."""
    type_ = item.get("type")
    if not isinstance(type_, str):
        return None
    if type_ == CONSTRUCTOR:
        return _constructed(item)
    fields = item.get("data")
    if isinstance(fields, dict):
        return _known(_TYPES.get(type_), fields, DATA) if "content" in fields else None
    if "content" in item and ("additional_kwargs" in item or "response_metadata" in item):
        return _known(_TYPES.get(type_), item, DUMP)
    return None


def in_form(form: str, type_: str, fields: dict[str, Any], like: Item) -> Item:
    """Return a message in a form.

    Args:
        form: The form.
        type_: The message's type.
        fields: Its fields, without the type.
        like: A message of that form, whose version is repeated.
    """
    if form == CONSTRUCTOR:
        name = next(name for name, known in _CLASSES.items() if known == type_)
        path = ["langchain", "schema", "messages", name]
        return {"lc": like.get("lc", 1), "type": CONSTRUCTOR, "id": path, "kwargs": {**fields, "type": type_}}
    whole = {"additional_kwargs": {}, "response_metadata": {}, **fields, "type": type_}
    return {"type": type_, "data": whole} if form == DATA else whole


def with_fields(item: Item, message: Message, fields: dict[str, Any]) -> Item:
    """Return a message with other fields, in its form."""
    if message.form == CONSTRUCTOR:
        return {"lc": item.get("lc"), "type": CONSTRUCTOR, "id": item["id"], "kwargs": fields}
    return {"type": item["type"], "data": fields} if message.form == DATA else fields


def _constructed(item: Item) -> Message | None:
    path, fields = item.get("id"), item.get("kwargs")
    if not isinstance(item.get("lc"), int) or not isinstance(path, list) or not path or not isinstance(fields, dict):
        return None
    # Subclasses of a program's own say with their type which message they are.
    name = fields.get("type", path[-1])
    return _known(_NAMES.get(name), fields, CONSTRUCTOR) if isinstance(name, str) and "content" in fields else None


def _known(type_: str | None, fields: dict[str, Any], form: str) -> Message | None:
    content = fields["content"]
    if type_ is None or not (isinstance(content, str) or (isinstance(content, list) and _is_of(type_, content))):
        return None
    needed = _NEEDED.get(type_)
    if needed is not None and not isinstance(fields.get(needed), str):
        return None
    return Message(type_, fields, form)


def _is_of(type_: str, content: list[Any]) -> bool:
    """Tell whether this can be the content of a message of a type."""
    return type_ != HUMAN or all(
        isinstance(block, str) or (isinstance(block, dict) and block.get("type") in _OF_PEOPLE) for block in content
    )
