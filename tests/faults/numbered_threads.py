"""Numbered changes of threads of LangGraph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.adapters.langgraph import SessionSaver
from tests.langgraph.graphs import chat, said, thread
from tests.langgraph.state_types import Preferences

if TYPE_CHECKING:
    from sessions import Store


class InThread:
    """Each change is a run of a graph on the writer's own thread, resumed first if it was left in the middle."""

    def __init__(self, store: Store) -> None:
        self._graph = chat(SessionSaver(store, types=[Preferences]))

    async def change(self, writer: str, number: int) -> None:
        await self._graph.ainvoke(said(f"{number}"), thread(writer), durability="sync")

    async def numbers(self, writer: str) -> list[int]:
        """The run that was interrupted, if any, goes on to its end."""
        state = await self._graph.aget_state(thread(writer))
        if state.tasks:  # `next` leaves out a task whose writes are stored.
            await self._graph.ainvoke(None, thread(writer), durability="sync")
        return _asked(await self._history(writer))

    async def _history(self, writer: str) -> list[list[Any]]:
        return [step.values.get("messages", []) async for step in self._graph.aget_state_history(thread(writer))]


def _asked(history: list[list[Any]]) -> list[int]:
    """Return the numbers in the messages of a thread whose every checkpoint is whole."""
    if not history:
        return []
    latest = history[0]
    assert all(earlier == latest[: len(earlier)] for earlier in history)
    pairs = list(zip(latest[::2], latest[1::2], strict=True))
    assert all((one.type, other.type) == ("human", "ai") for one, other in pairs)
    assert [other.content for _, other in pairs] == [f"answer {2 * at + 1}" for at in range(len(pairs))]
    return [int(one.content) for one, _ in pairs]
