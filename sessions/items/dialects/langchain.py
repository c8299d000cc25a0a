"""LangChain's messages, as LangGraph keeps them in a graph's state.

Sources, all in langchain-core: ``messages/ai.py`` for ``tool_calls`` and ``invalid_tool_calls``, ``messages/tool.py``
for ``tool_call_id``, ``status`` and ``artifact``. A call whose arguments could not be parsed is a call all the same:
integrations send it back to the provider, which wants an answer. Messages from before there were ``tool_calls`` have
their calls in ``additional_kwargs``, as OpenAI's API returned them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.items.dialects.dialect import UNKNOWN, Dialect
from sessions.items.dialects.langchain_forms import AI, CHAT, FUNCTION, HUMAN, TOOL, in_form, message_of, with_fields
from sessions.items.dialects.langchain_forms import SYSTEM as SYSTEM_TYPE
from sessions.items.kinds import ASSISTANT, DEVELOPER, SYSTEM, TOOL_CALL, TOOL_OUTPUT, USER, own_word, storable
from sessions.items.parts import Call, Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.items.dialects.langchain_forms import Message
    from sessions.items.kinds import Classified
    from sessions.types import Item

_KINDS: Final = {HUMAN: USER, SYSTEM_TYPE: SYSTEM, TOOL: TOOL_OUTPUT, FUNCTION: TOOL_OUTPUT}
_ROLES: Final = {
    "user": USER,
    "human": USER,
    "assistant": ASSISTANT,
    "ai": ASSISTANT,
    "system": SYSTEM,
    "developer": DEVELOPER,
}
_PARTS: Final = {
    USER: Part.USER,
    SYSTEM: Part.CONTEXT,
    DEVELOPER: Part.CONTEXT,
    ASSISTANT: Part.CHAT_ANSWER,
    TOOL_CALL: Part.CHAT_ANSWER,
    TOOL_OUTPUT: Part.OUTPUT,
}
_KEPT: Final = frozenset({"type", "id", "role", "tool_call_id", "status"})
"""Fields without content. A tool's name is one, a person's is not."""


class _Made(NamedTuple):
    """A call: what answers it, the tool's name and the arguments."""

    call: Call
    tool: str
    arguments: Any


class LangChain(Dialect):
    """Messages of LangChain, in the forms of `langchain_forms.py`. Items of any other shape are unknown."""

    name = "langchain"

    def kind_of(self, item: Item) -> str:
        """Return the kind of an item."""
        message = message_of(item)
        return UNKNOWN.kind_of(item) if message is None else _kind_of(message)

    def classify(self, items: Sequence[dict[str, Any]]) -> list[Classified]:
        """Return the kinds and tools of items that are added together."""
        found: list[Classified] = []
        names: dict[str, str] = {}
        for item in items:
            message = message_of(item)
            tool = None
            if message is not None:
                made = _calls_of(message)
                names |= {one.call.call_id: one.tool for one in made if one.tool}
                tool = ",".join(one.tool for one in made if one.tool) or _answering_tool(message, names)
            found.append((self.kind_of(item), storable(tool) if tool else None))
        return found

    def part_of(self, item: Item) -> Part:
        """Return which part an item plays."""
        message = message_of(item)
        return Part.UNKNOWN if message is None else _PARTS.get(_kind_of(message), Part.UNKNOWN)

    def calls_of(self, item: Item) -> list[Call]:
        """Return the calls of an item, in their order."""
        message = message_of(item)
        return [] if message is None else [made.call for made in _calls_of(message)]

    def answers_of(self, item: Item) -> list[Call]:
        """Return the calls that an item answers: one at most."""
        message = message_of(item)
        if message is None or message.type not in {TOOL, FUNCTION}:
            return []
        return [Call(message.type, message.fields["tool_call_id" if message.type == TOOL else "name"])]

    def tools_of(self, item: Item) -> list[str | None]:
        """Return the names of the tools that an item calls or, if it is an output, names."""
        message = message_of(item)
        if message is None:
            return []
        if message.type in {TOOL, FUNCTION}:
            return [_answering_tool(message, {})]
        return [made.tool or None for made in _calls_of(message)]

    def arguments_of(self, item: Item) -> list[Any]:
        """Return the arguments of an item's calls, in their order: an object, or a text that is none."""
        message = message_of(item)
        return [] if message is None else [made.arguments for made in _calls_of(message)]

    def has_failed(self, item: Item) -> bool:
        """Tell whether an output says that its call failed."""
        message = message_of(item)
        return message is not None and message.type == TOOL and message.fields.get("status") == "error"

    def is_instruction(self, item: Item) -> bool:
        """Tell whether an item sets rules for the following items."""
        return self.part_of(item) is Part.CONTEXT

    def placeholder(self, call: Call, text: str, made_by: Item) -> Item:
        """Return an output for a call that has none, in the form of the message that makes the call."""
        message = message_of(made_by)
        form = "" if message is None else message.form
        if call.answered_by == FUNCTION:
            return in_form(form, FUNCTION, {"content": text, "name": call.call_id}, made_by)
        fields = {"content": text, "tool_call_id": call.call_id, "status": "error"}
        return in_form(form, TOOL, fields, made_by)

    def emptied(self, item: Item) -> Item | None:
        """Return an item without its content: of the same kind and with the same ids of calls."""
        message = message_of(item)
        if message is None or _kind_of(message) not in _PARTS:
            return UNKNOWN.emptied(item)
        of_tool = message.type in {TOOL, FUNCTION}
        kept = _KEPT | {"name"} if of_tool else _KEPT
        fields: dict[str, Any] = {
            name: value for name, value in message.fields.items() if name in kept and isinstance(value, str)
        }
        fields["content"] = ""
        fields["additional_kwargs"] = _emptied_extras(message)
        fields["response_metadata"] = {}
        if message.type == AI:
            fields |= _emptied_calls(message)
        return with_fields(item, message, fields)

    def text_of(self, item: Any) -> str:
        """Return the text of a message."""
        message = message_of(item)
        return super().text_of(item if message is None else message.fields)


LANGCHAIN: Final = LangChain()


def _kind_of(message: Message) -> str:
    if message.type == AI:
        return TOOL_CALL if _calls_of(message) else ASSISTANT
    if message.type == CHAT:
        role = message.fields["role"]
        return _ROLES.get(role) or own_word(role)
    if message.type == SYSTEM_TYPE and _extras(message).get("__openai_role__") == DEVELOPER:
        return DEVELOPER
    return _KINDS[message.type]


def _calls_of(message: Message) -> list[_Made]:
    if message.type != AI:
        return []
    made = [_made(call) for call in _dicts(message.fields.get("tool_calls"))]
    # Without an id nothing can answer a call that could not be parsed, and no graph executes it.
    wrong = [_made(call) for call in _dicts(message.fields.get("invalid_tool_calls"))]
    made += [call for call in wrong if call.call.call_id]
    return made or _calls_in_extras(_extras(message))


def _made(call: dict[str, Any]) -> _Made:
    return _Made(Call(TOOL, _text(call, "id")), _text(call, "name"), call.get("args"))


def _calls_in_extras(extras: dict[str, Any]) -> list[_Made]:
    made = []
    for call in _dicts(extras.get("tool_calls")):
        function = call.get("function")
        function = function if isinstance(function, dict) else {}
        made.append(_Made(Call(TOOL, _text(call, "id")), _text(function, "name"), function.get("arguments")))
    function = extras.get("function_call")
    if not made and isinstance(function, dict) and (name := _text(function, "name")):
        made.append(_Made(Call(FUNCTION, name), name, function.get("arguments")))
    return made


def _answering_tool(message: Message, names: dict[str, str]) -> str | None:
    if message.type not in {TOOL, FUNCTION}:
        return None
    return _text(message.fields, "name") or names.get(_text(message.fields, "tool_call_id"))


def _emptied_calls(message: Message) -> dict[str, Any]:
    """Return the lists of a message's calls, without their arguments."""
    calls: list[dict[str, Any]] = [
        {"name": _text(call, "name"), "args": {}, "id": call.get("id"), "type": "tool_call"}
        for call in _dicts(message.fields.get("tool_calls"))
    ]
    wrong = [
        {"name": call.get("name"), "args": "", "id": call.get("id"), "error": None, "type": "invalid_tool_call"}
        for call in _dicts(message.fields.get("invalid_tool_calls"))
    ]
    return {"tool_calls": calls, "invalid_tool_calls": wrong}


def _emptied_extras(message: Message) -> dict[str, Any]:
    """Return the further fields that say which part a message plays, or whose call it makes."""
    extras = _extras(message)
    if _kind_of(message) == DEVELOPER and message.type == SYSTEM_TYPE:
        return {"__openai_role__": DEVELOPER}
    if message.type != AI:
        return {}
    made = _calls_in_extras(extras)
    calls = [
        {"id": one.call.call_id, "type": "function", "function": {"name": one.tool, "arguments": "{}"}}
        for one in made
        if one.call.answered_by == TOOL
    ]
    if calls:
        return {"tool_calls": calls}
    return {"function_call": {"name": made[0].tool, "arguments": "{}"}} if made else {}


def _extras(message: Message) -> dict[str, Any]:
    extras = message.fields.get("additional_kwargs")
    return extras if isinstance(extras, dict) else {}


def _dicts(values: Any) -> list[dict[str, Any]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""
