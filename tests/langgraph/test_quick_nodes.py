"""Nodes that take no time: LangGraph hands their writes to the saver before the put of their checkpoint has ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, TypedDict

import pytest
from langchain_core.runnables import RunnableLambda
from langgraph.graph import END, START, StateGraph

from sessions import generate_key
from sessions.adapters.langgraph import EncryptedSerializer, SessionSaver
from sessions.db.transaction import Statement

if TYPE_CHECKING:
    from collections.abc import Callable

    from langgraph.graph.state import CompiledStateGraph

_STEPS: Final = 12
_LONG: Final = "".join(f"line {number} of a text\n" for number in range(10_000))
_WRITES: Final = Statement("The bytes of all writes.", "select coalesce(sum(length(payload)), 0) from {writes}")
_CONFIG: Final[Any] = {"configurable": {"thread_id": "1"}, "recursion_limit": _STEPS + 2}
_ENCRYPTED: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "plain": dict,
    "key": lambda: {"encryption_key": generate_key()},
    "cipher": lambda: {"serde": EncryptedSerializer.from_pycryptodome_aes(key=bytes(32))},
}


class _Text(TypedDict):
    text: str


def _graph(saver: SessionSaver) -> CompiledStateGraph[Any]:
    def step(state: _Text) -> _Text:
        return {"text": f"{state['text']}more\n"}

    async def async_step(state: _Text) -> _Text:
        return step(state)

    def then(state: _Text) -> str:
        return END if len(state["text"]) >= len(_LONG) + 5 * _STEPS else "step"

    graph = StateGraph(_Text)
    graph.add_node("step", RunnableLambda(step, async_step))
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", then, ["step", END])
    return graph.compile(checkpointer=saver)


@pytest.mark.parametrize("door", ["invoke", "ainvoke"])
@pytest.mark.parametrize("encrypted", _ENCRYPTED)
async def test_the_writes_of_quick_nodes_are_differences(anywhere: str, door: str, encrypted: str) -> None:
    """Fails without: store/threads.py, `self._under_way.state(place, checkpoint_id, run)`."""
    async with SessionSaver(anywhere, **_ENCRYPTED[encrypted]()) as saver:
        graph = _graph(saver)
        if door == "invoke":
            await asyncio.to_thread(graph.invoke, {"text": _LONG}, _CONFIG)
        else:
            await graph.ainvoke({"text": _LONG}, _CONFIG)
        backend = saver._backend
        (stored,) = await backend.read(lambda tx: tx.the(_WRITES), "writes")
        # The input is whole, as nothing is before it; of the others, a busy machine may miss a few.
        assert stored < 1.2 * len(_LONG) + _STEPS / 4 * len(_LONG)
        steps = [one async for one in graph.aget_state_history(_CONFIG)]
        texts = [one.values["text"] for one in steps if one.values.get("text")]
        assert texts == [_LONG + "more\n" * number for number in range(_STEPS, -1, -1)]
        # Each step's writes are read through its checkpoint.
        read = [one async for one in saver.alist(_CONFIG)]
        written = [value for one in read for _, channel, value in one.pending_writes or () if channel == "text"]
        assert written == [_LONG + "more\n" * number for number in range(_STEPS, -1, -1)]
