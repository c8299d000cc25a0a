"""Which part an item plays in a conversation, which calls it makes, and which call it answers.

Both shapes that `sessions.items.kinds` knows are understood. Sources, all in the OpenAI API reference: "Responses:
input items" for the items of the Responses API, where an output has its call's type with ``_output`` behind it and the
same ``call_id``; "Chat: messages" for ``tool_calls`` and ``tool_call_id``, and for ``function_call``, from before there
were ids, which a message of the role ``function`` answers by its name.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.items.kinds import (
    APPROVAL_REQUEST,
    APPROVAL_RESPONSE,
    ASSISTANT,
    COMPACTED,
    DEVELOPER,
    HOSTED_TOOL_CALL,
    LISTED_TOOLS,
    REASONING,
    SEARCH_CALL,
    SEARCH_OUTPUT,
    SETTINGS,
    SYSTEM,
    TOOL_CALL,
    TOOL_OUTPUT,
    USER,
    kind_of,
)

if TYPE_CHECKING:
    from sessions.types import Item


class Part(Enum):
    """Which part an item plays.

    Attributes:
        USER: A user's message: it begins a turn.
        CONTEXT: A message of the system or the developer; another item that says what holds from there on, as
            ``additional_tools`` do; or what stands for an older conversation (``compaction``).
        REASONING: Reasoning of a model, which belongs to what follows it.
        ANSWER: What else a model or its provider made, also the output of a program.
        CHAT_ANSWER: An assistant's message of Chat Completions, which is all that a model said at once.
        OUTPUT: What answers a call.
        UNKNOWN: What has no shape that is known here, and so may be anything; also a reference to what only the
            provider has.
    """

    USER = auto()
    CONTEXT = auto()
    REASONING = auto()
    ANSWER = auto()
    CHAT_ANSWER = auto()
    OUTPUT = auto()
    UNKNOWN = auto()


class Call(NamedTuple):
    """A call that must be answered.

    Attributes:
        answered_by: The type of the item that answers it, or the role of the message that does.
        call_id: What the answer names it by; empty if the item names none, so that nothing can answer it.
    """

    answered_by: str
    call_id: str


_PARTS: Final = {
    USER: Part.USER,
    **dict.fromkeys((SYSTEM, DEVELOPER, COMPACTED, *SETTINGS), Part.CONTEXT),
    REASONING: Part.REASONING,
    **dict.fromkeys((TOOL_OUTPUT, APPROVAL_RESPONSE), Part.OUTPUT),
    **dict.fromkeys((ASSISTANT, TOOL_CALL, HOSTED_TOOL_CALL, APPROVAL_REQUEST, LISTED_TOOLS), Part.ANSWER),
}
_PROGRAM: Final = "program"
_PROGRAM_OUTPUT: Final = "program_output"
_OF_MESSAGES: Final = (None, "message")


def part_of(item: Item) -> Part:
    """Return which part an item plays."""
    kind = kind_of(item)
    type_ = item.get("type")
    if kind == SEARCH_OUTPUT:
        return Part.OUTPUT if _is_of_client(item) else Part.ANSWER
    if type_ == _PROGRAM_OUTPUT and kind == TOOL_OUTPUT:
        return Part.ANSWER
    if type_ in _OF_MESSAGES and (kind == TOOL_CALL or (kind == ASSISTANT and "type" not in item)):
        return Part.CHAT_ANSWER
    return _PARTS.get(kind, Part.UNKNOWN)


def is_instruction(item: Item) -> bool:
    """Tell whether an item says what holds from there on, as messages of the system and the developer do."""
    return part_of(item) is Part.CONTEXT and kind_of(item) != COMPACTED


def calls_of(item: Item) -> list[Call]:
    """Return the calls of an item that must be answered, in their order; those that providers execute need not be."""
    kind = kind_of(item)
    type_ = item.get("type")
    if kind == TOOL_CALL:
        return _calls_of_message(item) if type_ in _OF_MESSAGES else [Call(f"{type_}_output", _text(item, "call_id"))]
    if kind == APPROVAL_REQUEST:
        return [Call(APPROVAL_RESPONSE, _text(item, "id"))]
    if kind == HOSTED_TOOL_CALL and type_ == SEARCH_CALL and _is_of_client(item):
        return [Call(SEARCH_OUTPUT, _text(item, "call_id"))]
    return []


def answered_by(item: Item) -> Call | None:
    """Return the call that an item answers; ``None`` if it answers none, whatever is there."""
    kind = kind_of(item)
    type_ = item.get("type")
    if kind == APPROVAL_RESPONSE:
        return Call(APPROVAL_RESPONSE, _text(item, "approval_request_id"))
    if kind != TOOL_OUTPUT and not (kind == SEARCH_OUTPUT and _is_of_client(item)):
        return None
    if type_ in _OF_MESSAGES:
        role = str(item.get("role"))
        return Call(role, _text(item, "name" if role == "function" else "tool_call_id"))
    # The reference gives the outputs of local shells no ``call_id``, but names the call by ``id``.
    return Call(str(type_), _text(item, "call_id") or (_text(item, "id") if type_ == "local_shell_call_output" else ""))


def program_begun(item: Item) -> str:
    """Return the id of the program that an item is; empty if it is none."""
    return _text(item, "call_id") if item.get("type") == _PROGRAM else ""


def program_of(item: Item) -> str:
    """Return the id of the program that an item is a call, an output or the end of; empty if it is of none.

    A provider takes what belongs to a program only together with the program.
    """
    if item.get("type") == _PROGRAM_OUTPUT:
        return _text(item, "call_id")
    caller = item.get("caller")
    return _text(caller, "caller_id") if isinstance(caller, dict) and caller.get("type") == _PROGRAM else ""


def asks_a_human(item: Item) -> bool:
    """Tell whether an item says itself that a human has to decide before it is answered.

    A request for approval of a hosted tool does, and so does a computer's call with safety checks that somebody has to
    acknowledge. Whether another call waits for a human, only the program knows that made it wait.
    """
    kind = kind_of(item)
    return kind == APPROVAL_REQUEST or (
        kind == TOOL_CALL and item.get("type") == "computer_call" and bool(item.get("pending_safety_checks"))
    )


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
