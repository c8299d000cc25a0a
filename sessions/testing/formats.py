"""The contract for items of another dialect than OpenAI's, a part of `WindowContract`: LangChain's messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions.errors import ReplacementError

if TYPE_CHECKING:
    from sessions.session.base import LogSession


def message(type_: str, content: str = "", **fields: Any) -> dict[str, Any]:
    """Return a message in the form of LangChain's ``message_to_dict``."""
    data = {"content": content, "additional_kwargs": {}, "response_metadata": {}, "type": type_, "name": None, **fields}
    return {"type": type_, "data": data}


def calling(*names: str) -> dict[str, Any]:
    """Return an answer that calls tools, with their names as ids."""
    calls = [{"name": name, "args": {"city": "Oslo"}, "id": name, "type": "tool_call"} for name in names]
    return message("ai", tool_calls=calls, invalid_tool_calls=[], usage_metadata=None)


def output(name: str, content: str = "Sun") -> dict[str, Any]:
    """Return the output of a call."""
    return message("tool", content, tool_call_id=name, artifact=None, status="success")


class FormatContract:
    """What a session promises of LangChain's messages: the same as of OpenAI's."""

    async def test_messages_of_langchain_make_turns_and_windows(self, session: LogSession) -> None:
        first = [
            message("human", "weather?"),
            calling("look", "ask"),
            output("look"),
            output("ask"),
            message("ai", "Sunny."),
        ]
        second = [message("human", "and then?"), message("ai", "Rain.")]
        await session.add_items([message("system", "Be brief."), *first])
        await session.add_items(second)
        assert await session.get_items() == [message("system", "Be brief."), *first, *second]
        # The instruction before the first message is of no turn.
        assert [turn.items for turn in await session.turns()][-2:] == [first, second]
        assert await session.window(turns=1) == await session.window(items=6) == second
        entries = await session.entries()
        assert [(entry.kind, entry.tool) for entry in entries] == [
            ("system", None),
            ("user", None),
            ("tool_call", "look,ask"),
            ("tool_output", "look"),
            ("tool_output", "ask"),
            ("assistant", None),
            ("user", None),
            ("assistant", None),
        ]
        assert [(use.tool, use.calls, use.unanswered) for use in await session.usage.tools()] == [
            ("ask", 1, 0),
            ("look", 1, 0),
        ]
        assert [hit.position for hit in (await session.search("sunny")).hits] == [6]
        told = [(node.text, node.answer) for node in (await session.tree()).nodes if node.turn]
        assert told == [("weather?", "Sunny."), ("and then?", "Rain.")]

    async def test_a_call_of_langchain_gets_a_placeholder_of_its_form(self, session: LogSession) -> None:
        await session.add_items([message("human", "weather?"), calling("look")])
        (damage,) = (await session.repair(apply=True)).damages
        assert (damage.kind, damage.call_id) == ("open_call", "look")
        placeholder = (await session.get_items())[-1]
        assert placeholder["type"] == placeholder["data"]["type"] == "tool"
        assert (placeholder["data"]["tool_call_id"], placeholder["data"]["status"]) == ("look", "error")

    async def test_formats_go_together_in_one_conversation(self, session: LogSession) -> None:
        items = [{"role": "user", "content": "weather?"}, calling("look"), {"role": "tool", "tool_call_id": "look"}]
        await session.add_items([*items, message("human", "and then?")])
        assert (await session.repair()).damages == ()
        assert [turn.items for turn in await session.turns()] == [items, [message("human", "and then?")]]

    async def test_a_message_of_langchain_stays_one_when_it_is_redacted(self, session: LogSession) -> None:
        await session.add_items([message("human", "my password"), calling("look"), output("look", "secret")])
        person, call, result = await session.entries()
        with pytest.raises(ReplacementError, match="would change its format"):
            await session.redact(id=person.id, item={"role": "user", "content": "-"})
        for entry in (person, call, result):
            await session.redact(id=entry.id)
        assert "secret" not in str(await session.get_items())
        assert (await session.repair()).damages == ()
        assert [entry.kind for entry in await session.entries()] == ["user", "tool_call", "tool_output"]
