"""A thread as a conversation: the messages of a graph's state, read as a session."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage, ToolMessage, messages_from_dict
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import _messages_delta_reducer

from sessions import EncryptedSession, generate_key, open_store, text_of
from sessions.adapters.langgraph import InMemorySaver, SessionSaver
from sessions.errors import DamagedSessionError, OwnerError, ReadOnlyConversationError, UndecodableStateError
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


@pytest.mark.parametrize(
    ("id_of_fork", "latest", "name"),
    [
        ("main", "z", "main 2"),
        ("2\n", "3", "'2\\n'"),
        ("\u202e", "\u202f", "'\\u202e'"),
        (" ", "x", "' '"),
        ("\x01" * 255, "z", "'" + "\\x01" * 49 + "\\x0"),
    ],
)
async def test_any_id_of_a_checkpoint_names_a_branch(id_of_fork: str, latest: str, name: str) -> None:
    """Fails without: adapters/langgraph/thread_backend.py, `_branch_name`."""
    saver = InMemorySaver()
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    for checkpoint_id, messages in (("\x01", ["a"]), (id_of_fork, ["a", "b"]), (latest, ["a", "c"])):
        new: Any = {**empty_checkpoint(), "id": checkpoint_id, "channel_values": {"messages": messages}}
        put = saver.put(config, new, {"source": "loop", "step": 0}, {"messages": 1})
        config = put if len(messages) == 1 else config
    conversation = saver.conversation("t")
    assert [branch.name for branch in await conversation.branches.list()] == ["main", name]
    assert [await texts(conversation), await texts(conversation.on_branch(name))] == [["a", "c"], ["a", "b"]]
    await check_verified(conversation)


async def test_removed_and_replaced_checkpoints_are_not_shown(anywhere: str) -> None:
    """Although the latest one has the same id.

    Fails without: adapters/langgraph/thread_backend.py, `changed == built.changed`.
    """
    async with SessionSaver(anywhere) as saver, SessionSaver(anywhere) as other:
        graph, conversation = chat(saver), saver.conversation("t")
        await graph.ainvoke({"messages": [("user", "one")]}, CONFIG)
        config: Any = CONFIG
        after_one = await saver.aget_tuple(config)
        assert after_one is not None
        await graph.ainvoke({"messages": [("user", "left")]}, CONFIG)
        await graph.ainvoke({"messages": [("user", "other")]}, after_one.config)
        assert len(await conversation.branches.list()) == 2
        await other.aprune(["t"])
        assert [branch.name for branch in await conversation.branches.list()] == ["main"]
        assert await texts(conversation) == ["one", "Answer to one", "other", "Answer to other"]
        latest = await other.aget_tuple(config)
        assert latest is not None
        again: Any = {**latest.checkpoint, "channel_values": {"messages": [HumanMessage("replaced")]}}
        await other.aput({**(latest.parent_config or {})}, again, latest.metadata, {"messages": 99})
        assert await texts(conversation) == ["replaced"]
        await check_verified(conversation)


async def test_of_a_thread_that_is_gone_nothing_is_remembered() -> None:
    """Fails without: adapters/langgraph/thread_backend.py, `clear`."""
    saver = InMemorySaver()
    ask(chat(saver), "a secret")
    conversation = saver.conversation("t")
    assert await texts(conversation) == ["a secret", "Answer to a secret"]
    assert "secret" in str(vars(conversation._thread))
    saver.erase("t")
    assert await texts(conversation) == []
    assert "secret" not in str(vars(conversation._thread))


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


async def test_it_has_the_owner_of_the_thread(anywhere: str, tmp_path: Path) -> None:
    """In its info, in exports and in copies. Fails without: adapters/langgraph/thread_backend.py, `owner`."""
    async with SessionSaver(anywhere, owner_key="user") as saver:
        config = {"configurable": {"thread_id": "t", "user": ("acme", "ann")}}
        await chat(saver).ainvoke({"messages": [("user", "one")]}, config)
        conversation = saver.conversation("t", owner=("acme", "ann"))
        assert (await conversation.info()).owner == ("acme", "ann")
        with pytest.raises(OwnerError):
            await saver.conversation("t", owner="bob").get_items()
        async with open_store(f"sqlite:///{tmp_path}/copies.db") as store:
            await store.import_sessions(conversation.store.export_lines())
            assert (await store.session("t").info()).owner == ("acme", "ann")
            await store.copy(conversation, store.session("copy"))
            assert [one.session_id for one in await store.sessions(below="acme")] == ["copy", "t"]
            found = await store.search("answer", owner=("acme", "ann"))
            assert {hit.session_id for hit in found.hits} == {"copy", "t"}


def _delta(saver: SessionSaver, frequency: int) -> Any:
    reducer: Any = _messages_delta_reducer
    channel: Any = DeltaChannel(reducer, snapshot_frequency=frequency)

    def answer(state: Any) -> dict[str, Any]:
        asked = state["messages"][-1].content
        if asked == "forget":
            return {"messages": [RemoveMessage(state["messages"][0].id), AIMessage("forgotten")]}
        return {"messages": [AIMessage(f"Answer to {asked}")]}

    return _answering("messages", channel, answer, saver)


def _answering(channel: str, kind: Any, answer: Any, saver: SessionSaver) -> Any:
    """Return a graph of one node, whose state has one channel."""
    schema: Any = TypedDict("State", {channel: Annotated[list[Any], kind]})  # type: ignore[misc]  # made here
    builder: Any = StateGraph(schema)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    return builder.compile(checkpointer=saver)


@pytest.mark.parametrize("frequency", [2, 100])
@pytest.mark.parametrize("durability", ["async", "exit"])
async def test_messages_of_a_delta_channel(anywhere: str, frequency: int, durability: Any) -> None:
    """They are those that the graph shows, at every step and on each fork, with its checkpoints pruned or not.

    Fails without: adapters/langgraph/delta_messages.py, `replayed`; thread_backend.py, `_rebuilt` and `_replayed`.
    """
    async with SessionSaver(anywhere) as saver:
        graph, conversation = _delta(saver, frequency), saver.conversation("t")

        async def said(text: str, config: Any = CONFIG) -> None:
            await graph.ainvoke({"messages": [("user", text)]}, config, durability=durability)
            state = await graph.aget_state(CONFIG)
            assert messages_from_dict(await conversation.get_items()) == state.values["messages"]

        for text in ("one", "two", "forget", "three"):
            await said(text)
        states = [state async for state in graph.aget_state_history(CONFIG)]
        assert await texts(conversation) == [
            "Answer to one", "two", "Answer to two", "forget", "forgotten", "three", "Answer to three",
        ]  # fmt: skip
        left = states[0].config["configurable"]["checkpoint_id"]
        old = next(state for state in states if len(state.values["messages"]) == 4)
        await said("other", old.config)
        assert (await texts(conversation))[-3:] == ["Answer to two", "other", "Answer to other"]
        on_left = messages_from_dict(await conversation.on_branch(left).get_items())
        assert on_left == (await graph.aget_state(states[0].config)).values["messages"]
        assert [hit.snippet for hit in (await conversation.search("other")).hits] == ["Answer to other", "other"]
        await check_verified(conversation)
        await saver.aprune(["t"])
        again = saver.conversation("t")
        state = await graph.aget_state(CONFIG)
        assert messages_from_dict(await again.get_items()) == state.values["messages"]
        assert messages_from_dict(await conversation.get_items()) == state.values["messages"]
        await said("after that")


async def test_another_reducer_of_a_delta_channel(anywhere: str) -> None:
    """Fails without: adapters/langgraph/keeping.py, `reducer`."""

    def reduce(before: list[Any], writes: Any) -> list[Any]:
        return [*before, *(one for written in writes for one in written)]

    async with SessionSaver(anywhere) as saver:
        graph = _answering("log", DeltaChannel(reduce), lambda _: {"log": [AIMessage("hello")]}, saver)
        for _ in range(2):
            await graph.ainvoke({"log": [HumanMessage("hi", id="1")]}, CONFIG)
        assert await texts(saver.conversation("t", channel="log", reducer=reduce)) == ["hi", "hello"] * 2
        assert await texts(saver.conversation("t", channel="log")) == ["hi", "hello", "hello"]


async def test_writes_that_make_no_messages_are_named(anywhere: str) -> None:
    """Of a DeltaChannel whose writes were altered, or with the reducer of another one.

    Fails without: adapters/langgraph/thread_backend.py, `_replayed`, the ``UndecodableStateError``.
    """

    def reduce(before: Any, writes: Any) -> Any:
        raise OSError(before, writes)

    async with SessionSaver(anywhere) as saver:
        await _delta(saver, 100).ainvoke({"messages": [("user", "one")]}, CONFIG)
        named = "thread 't', checkpoint '.*', channel 'messages': its messages cannot be replayed"
        with pytest.raises(UndecodableStateError, match=named + ".*OSError"):
            await saver.conversation("t", reducer=reduce).get_items()
        config: Any = CONFIG
        found = await saver.aget_tuple(config)
        assert found is not None
        await saver.aput_writes(found.config, [("messages", {"role": 5})], "task")
        await saver.aput({**found.config}, {**found.checkpoint, "id": "z"}, {"source": "loop"}, {"messages": 99})
        with pytest.raises(UndecodableStateError, match=named):
            await saver.conversation("t").get_items()


@pytest.mark.parametrize(
    "change",
    [
        "threads set owner = char(1)",
        "checkpoints set checkpoint_id = '' where id = (select max(id) from agent_checkpoints_checkpoints)",
    ],
    ids=["an owner without a name", "a fork without an id"],
)
async def test_rows_that_make_no_conversation_are_named(tmp_path: Path, change: str) -> None:
    """
    Fails without: adapters/langgraph/thread_backend.py, `damage_named`.
    """
    path = tmp_path / "threads.db"
    async with SessionSaver(f"sqlite:///{path}") as saver:
        graph, conversation = chat(saver), saver.conversation("t")
        await graph.ainvoke({"messages": [("user", "one")]}, CONFIG)
        after_one = (await graph.aget_state(CONFIG)).config
        await graph.ainvoke({"messages": [("user", "two")]}, CONFIG)
        await graph.ainvoke({"messages": [("user", "other")]}, after_one)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(f"update agent_checkpoints_{change}")
        for read in (conversation.get_items, conversation.entries, conversation.info):
            with pytest.raises(DamagedSessionError, match=r"thread 't': its rows make no sense"):
                await read()
