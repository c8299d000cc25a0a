"""Graphs that tests run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypedDict, cast

from langchain_core.messages import AIMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import _messages_delta_reducer, add_messages
from langgraph.types import interrupt

from tests.langgraph.state_types import Preferences

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph


class Chat(TypedDict, total=False):
    """A conversation with preferences."""

    messages: Annotated[list[Any], add_messages]
    preferences: Preferences


_MESSAGES: Any = _messages_delta_reducer


class Deltas(TypedDict):
    """A conversation whose checkpoints have no messages: they are rebuilt from the writes of tasks."""

    messages: Annotated[list[Any], DeltaChannel(_MESSAGES)]


def _answer(state: Chat) -> dict[str, Any]:
    count = len(state["messages"])
    return {"messages": [("ai", f"answer {count}")], "preferences": Preferences(f"theme {count}")}


def _ask(state: Chat) -> dict[str, Any]:
    del state
    return {"messages": [("ai", f"you said {interrupt('really?')}")]}


def chat(saver: Any) -> CompiledStateGraph[Any]:
    """Return a graph that answers each message."""
    builder = StateGraph(Chat)
    builder.add_node("answer", _answer)
    builder.add_edge(START, "answer")
    builder.add_edge("answer", END)
    return builder.compile(checkpointer=saver)


def delta(saver: Any) -> CompiledStateGraph[Any]:
    """Return a graph that answers each message, and whose messages are in a ``DeltaChannel``."""
    builder: Any = StateGraph(Deltas)
    builder.add_node("answer", lambda state: {"messages": [AIMessage(f"answer {len(state['messages'])}")]})
    builder.add_edge(START, "answer")
    return cast("CompiledStateGraph[Any]", builder.compile(checkpointer=saver))


def asking(saver: Any) -> CompiledStateGraph[Any]:
    """Return a graph that asks something in the middle."""
    builder = StateGraph(Chat)
    builder.add_node("answer", _answer)
    builder.add_node("ask", _ask)
    builder.add_edge(START, "answer")
    builder.add_edge("answer", "ask")
    builder.add_edge("ask", END)
    return builder.compile(checkpointer=saver)


def thread(thread_id: object = "1", **more: Any) -> Any:
    """Return a config."""
    return {"configurable": {"thread_id": thread_id, **more}}


def said(text: str) -> Any:
    """Return an input."""
    return {"messages": [("user", text)]}
