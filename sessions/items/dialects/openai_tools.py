"""The names of the tools that OpenAI's items call, have called, or ask to call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sessions.items.dialects.openai_kinds import kind_of, text_in
from sessions.items.kinds import APPROVAL_REQUEST, HOSTED_TOOL_CALL, TOOL_CALL, TOOL_OUTPUT, storable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.items.kinds import Classified
    from sessions.types import Item

_CALLS: Final = frozenset({TOOL_CALL, HOSTED_TOOL_CALL})
_OF_SERVERS: Final = ("mcp_call", APPROVAL_REQUEST)


def classify_items(items: Sequence[dict[str, Any]]) -> list[Classified]:
    """Return the kinds and tools of items that are added together: see `Dialect.classify`."""
    found: list[Classified] = []
    names: dict[str, str] = {}
    for item in items:
        kind = kind_of(item)
        tool = None
        if kind in _CALLS:
            tool = _called(item, names)
        elif kind == TOOL_OUTPUT:
            tool = text_in(item, "name") or names.get(_call_id(item))
        found.append((kind, tool and storable(tool)))
    return found


def tools_of_kind(item: Item, kind: str) -> list[str | None]:
    """Return the names of the tools of an item of a kind: see `Dialect.tools_of`."""
    if kind == TOOL_OUTPUT:
        return [text_in(item, "name") or None]
    if kind == APPROVAL_REQUEST:
        return [_full_name(item) or None]
    if kind not in _CALLS:
        return []
    if _is_message(item):
        return [name for _, name in _calls_of_message(item)]
    return [_full_name(item) or str(item["type"])]


def arguments_of_kind(item: Item, kind: str) -> list[Any]:
    """Return the arguments of the calls of an item of a kind: see `Dialect.arguments_of`."""
    if kind not in _CALLS:
        return []
    if not _is_message(item):
        return [item.get("arguments", item.get("input"))]
    calls = item.get("tool_calls") or [{"function": item.get("function_call")}]
    return [_arguments_in(call) for call in calls]


def _arguments_in(call: Any) -> Any:
    made = (call.get("function") or call.get("custom") or {}) if isinstance(call, dict) else {}
    return made.get("arguments", made.get("input")) if isinstance(made, dict) else None


def _called(item: Item, names: dict[str, str]) -> str | None:
    """Return the called tool, or several, and note in `names` which call is which."""
    if not _is_message(item):
        called = names[_call_id(item)] = _full_name(item) or str(item["type"])
        return called
    called = ""
    for call_id, name in _calls_of_message(item):
        if name is not None:
            names[call_id] = name
            called = f"{called},{name}" if called else name
    return called or None


def _full_name(item: Item) -> str:
    """Return the name of an item's tool, with its namespace or server."""
    name = text_in(item, "name")
    namespace = text_in(item, "server_label" if item.get("type") in _OF_SERVERS else "namespace")
    # A namespace that repeats the name is how the OpenAI Agents SDK marks tools that are found by search.
    if not namespace or namespace == name:
        return name
    return f"{namespace}.{name}" if name else namespace


def _is_message(item: Item) -> bool:
    type_ = item.get("type")
    return type_ is None or type_ == "message"


def _calls_of_message(message: Item) -> list[tuple[str, str | None]]:
    """Return the calls of a Chat Completions message, ``{"id", "function": {"name"}}``: their ids and tools."""
    calls = message.get("tool_calls") or [{"function": message.get("function_call")}]
    return [(text_in(call, "id"), _name_of(call)) for call in calls]


def _name_of(call: dict[str, Any]) -> str | None:
    return text_in(call.get("function") or call.get("custom"), "name") or None


def _call_id(item: Item) -> str:
    return text_in(item, "call_id") or text_in(item, "tool_call_id")
