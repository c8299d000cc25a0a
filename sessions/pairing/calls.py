"""Which part an item plays in a conversation, which calls it makes, and which call it answers.

Both shapes that `sessions.log.classify` knows are understood. Sources, all in the OpenAI API reference: "Responses:
input items" for the items of the Responses API, where an output has its call's type with ``_output`` behind it and the
same ``call_id``; "Chat: messages" for ``tool_calls`` and ``tool_call_id``, and for ``function_call``, from before there
were ids, which a message of the role ``function`` answers by its name.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.log.classify import ASSISTANT, REASONING, TOOL_CALL, TOOL_OUTPUT, USER, kind_of

if TYPE_CHECKING:
    from sessions.protocol import Item


class Part(Enum):
    """Which part an item plays.

    Attributes:
        USER: A user's message: it begins a turn.
        CONTEXT: A message of the system or the developer, or what stands for an older conversation (``compaction``).
        REASONING: Reasoning of a model, which belongs to what follows it.
        ANSWER: What else a model made; also what nobody here knows.
        CHAT_ANSWER: An assistant's message of Chat Completions, which is all that a model said at once.
        OUTPUT: What answers a call.
    """

    USER = auto()
    CONTEXT = auto()
    REASONING = auto()
    ANSWER = auto()
    CHAT_ANSWER = auto()
    OUTPUT = auto()


class Call(NamedTuple):
    """A call that must be answered.

    Attributes:
        answered_by: The type of the item that answers it, or the role of the message that does.
        call_id: What the answer names it by; empty if the item names none, so that nothing can answer it.
    """

    answered_by: str
    call_id: str


_APPROVAL_REQUEST: Final = "mcp_approval_request"
_APPROVAL_RESPONSE: Final = "mcp_approval_response"
_SEARCH_CALL: Final = "tool_search_call"
_SEARCH_OUTPUT: Final = "tool_search_output"
_PARTS: Final = {
    USER: Part.USER,
    "system": Part.CONTEXT,
    "developer": Part.CONTEXT,
    "compaction": Part.CONTEXT,
    REASONING: Part.REASONING,
    TOOL_OUTPUT: Part.OUTPUT,
    _APPROVAL_RESPONSE: Part.OUTPUT,
}
_OF_MESSAGES: Final = (None, "message")


def part_of(item: Item) -> Part:
    """Return which part an item plays."""
    kind = kind_of(item)
    if part := _PARTS.get(kind):
        return part
    if item.get("type") in _OF_MESSAGES and (kind == TOOL_CALL or (kind == ASSISTANT and "type" not in item)):
        return Part.CHAT_ANSWER
    return Part.OUTPUT if kind == _SEARCH_OUTPUT and _is_of_client(item) else Part.ANSWER


def calls_of(item: Item) -> list[Call]:
    """Return the calls of an item that must be answered, in their order; those that providers execute need not be."""
    kind = kind_of(item)
    type_ = item.get("type")
    if kind == TOOL_CALL:
        return _calls_of_message(item) if type_ in _OF_MESSAGES else [Call(f"{type_}_output", _text(item, "call_id"))]
    if kind == _APPROVAL_REQUEST:
        return [Call(_APPROVAL_RESPONSE, _text(item, "id"))]
    if type_ == _SEARCH_CALL and _is_of_client(item):
        return [Call(_SEARCH_OUTPUT, _text(item, "call_id"))]
    return []


def answered_by(item: Item) -> Call:
    """Return the call that an item of the part `Part.OUTPUT` answers."""
    type_ = item.get("type")
    if type_ in _OF_MESSAGES:
        role = str(item.get("role"))
        return Call(role, _text(item, "name" if role == "function" else "tool_call_id"))
    if type_ == _APPROVAL_RESPONSE:
        return Call(_APPROVAL_RESPONSE, _text(item, "approval_request_id"))
    # The reference gives the outputs of local shells no ``call_id``, but names the call by ``id``.
    return Call(str(type_), _text(item, "call_id") or (_text(item, "id") if type_ == "local_shell_call_output" else ""))


def _calls_of_message(message: Item) -> list[Call]:
    made = message.get("tool_calls")
    calls = [Call("tool", _text(call, "id")) for call in made] if isinstance(made, list) else []
    if not calls:
        calls.append(Call("function", _text(message.get("function_call"), "name")))
    return calls


def _is_of_client(item: Item) -> bool:
    """Tell whether a search for tools is the agent's own; otherwise the provider makes the call and its output."""
    return bool(item.get("execution") == "client")


def _text(values: Any, name: str) -> str:
    value = values.get(name) if isinstance(values, dict) else None
    return value if isinstance(value, str) else ""
