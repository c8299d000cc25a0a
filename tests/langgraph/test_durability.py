"""What a saver has acknowledged is on the disk: after `kill -9`, a cancelled call, and with many callers at once."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import time_ns
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.base import id as langgraph_ids

from sessions import clock
from sessions.adapters.langgraph import SessionSaver, SqliteSaver
from sessions.testing.interruptions.cancel import WAYS, cycles
from tests.faults.numbered import nothing_is_damaged, numbered
from tests.langgraph.graphs import chat, said, thread
from tests.langgraph.state_types import Preferences

if TYPE_CHECKING:
    from pathlib import Path

_DAY = 86_400_000_000_000
_TALKS_FOR_EVER = """
import sys
from sessions.adapters.langgraph import SqliteSaver
from tests.langgraph.graphs import chat, said, thread
graph = chat(SqliteSaver.from_conn_string(sys.argv[1]))
for at in range(10_000):
    graph.invoke(said(f"message {at}"), thread(), durability="sync")
    print(at, flush=True)
"""


@pytest.mark.parametrize("steps", [1, 2, 5, 9])
def test_a_killed_process_has_stored_what_it_was_told(steps: int, tmp_path: Path) -> None:
    """All acknowledged messages are there, in their order, and the graph goes on."""
    path = tmp_path / "state.db"
    with subprocess.Popen(
        [sys.executable, "-c", _TALKS_FOR_EVER, str(path)], stdout=subprocess.PIPE, text=True
    ) as talking:
        assert talking.stdout is not None
        acknowledged = [int(talking.stdout.readline()) for _ in range(steps)]
        talking.kill()
    with SqliteSaver(path, types=[Preferences]) as saver:
        values = chat(saver).get_state(thread()).values
        asked = [message.content for message in values["messages"] if message.type == "human"]
        assert asked[:steps] == [f"message {at}" for at in acknowledged]
        assert asked == [f"message {at}" for at in range(len(asked))]
        state = chat(saver).invoke(said("again"), thread())
        assert state["messages"][-2].content == "again"
        for step in chat(saver).get_state_history(thread()):
            assert step.values.get("messages", []) == state["messages"][: len(step.values.get("messages", []))]


async def test_a_cancelled_put_is_stored_wholly_or_not_at_all(anywhere: str) -> None:
    """Whenever it is cancelled; and the next one is stored."""
    async with SessionSaver(anywhere) as saver:
        config = await saver.aput(thread(), empty_checkpoint(), {"source": "input", "step": -1}, {})
        texts = ["x" * 2000]
        for at in range(25):
            texts.append(f"{at}" * 500)
            versions: Any = {"texts": at + 1}
            new: Any = {**empty_checkpoint(), "channel_values": {"texts": list(texts)}, "channel_versions": versions}
            putting = asyncio.ensure_future(saver.aput(config, new, {"source": "loop", "step": at}, versions))
            for _ in range(at):
                await asyncio.sleep(0)
            putting.cancel()
            await asyncio.wait([putting])
            found = await saver.aget_tuple(thread())
            assert found is not None
            if found.checkpoint["id"] == new["id"]:
                assert found.checkpoint["channel_values"] == {"texts": texts}
                config = found.config
            else:
                assert putting.cancelled()
                config = await saver.aput(config, new, {"source": "loop", "step": at}, versions)
        again = await saver.aget_tuple(thread())
        assert again is not None
        assert again.checkpoint["channel_values"] == {"texts": texts}


@pytest.mark.parametrize("way", WAYS)
async def test_a_cancelled_run_is_resumed(anywhere: str, way: str) -> None:
    """However often it is cancelled and at any step, its checkpoints are whole, and the next run goes on.

    Fails without: db/uncancelled.py, `except asyncio.CancelledError:`
    """
    async with numbered("thread", anywhere) as changes:
        cancelled = number = 0
        for steps in (0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144):
            cancelled += await WAYS[way](partial(changes.change, "w", number), cycles(steps))
            left = await changes.numbers("w")
            assert left in (list(range(number)), list(range(number + 1)))
            number = len(left)
        assert cancelled
    await nothing_is_damaged(anywhere)


async def test_64_threads_and_64_tasks_on_one_saver(anywhere: str) -> None:
    """Each has its own conversation, whole."""
    async with SessionSaver(anywhere, types=[Preferences]) as saver:
        pool = ThreadPoolExecutor(64)
        graph = chat(saver)
        loop = asyncio.get_running_loop()
        threads = [loop.run_in_executor(pool, graph.invoke, said("hi"), thread(f"thread {at}")) for at in range(64)]
        tasks = [graph.ainvoke(said("hi"), thread(f"task {at}")) for at in range(64)]
        states = await asyncio.gather(*threads, *tasks)
        assert [[message.content for message in state["messages"]] for state in states] == [["hi", "answer 1"]] * 128
        assert len(await saver.athreads(limit=200)) == 128
        pool.shutdown()


@pytest.mark.parametrize("jump", [-400, 400], ids=["back", "ahead"])
async def test_a_clock_that_jumps_loses_nothing(anywhere: str, monkeypatch: pytest.MonkeyPatch, jump: int) -> None:
    """By more than a year, in the middle of a conversation, and back again: it goes on, and verification is content."""
    async with numbered("thread", anywhere) as changes:
        for number, days in enumerate((0, jump, jump, 0, jump)):
            monkeypatch.setattr(clock, "time_ns", lambda days=days: time_ns() + days * _DAY)
            await changes.change("w", number)
            assert await changes.numbers("w") == list(range(number + 1))
    await nothing_is_damaged(anywhere)


async def test_a_clock_that_was_set_back_is_told(
    anywhere: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Another process stores a run whose ids have earlier times: it is whole, and a warning says where it is.

    Fails without: adapters/langgraph/clocks.py, `_log.warning`.
    """
    async with SessionSaver(anywhere, types=[Preferences]) as saver:
        graph = chat(saver)
        await graph.ainvoke(said("early"), thread())
        assert caplog.messages == []
        monkeypatch.setattr(langgraph_ids, "_last_v6_timestamp", None)
        monkeypatch.setattr(langgraph_ids, "time", SimpleNamespace(time_ns=lambda: 10**18))
        await graph.ainvoke(said("late"), thread(), durability="sync")
        (warning,) = caplog.messages
        assert "a clock was set back" in warning
        steps = [step async for step in graph.aget_state_history(thread())]
        late = max(steps, key=lambda step: len(step.values.get("messages", [])))
        assert [message.content for message in late.values["messages"]] == ["early", "answer 1", "late", "answer 3"]
        # As LangGraph's savers have it: the time in the id decides.
        assert len((await graph.aget_state(thread())).values["messages"]) == 2
        state = await graph.ainvoke(said("more"), late.config)
        assert len(state["messages"]) == 6


async def test_tasks_on_one_thread_of_a_server(anywhere: str) -> None:
    """Simultaneous runs on one thread are all kept, as LangGraph's savers keep them."""
    async with SessionSaver(anywhere, types=[Preferences]) as saver:
        graph = chat(saver)
        await asyncio.gather(*(graph.ainvoke(said(f"{at}"), thread()) for at in range(8)))
        found = [one async for one in saver.alist(thread())]
        asked = {
            message.content
            for one in found
            for message in one.checkpoint["channel_values"].get("messages", [])
            if message.type == "human"
        }
        assert asked == {str(at) for at in range(8)}
