"""The blocks of `durable_persistence.txt`, and the verification that this lesson asks for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from sessions.adapters.langgraph import PostgresSaver, SqliteSaver

if TYPE_CHECKING:
    import pytest

    from .conftest import RunBlock

LESSON = "durable_persistence.txt"
BACKENDS, RESTART, HISTORY = 1, 2, 3


class State(TypedDict, total=False):
    task: str
    approved: Any
    report: str


def research() -> Any:
    """A graph that asks before it reports."""

    def ask(state: State) -> State:
        return {"approved": interrupt(f"May I {state['task']}?")}

    def report(state: State) -> State:
        return {"report": f"Done: {state['task']}"}

    builder = StateGraph(State)
    builder.add_sequence([("ask", ask), ("report", report)])
    builder.add_edge(START, "ask")
    return builder


def test_the_same_code_on_each_backend(run_block: RunBlock, server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", server_url)
    saver = run_block(LESSON, BACKENDS, {"os": os})["checkpointer"]
    assert isinstance(saver, PostgresSaver)
    app, config = research().compile(checkpointer=saver), {"configurable": {"thread_id": "1"}}
    app.invoke({"task": "read"}, config)
    assert app.invoke(Command(resume=True), config)["report"] == "Done: read"


def restarted(run_block: RunBlock) -> dict[str, Any]:
    known: dict[str, Any] = {"builder": research(), "SqliteSaver": SqliteSaver, "Command": Command}
    run_block(LESSON, RESTART, known)
    return known


def test_a_session_goes_on_at_its_question(run_block: RunBlock) -> None:
    """To LangGraph, the lesson's empty dictionary answers no question, with any saver: the graph asks again."""
    known = restarted(run_block)
    assert known["app"].get_state(known["config"]).values == {"task": "research the new LLM releases"}
    # In another program, with an answer.
    app = research().compile(checkpointer=SqliteSaver.from_conn_string("./sessions.db"))
    assert app.get_state(known["config"]).next == ("ask",)
    assert app.invoke(Command(resume={"yes": True}), known["config"]) == {
        "task": "research the new LLM releases",
        "approved": {"yes": True},
        "report": "Done: research the new LLM releases",
    }


async def test_history_of_a_thread_without_a_query(run_block: RunBlock) -> None:
    """The lesson's own query is on a table that no saver has: the job is done by the saver, or by a memory."""
    known = restarted(run_block)
    saver = SqliteSaver.from_conn_string("./sessions.db")
    memories = saver.store.memories

    def load_historical_context(thread_id: str) -> dict[str, Any]:
        found = saver.get_tuple({"configurable": {"thread_id": thread_id}})
        return found.checkpoint["channel_values"] if found else {}

    assert load_historical_context("user_42_session_1")["task"] == "research the new LLM releases"
    assert load_historical_context("of nobody") == {}
    final = known["app"].invoke(Command(resume=True), known["config"])
    await memories.put(("user_42", "reports"), "user_42_session_1", final)

    async def load_later(thread_id: str) -> dict[str, Any]:
        found = await memories.get(("user_42", "reports"), thread_id)
        return found.value if found else {}

    assert (await load_later("user_42_session_1"))["report"] == "Done: research the new LLM releases"
    assert await load_later("of nobody") == {}
