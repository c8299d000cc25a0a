"""The blocks of `state_persistence.txt`."""

from __future__ import annotations

import ast
import operator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import pytest
from langgraph.graph import END, START, MessagesState, StateGraph

from sessions.adapters.langgraph import (
    AsyncPostgresSaver,
    AsyncSqliteSaver,
    InMemorySaver,
    PostgresSaver,
    SqliteSaver,
)

from .embeddings_server import embeddings_server

if TYPE_CHECKING:
    from .conftest import RunBlock

LESSON = "state_persistence.txt"
(
    CHECKPOINTERS,
    BACKENDS,
    ISOLATION,
    MEMORIES,
    NODES,
    SEMANTIC,
    SERIALIZER,
    FALLBACK,
    ENCRYPTED,
    SOLUTION,
) = range(1, 11)


class Facts(TypedDict, total=False):
    """A state of values that JSON lacks."""

    timestamp: datetime
    tags: set[str]
    raw_data: bytes


def said(result: dict[str, Any]) -> list[str]:
    return [message.content for message in result["messages"]]


def chat() -> Any:
    """A graph that answers with the number of messages that it has seen."""
    builder: Any = StateGraph(MessagesState)
    builder.add_node("chat", lambda state: {"messages": [("assistant", f"Answer to {len(state['messages'])}")]})
    builder.add_edge(START, "chat")
    builder.add_edge("chat", END)
    return builder


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "theirs"])
def test_state_is_saved_by_itself(run_block: RunBlock, *, ours: bool) -> None:
    known = run_block(LESSON, CHECKPOINTERS, ours=ours)
    graph, config = known["graph"], known["config"]
    assert known["result"]["results"] == ["Processed: analysis"]
    assert said(graph.get_state(config).values) == ["Analyze this data"]
    assert [state.metadata["step"] for state in graph.get_state_history(config)] == [1, 0, -1]
    # The next invocation goes on with what was saved.
    again = graph.invoke({"messages": [("user", "And this")], "task": "more"}, config)
    assert (said(again), again["results"]) == (["Analyze this data", "And this"], ["Processed: more"])


def test_each_backend_can_be_handed_to_compile(run_block: RunBlock, server_url: str) -> None:
    known = run_block(LESSON, BACKENDS, url=server_url)
    assert isinstance(known["checkpointer"], AsyncPostgresSaver)
    for made in (
        InMemorySaver(),
        SqliteSaver.from_conn_string("agent_state.db"),
        AsyncSqliteSaver.from_conn_string("agent_state.db"),
        PostgresSaver.from_conn_string(server_url),
        known["checkpointer"],
    ):
        config = {"configurable": {"thread_id": f"of {type(made).__name__} {id(made)}"}}
        graph = chat().compile(checkpointer=made)
        graph.invoke({"messages": [("user", "Hello")]}, config)
        assert said(graph.get_state(config).values) == ["Hello", "Answer to 1"]


async def test_the_last_of_the_backends_without_blocking(run_block: RunBlock, server_url: str) -> None:
    graph = chat().compile(checkpointer=run_block(LESSON, BACKENDS, url=server_url)["checkpointer"])
    config = {"configurable": {"thread_id": "async"}}
    await graph.ainvoke({"messages": [("user", "Hello")]}, config)
    assert said((await graph.aget_state(config)).values) == ["Hello", "Answer to 1"]


def test_threads_never_interfere(run_block: RunBlock, on_a_server: str) -> None:
    known = run_block(LESSON, ISOLATION, {"builder": chat()}, url=on_a_server, instead=bool(on_a_server))
    assert said(known["result_a2"]) == ["Help with Python", "Answer to 1", "Show me decorators", "Answer to 3"]
    assert said(known["result_b"]) == ["Help with Rust", "Answer to 1"]


def test_memories_come_in_the_order_in_which_they_were_put(
    run_block: RunBlock, capsys: pytest.CaptureFixture[str]
) -> None:
    run_block(LESSON, MEMORIES)
    printed = [line.split(": ", 1) for line in capsys.readouterr().out.splitlines()]
    assert [(key, ast.literal_eval(value)) for key, value in printed] == [
        ("communication_style", {"style": "concise", "format": "bullet_points"}),
        ("expertise_level", {"level": "advanced", "domain": "machine_learning"}),
    ]


def test_a_node_reads_and_writes_memories(run_block: RunBlock) -> None:
    known = run_block(LESSON, NODES)
    graph, store = known["graph"], known["graph"].store

    def ask(thread: str, text: str) -> str:
        config = {"configurable": {"thread_id": thread}}
        return said(graph.invoke({"messages": [("user", text)], "user_id": "user_alice"}, config))[-1]

    assert ask("1", "Hello") == "[standard mode] Response here..."
    store.put(("user_alice", "preferences"), "communication_style", {"style": "concise"})
    assert ask("2", "Hello again") == "[concise mode] Response here..."
    (last,) = store.search(namespace=("user_alice", "interactions"))
    assert (last.key, last.value["topic"]) == ("last_topic", "Hello again")


def test_memories_are_found_by_meaning(run_block: RunBlock, monkeypatch: pytest.MonkeyPatch) -> None:
    with embeddings_server() as (url, asked):
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        monkeypatch.setenv("OPENAI_API_KEY", "of-nobody")
        known = run_block(LESSON, SEMANTIC)
    assert [item.key for item in known["results"]] == ["coding_preference", "project_context"]
    assert known["results"][0].score > known["results"][1].score
    assert ["What testing framework does Alice use?"] in asked


def test_memories_are_found_by_meaning_without_a_network(run_block: RunBlock) -> None:
    known = run_block(LESSON, SEMANTIC, replacing={'"openai:text-embedding-3-small"': '"local"', "1536": "256"})
    assert [item.key for item in known["results"]] == ["coding_preference", "project_context"]


def test_the_default_serializer_keeps_types(run_block: RunBlock) -> None:
    known = run_block(LESSON, SERIALIZER, {"datetime": datetime})
    data, serializer = known["data"], known["serializer"]
    assert serializer.loads_typed(serializer.dumps_typed(data)) == data
    saver = SqliteSaver.from_conn_string("types.db", serde=serializer)
    builder: Any = StateGraph(Facts)
    builder.add_node("keep", lambda _: data)
    builder.add_edge(START, "keep")
    graph, config = builder.compile(checkpointer=saver), {"configurable": {"thread_id": "1"}}
    graph.invoke({}, config)
    kept = chat_of("types.db", serializer).get_tuple(config)
    assert kept.checkpoint["channel_values"] == data


def chat_of(path: str, serializer: Any) -> Any:
    return SqliteSaver.from_conn_string(path, serde=serializer)


def test_objects_that_only_pickle_can_write(run_block: RunBlock) -> None:
    known = run_block(LESSON, SERIALIZER, {"datetime": datetime})
    serializer = run_block(LESSON, FALLBACK, known)["serializer"]
    graph_of_functions = {"add": operator.add, "at": datetime.now(UTC)}
    assert serializer.loads_typed(serializer.dumps_typed(graph_of_functions)) == graph_of_functions


def test_state_is_encrypted_at_rest(run_block: RunBlock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGGRAPH_AES_KEY", "is set by the lesson")  # So that it is as before afterwards.
    with pytest.warns(match="LANGGRAPH_AES_KEY"):
        known = run_block(LESSON, ENCRYPTED, {"builder": chat()})
    config = {"configurable": {"thread_id": "1"}, "metadata": {"customer": "SECRET-customer"}}
    graph = known["graph"]
    graph.invoke({"messages": [("user", "SECRET-message")]}, config)
    assert said(graph.get_state(config).values) == ["SECRET-message", "Answer to 1"]
    known["checkpointer"].close()
    for file in Path().glob("agent_state.db*"):
        assert b"SECRET" not in file.read_bytes()
        assert b"Answer to" not in file.read_bytes()
    # Another process has the same key in its environment.
    again = SqliteSaver.from_conn_string("agent_state.db", serde=known["encrypted_serde"])
    assert said(chat().compile(checkpointer=again).get_state(config).values) == ["SECRET-message", "Answer to 1"]


def test_the_solution_prints_what_the_lesson_says(run_block: RunBlock, capsys: pytest.CaptureFixture[str]) -> None:
    known = run_block(LESSON, SOLUTION)
    answer = "[Using preferences: detailed_explanations, include_examples] Here's my response..."
    assert capsys.readouterr().out == f"Conv 1: {answer}\nConv 2: {answer}\n"
    assert known["result_1"]["detected_preferences"] == ["detailed_explanations", "include_examples"]
