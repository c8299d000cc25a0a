"""OpenAI's two ways to write items: those of the Responses API and Chat Completions messages.

Sources, all in the OpenAI API reference: "Responses: input items" for the items of the Responses API, where an output
has its call's type with ``_output`` behind it and the same ``call_id``; "Chat: messages" for ``tool_calls`` and
``tool_call_id``, and for ``function_call``, from before there were ids, which a message of the role ``function``
answers by its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sessions.items.dialects.dialect import UNKNOWN, Dialect
from sessions.items.dialects.openai_emptied import emptied_item
from sessions.items.dialects.openai_hosted import hosted_form, is_kept_as
from sessions.items.dialects.openai_kinds import MESSAGE_TYPES, PROGRAM, PROGRAM_OUTPUT, SEARCH_CALL, text_in
from sessions.items.dialects.openai_kinds import kind_of as kind_of_item
from sessions.items.dialects.openai_placeholders import placeholder_for
from sessions.items.dialects.openai_tools import arguments_of_kind, classify_items, tools_of_kind
from sessions.items.kinds import (
    APPROVAL_REQUEST,
    APPROVAL_RESPONSE,
    ASSISTANT,
    COMPACTED,
    DEVELOPER,
    HOSTED_TOOL_CALL,
    KNOWN,
    LISTED_TOOLS,
    REASONING,
    SEARCH_OUTPUT,
    SETTINGS,
    SYSTEM,
    TOOL_CALL,
    TOOL_OUTPUT,
    USER,
)
from sessions.items.parts import Call, Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.items.kinds import Classified
    from sessions.types import Item

_PARTS: Final = {
    USER: Part.USER,
    **dict.fromkeys((SYSTEM, DEVELOPER, COMPACTED, *SETTINGS), Part.CONTEXT),
    REASONING: Part.REASONING,
    **dict.fromkeys((TOOL_OUTPUT, APPROVAL_RESPONSE), Part.OUTPUT),
    **dict.fromkeys((ASSISTANT, TOOL_CALL, HOSTED_TOOL_CALL, APPROVAL_REQUEST, LISTED_TOOLS), Part.ANSWER),
}
_FAILED: Final = ("failed", "incomplete")


class OpenAI(Dialect):
    """Items of the Responses API and messages of Chat Completions."""

    name = "openai"

    def kind_of(self, item: Item) -> str:
        """Return the kind of an item."""
        return kind_of_item(item)

    def classify(self, items: Sequence[dict[str, Any]]) -> list[Classified]:
        """Return the kinds and tools of items that are added together."""
        return classify_items(items)

    def part_of(self, item: Item) -> Part:
        """Return which part an item plays."""
        kind = kind_of_item(item)
        if kind == SEARCH_OUTPUT:
            return Part.OUTPUT if _is_of_client(item) else Part.ANSWER
        if kind == TOOL_OUTPUT and item.get("type") == PROGRAM_OUTPUT:
            return Part.ANSWER
        if kind == ASSISTANT:
            return Part.ANSWER if "type" in item else Part.CHAT_ANSWER
        if kind == TOOL_CALL and item.get("type") in MESSAGE_TYPES:
            return Part.CHAT_ANSWER
        return _PARTS.get(kind, Part.UNKNOWN)

    def calls_of(self, item: Item) -> list[Call]:
        """Return the calls of an item that must be answered, in their order."""
        kind = kind_of_item(item)
        if kind == TOOL_CALL:
            type_ = item.get("type")
            return _calls_of_message(item) if type_ in MESSAGE_TYPES else [_call(f"{type_}_output", item, "call_id")]
        if kind == APPROVAL_REQUEST:
            return [_call(APPROVAL_RESPONSE, item, "id")]
        if kind == HOSTED_TOOL_CALL and item.get("type") == SEARCH_CALL and _is_of_client(item):
            return [_call(SEARCH_OUTPUT, item, "call_id")]
        return []

    def answers_of(self, item: Item) -> list[Call]:
        """Return the calls that an item answers: one at most."""
        kind = kind_of_item(item)
        if kind == APPROVAL_RESPONSE:
            return [_call(APPROVAL_RESPONSE, item, "approval_request_id")]
        if kind != TOOL_OUTPUT and not (kind == SEARCH_OUTPUT and _is_of_client(item)):
            return []
        type_ = item.get("type")
        if type_ in MESSAGE_TYPES:
            role = str(item.get("role"))
            return [_call(role, item, "name" if role == "function" else "tool_call_id")]
        # The reference gives the outputs of local shells no ``call_id``, but names the call by ``id``.
        id_ = "id" if type_ == "local_shell_call_output" and not text_in(item, "call_id") else "call_id"
        return [_call(str(type_), item, id_)]

    def tools_of(self, item: Item) -> list[str | None]:
        """Return the names of the tools that an item calls or, if it is an output or a request, names."""
        return tools_of_kind(item, kind_of_item(item))

    def arguments_of(self, item: Item) -> list[Any]:
        """Return the arguments of an item's calls: see `Dialect.arguments_of`."""
        return arguments_of_kind(item, kind_of_item(item))

    def has_failed(self, item: Item) -> bool:
        """Tell whether a call or an output says that it failed."""
        if item.get("status") in _FAILED or item.get("error") is not None or item.get("is_error") is True:
            return True
        output = item.get("output")
        return any(_has_command_failed(part) for part in output) if isinstance(output, list) else False

    def is_instruction(self, item: Item) -> bool:
        """Tell whether an item sets rules for the following items."""
        kind = kind_of_item(item)
        return kind != COMPACTED and _PARTS.get(kind) is Part.CONTEXT

    def asks_a_human(self, item: Item) -> bool:
        """Tell whether an item says itself that a human has to decide before it is answered.

        A request for approval of a hosted tool does, and so does a computer call with safety checks that a human has to
        acknowledge. Whether another call waits for a human, only the program knows that made it wait.
        """
        kind = kind_of_item(item)
        return kind == APPROVAL_REQUEST or (
            kind == TOOL_CALL and item.get("type") == "computer_call" and bool(item.get("pending_safety_checks"))
        )

    def program_begun(self, item: Item) -> str:
        """Return the id of the program that an item is."""
        return text_in(item, "call_id") if item.get("type") == PROGRAM else ""

    def program_of(self, item: Item) -> str:
        """Return the id of the program that an item is a call, an output or the end of."""
        if item.get("type") == PROGRAM_OUTPUT:
            return text_in(item, "call_id")
        caller = item.get("caller")
        return text_in(caller, "caller_id") if isinstance(caller, dict) and caller.get("type") == PROGRAM else ""

    def placeholder(self, call: Call, text: str, made_by: Item) -> Item:
        """Return an output for a call that has none; it is of the same program as the call."""
        output = placeholder_for(call, text)
        return {**output, "caller": made_by["caller"]} if self.program_of(made_by) else output

    def emptied(self, item: Item) -> Item | None:
        """Return an item without its content: of the same kind and with the same ids of calls."""
        return emptied_item(item) if kind_of_item(item) in KNOWN else UNKNOWN.emptied(item)

    def is_kept_as(self, item: Item, kept: Item) -> bool:
        """Tell whether a hosted conversation that was given an item may return it as another one."""
        return is_kept_as(item, kept)

    def hosted_form(self, item: Item) -> Item | None:
        """Return an item as a hosted conversation takes it; ``None`` if it takes no such item."""
        return hosted_form(item)

    def user_message(self, text: str) -> Item:
        """Return a message of a user, as both APIs take it."""
        return {"role": USER, "content": text}

    def speaker_of(self, item: Item) -> str:
        """Return the role of a message of a user or an assistant; empty for any other item."""
        role = item.get("role")
        return str(role) if role in (USER, ASSISTANT) else ""

    def type_of(self, item: Item) -> str:
        """Return the type that an item says it has; empty if it says none."""
        type_ = item.get("type")
        return str(type_) if type_ else ""

    def content_of(self, message: Item) -> Any:
        """Return a message's content as it was added: a text, a list of parts, or an empty text if it has none."""
        return message.get("content", "")


OPENAI: Final = OpenAI()


def _call(answered_by: str, item: Item, id_: str) -> Call:
    return Call(answered_by, text_in(item, id_))


def _calls_of_message(message: Item) -> list[Call]:
    made = message.get("tool_calls")
    calls = [_call("tool", call, "id") for call in made] if isinstance(made, list) else []
    return calls or [_call("function", message.get("function_call"), "name")]


def _is_of_client(item: Item) -> bool:
    """Tell whether a search for tools is the agent's own; otherwise the provider makes the call and its output."""
    return bool(item.get("execution") == "client")


def _has_command_failed(part: Any) -> bool:
    """Tell whether a command of a shell ended with an error, or not in time."""
    outcome = part.get("outcome") if isinstance(part, dict) else None
    return isinstance(outcome, dict) and (outcome.get("type") == "timeout" or outcome.get("exit_code") not in (None, 0))
