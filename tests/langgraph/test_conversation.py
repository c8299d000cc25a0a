"""A thread as a conversation: the messages of a graph's state, read as a session."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage, messages_from_dict
from langgraph.graph import END, START, MessagesState, StateGraph

from sessions import EncryptedSession, generate_key, open_store, text_of
from sessions.adapters.langgraph import InMemorySaver, SessionSaver
from sessions.errors import OwnerError, ReadOnlyConversationError
from sessions.testing.verified import check_verified

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

CONFIG: dict[str, Any] = {"configurable": {"thread_id": "t"}}


def chat(saver: SessionSaver) -> Any:
    def answer(state: MessagesState) -> dict[str, Any]:
        asked = state["messages"][-1].content
        if asked == "weather?":
            call = {"name": "look", "args": {"city": "Oslo"}, "id": "1"}
            return {
                "messages": [
                    AIMessage("", tool_calls=[call]),
                    ToolMessage("Sun", tool_call_id="1"),
                    AIMessage("Sunny."),
                ]
            }
        return {"messages": [AIMessage(f"Answer to {asked}")]}

    builder = StateGraph(MessagesState)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    builder.add_edge("answer", END)
    return builder.compile(checkpointer=saver)


def ask(graph: Any, text: str, config: dict[str, Any] = CONFIG) -> None:
    graph.invoke({"messages": [("user", text)]}, config)


async def texts(conversation: Any) -> list[str]:
    return [text_of(item) for item in await conversation.get_items()]


async def test_turns_tools_and_windows(anywhere: str) -> None:
    saver = SessionSaver(anywhere)
    # In a thread, as a server's database is then used by no event loop that would wait for itself.
    await asyncio.to_thread(_talk, saver)
    graph, before = chat(saver), datetime.now(UTC) - timedelta(minutes=10)
    conversation = saver.conversation("t")
    assert await texts(conversation) == ["hello", "Answer to hello", "weather?", "", "Sun", "Sunny."]
    assert [[text_of(item) for item in turn.items] for turn in await conversation.turns()] == [
        ["hello", "Answer to hello"],
        ["weather?", "", "Sun", "Sunny."],
    ]
    assert [text_of(item) for item in await conversation.window(turns=1)] == ["weather?", "", "Sun", "Sunny."]
    assert [text_of(item) for item in await conversation.get_items(limit=2)] == ["Sun", "Sunny."]
    (use,) = await conversation.usage.tools()
    assert (use.tool, use.calls, use.unanswered) == ("look", 1, 0)
    assert [hit.snippet for hit in (await conversation.search("sunny")).hits] == ["Sunny."]
    messages = messages_from_dict(await conversation.get_items())
    assert messages == (await graph.aget_state(CONFIG)).values["messages"]
    assert isinstance(messages[0], HumanMessage)
    entries = await conversation.entries()
    times = [entry.created_at for entry in entries]
    assert times == sorted(times)
    assert before < times[0] < times[-1] < datetime.now(UTC) + timedelta(seconds=1)
    await check_verified(conversation)
    await saver.aclose()


def _talk(saver: SessionSaver) -> None:
    graph = chat(saver)
    ask(graph, "hello")
    ask(graph, "weather?")


async def test_each_read_is_of_now() -> None:
    saver = InMemorySaver()
    graph, conversation = chat(saver), saver.conversation("t")
    assert await conversation.get_items() == []
    for number in range(3):
        ask(graph, str(number))
        assert len(await conversation.get_items()) == 2 * (number + 1)
    saver.delete_thread("t")
    assert await conversation.get_items() == []
    ask(graph, "anew")
    assert await texts(conversation) == ["anew", "Answer to anew"]


async def test_forks_are_branches() -> None:
    saver = InMemorySaver()
    graph, conversation = chat(saver), saver.conversation("t")
    ask(graph, "one")
    ask(graph, "two")
    left = graph.get_state(CONFIG).config["configurable"]["checkpoint_id"]
    after_one = next(state for state in graph.get_state_history(CONFIG) if len(state.values["messages"]) == 2)
    ask(graph, "other", after_one.config)
    assert await texts(conversation) == ["one", "Answer to one", "other", "Answer to other"]
    branches = {branch.name: branch.items for branch in await conversation.branches.list()}
    assert branches == {"main": 4, left: 4}
    assert await texts(conversation.on_branch(left)) == ["one", "Answer to one", "two", "Answer to two"]
    tree = await conversation.tree()
    parents = {node.id: node.text for node in tree.nodes}
    assert [(node.text, parents.get(node.parent or "")) for node in tree.nodes] == [
        ("one", None),
        ("other", "one"),
        ("two", "one"),
    ]
    await check_verified(conversation)


async def test_what_would_change_it_names_the_way_to_change_the_state() -> None:
    saver = InMemorySaver()
    ask(chat(saver), "hello")
    conversation = saver.conversation("t")
    changes: list[Callable[[], Awaitable[object]]] = [
        lambda: conversation.add_items([{"role": "user", "content": "secret"}]),
        conversation.pop_item,
        conversation.clear_session,
        conversation.undo,
        lambda: conversation.branches.create("b", turn=1),
        lambda: conversation.set_info(title="A title"),
        lambda: conversation.redact(1),
        lambda: anext(conversation.watch()),
    ]
    for change in changes:
        with pytest.raises(ReadOnlyConversationError, match=r"'t'.*Nothing was changed.*update_state") as refused:
            await change()
        assert "secret" not in str(refused.value)
    assert await texts(conversation) == ["hello", "Answer to hello"]


async def test_it_becomes_a_session(tmp_path: Path) -> None:
    saver = InMemorySaver()
    graph, conversation = chat(saver), saver.conversation("t")
    ask(graph, "one")
    after_one = graph.get_state(CONFIG).config
    ask(graph, "two")
    ask(graph, "other", after_one)
    async with open_store(f"sqlite:///{tmp_path}/copies.db", encryption_key=generate_key()) as store:
        copy = store.session("copy")
        await store.copy(conversation, copy)
        assert isinstance(copy, EncryptedSession)
        assert await copy.get_items() == await conversation.get_items()
        # It is a conversation like any other, and goes on in either form.
        await copy.add_items([{"role": "user", "content": "and then?"}])
        assert [len(turn.items) for turn in await copy.turns()] == [2, 2, 1]
        await check_verified(copy)

        await store.import_sessions(conversation.store.export_lines())
        whole = store.session("t")
        assert await whole.get_items() == await conversation.get_items()
        names = [branch.name for branch in await conversation.branches.list()]
        assert [branch.name for branch in await whole.branches.list()] == names
        assert [entry.created_at for entry in await whole.entries()] == [
            entry.created_at for entry in await conversation.entries()
        ]
        await check_verified(whole)
    markdown = b"".join([piece async for piece in conversation.store.export_lines(format="markdown")]).decode()
    assert "Answer to other" in markdown


def test_it_is_read_without_an_event_loop() -> None:
    saver = InMemorySaver()
    ask(chat(saver), "hello")
    session = saver.conversation("t").blocking
    assert [text_of(item) for item in session.get_items()] == ["hello", "Answer to hello"]
    with pytest.raises(ReadOnlyConversationError):
        session.undo()


async def test_an_encrypted_thread_of_an_owner(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/threads.db"
    saver = SessionSaver(url, encryption_key=generate_key(), owner_key="user")
    graph = chat(saver)
    ask(graph, "hello", {"configurable": {"thread_id": "t", "user": "ann"}})
    assert await texts(saver.conversation("t", owner="ann")) == ["hello", "Answer to hello"]
    with pytest.raises(OwnerError):
        await saver.conversation("t", owner="bob").get_items()
    with pytest.raises(OwnerError, match="names no owner"):
        saver.conversation("t")
    await saver.aclose()


class Notes(TypedDict):
    """A state whose messages are not LangChain's."""

    notes: list[Any]
    title: str


async def test_messages_that_are_not_langchains() -> None:
    saver = InMemorySaver()
    notes = [
        ("user", "a tuple"),
        {"role": "assistant", "content": "a dictionary"},
        ToolMessage("a tool", tool_call_id="1", artifact={1, 2}),
        5,
    ]
    builder: Any = StateGraph(Notes)
    builder.add_node("keep", lambda _: {"notes": notes, "title": "a text"})
    builder.add_edge(START, "keep")
    builder.compile(checkpointer=saver).invoke({"notes": [], "title": ""}, CONFIG)
    assert await saver.conversation("t").get_items() == [], "there are no messages"
    conversation = saver.conversation("t", channel="notes")
    assert await texts(conversation) == ["a tuple", "a dictionary", "a tool", "5"]
    assert [entry.kind for entry in await conversation.entries()] == ["user", "assistant", "tool_output", "int"]
    assert await texts(saver.conversation("t", channel="title")) == ["a text"]
