"""The blocks of `langgraph_persistence.txt`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langgraph.graph import MessagesState, StateGraph

from sessions.adapters.langgraph import AsyncPostgresSaver, InMemoryStore, PostgresSaver, SqliteSaver

from .test_state_persistence import chat, said

if TYPE_CHECKING:
    from .conftest import RunBlock

LESSON = "langgraph_persistence.txt"
(
    MEMORY,
    SQLITE,
    POSTGRES,
    THREADS,
    LISTING,
    RESUME,
    RESUME_FROM,
    UPDATE,
    STORES,
    NODE,
    OPERATIONS,
    CHAT,
    PREFERENCES,
    FORGOTTEN,
    INSTALLED,
    SHARED,
    COMPILED,
    ANNOTATED,
) = range(1, 19)

NODES = """
builder.add_node("chatbot", lambda state: {"messages": [("assistant", f"Answer to {len(state['messages'])}")]})
builder.set_entry_point("chatbot")
"""
EDGES = """
builder.set_entry_point("load")
builder.add_edge("load", "save")
"""
FIRST = ["Hello", "Answer to 1"]


def begun(run_block: RunBlock, *, ours: bool = True) -> dict[str, Any]:
    """The program of the lesson's first block."""
    known: dict[str, Any] = run_block(LESSON, MEMORY, left_out=NODES, ours=ours)
    return known


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "theirs"])
def test_memory_saver(run_block: RunBlock, *, ours: bool) -> None:
    assert said(begun(run_block, ours=ours)["result"]) == FIRST


def test_sqlite_saver(run_block: RunBlock) -> None:
    known = run_block(LESSON, SQLITE, {"builder": chat()})
    assert said(known["result"]) == FIRST
    again = chat().compile(checkpointer=SqliteSaver.from_conn_string("checkpoints.db"))
    assert said(again.get_state({"configurable": {"thread_id": "user-123"}}).values) == FIRST


async def test_postgres_saver(run_block: RunBlock, server_url: str) -> None:
    known = run_block(LESSON, POSTGRES, {"builder": chat()}, url=server_url)
    assert isinstance(known["checkpointer"], PostgresSaver)
    assert isinstance(known["async_checkpointer"], AsyncPostgresSaver)
    config = {"configurable": {"thread_id": "both"}}
    await known["graph"].ainvoke({"messages": [("user", "Hello")]}, config)
    again = chat().compile(checkpointer=known["async_checkpointer"])
    assert said((await again.aget_state(config)).values) == FIRST


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "theirs"])
def test_threads_are_conversations(run_block: RunBlock, *, ours: bool) -> None:
    known = run_block(LESSON, THREADS, {"builder": chat()}, ours=ours)
    assert said(known["result2"]) == ["My name is Alice", "Answer to 1", "What's my name?", "Answer to 3"]
    assert said(known["result3"]) == ["What's my name?", "Answer to 1"]


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "theirs"])
def test_states_of_a_thread(run_block: RunBlock, capsys: pytest.CaptureFixture[str], *, ours: bool) -> None:
    known = begun(run_block, ours=ours)
    config = {"configurable": {"thread_id": "thread-1"}}
    expected = [state.config["configurable"]["checkpoint_id"] for state in known["graph"].get_state_history(config)]
    run_block(LESSON, LISTING, known, ours=ours)
    lines = capsys.readouterr().out.splitlines()
    assert said(known["graph"].get_state(config).values) == FIRST
    assert lines[1] == "()", "nothing is to be executed"
    assert [line for line in lines if line.startswith("Checkpoint:")] == [f"Checkpoint: {id_}" for id_ in expected]
    assert len(expected) == 3


def test_resume_from_the_latest_checkpoint(run_block: RunBlock) -> None:
    known = run_block(LESSON, RESUME, begun(run_block))
    assert said(known["result"]) == [*FIRST, "Continue our chat", "Answer to 3"]


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "theirs"])
def test_resume_from_a_checkpoint_in_the_history(run_block: RunBlock, *, ours: bool) -> None:
    known = run_block(LESSON, RESUME, begun(run_block, ours=ours), ours=ours)
    known = run_block(LESSON, RESUME_FROM, known, ours=ours)
    # The third newest is where the second message came in.
    assert said(known["result"]) == [*FIRST, "Continue our chat", "Answer to 3"]
    states = list(known["graph"].get_state_history({"configurable": {"thread_id": "thread-1"}}))
    parents = [state.parent_config["configurable"]["checkpoint_id"] for state in states if state.parent_config]
    assert parents.count(known["checkpoint_id"]) == 2, "a fork there"


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "theirs"])
def test_state_is_updated_before_resuming(run_block: RunBlock, *, ours: bool) -> None:
    known = run_block(LESSON, UPDATE, begun(run_block, ours=ours), ours=ours)
    assert said(known["state"].values) == FIRST
    assert said(known["graph"].get_state({"configurable": {"thread_id": "thread-1"}}).values)[:3] == [
        *FIRST,
        "Modified message",
    ]


def test_both_stores_are_compiled_in(run_block: RunBlock) -> None:
    known = run_block(LESSON, STORES, {"builder": chat()})
    assert (known["graph"].store, known["graph"].checkpointer) == (known["store"], known["checkpointer"])


def test_a_node_with_a_store(run_block: RunBlock) -> None:
    known = run_block(LESSON, NODE, {"MessagesState": MessagesState})
    builder: Any = StateGraph(MessagesState)
    builder.add_node("node", known["node_with_store"])
    builder.set_entry_point("node")
    graph = builder.compile(store=InMemoryStore())
    config = {"configurable": {"user_id": "ann"}}
    assert said(graph.invoke({"messages": []}, config)) == ["Loaded preferences: None"]
    assert "'theme': 'dark'" in said(graph.invoke({"messages": []}, config))[0]
    assert "None" in said(graph.invoke({"messages": []}, {"configurable": {"user_id": "bob"}}))[0]


def test_operations_of_a_store(run_block: RunBlock) -> None:
    class Observed(InMemoryStore):
        """Keeps what was returned."""

        seen: dict[str, Any]

        def get(self, *args: Any, **options: Any) -> Any:
            self.seen["get"] = super().get(*args, **options)
            return self.seen["get"]

        def search(self, *args: Any, **options: Any) -> Any:
            self.seen["search"] = super().search(*args, **options)
            return self.seen["search"]

        def list(self, *args: Any, **options: Any) -> Any:
            self.seen["list"] = super().list(*args, **options)
            return self.seen["list"]

    store = Observed()
    store.seen = {}
    run_block(LESSON, OPERATIONS)["manage_memories"](store, "ann")
    assert store.seen["get"].value == {"content": "User likes Python"}
    assert [item.key for item in store.seen["search"]] == [item.key for item in store.seen["list"]] == ["mem-1"]
    assert store.get(("ann", "memories"), "mem-1") is None


def test_a_chat_with_memory(run_block: RunBlock) -> None:
    known = run_block(LESSON, CHAT)
    assert said(known["graph"].get_state(known["config"]).values) == ["Hi", "Response", "Remember me?", "Response"]


def test_preferences_are_known_in_every_thread(run_block: RunBlock) -> None:
    known = run_block(LESSON, PREFERENCES, {"MessagesState": MessagesState, "StateGraph": StateGraph}, left_out=EDGES)
    texts = {
        thread: said(known["graph"].get_state({"configurable": {"thread_id": thread}}).values)
        for thread in ("t1", "t2")
    }
    assert texts == {"t1": ["Set theme to dark", "Theme: default"], "t2": ["What's my theme?", "Theme: dark"]}


def test_a_forgotten_thread_id_is_named(run_block: RunBlock) -> None:
    known = begun(run_block)
    with pytest.raises(ValueError, match="thread_id"):
        run_block(LESSON, FORGOTTEN, known)
    # The second half of the block, which is as it should be.
    assert said(known["graph"].get_state({"configurable": {"thread_id": "thread-1"}}).values) == FIRST


def test_no_package_is_missing(run_block: RunBlock) -> None:
    assert run_block(LESSON, INSTALLED)["SqliteSaver"] is SqliteSaver


def test_users_have_threads_of_their_own(run_block: RunBlock) -> None:
    known = begun(run_block)
    known |= {"user1_id": 1, "user2_id": 2}
    known |= {f"msg{number}": {"messages": [("user", f"of {number}")]} for number in (1, 2)}
    known = run_block(LESSON, SHARED, known)
    assert [said(known[name]) for name in ("user1", "user2")] == [["of 1", "Answer to 1"], ["of 2", "Answer to 1"]]
    shared = known["graph"].get_state({"configurable": {"thread_id": "shared"}}).values
    assert said(shared) == ["of 1", "Answer to 1", "of 2", "Answer to 3"]


def test_without_a_saver_nothing_is_saved(run_block: RunBlock) -> None:
    known = run_block(LESSON, COMPILED, begun(run_block))
    config = {"configurable": {"thread_id": "new"}}
    known["graph"].invoke({"messages": [("user", "Hello")]}, config)
    assert said(known["graph"].get_state(config).values) == FIRST


def test_a_store_as_a_parameter(run_block: RunBlock) -> None:
    run_block(LESSON, ANNOTATED)
