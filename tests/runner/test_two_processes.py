"""Two agents in two processes share a session."""

from __future__ import annotations

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from agents import Agent, Runner, set_tracing_disabled
from agents.testing import ScriptedModel

from sessions import AsyncSQLiteSession, SQLiteSession

from .dialogue import asked, inputs, said, says

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.synchronize import Barrier
    from pathlib import Path


def converse(kind: type[SQLiteSession | AsyncSQLiteSession], path: Path, name: str, questions: list[str]) -> list[Any]:
    """Ask an agent in this process; returns what its model was given, call by call."""

    async def run() -> list[Any]:
        set_tracing_disabled(disabled=True)
        session = kind("shared", path)
        model = ScriptedModel([[says(f"{name}: {question}")] for question in questions])
        for question in questions:
            await Runner.run(Agent(name=name, model=model), question, session=session)
        closing: Any = session.close()
        if closing is not None:
            await closing
        return inputs(model)

    return asyncio.run(run())


_barriers: list[Barrier] = []


def _remember(barrier: Barrier) -> None:
    _barriers.append(barrier)


def converse_together(*arguments: Any) -> list[Any]:
    """Converse when the other process does, too: without this, one could be done before the other begins."""
    _barriers[0].wait()
    return converse(*arguments)


@pytest.fixture(scope="module")
def processes() -> Iterator[tuple[ProcessPoolExecutor, ProcessPoolExecutor]]:
    """Two processes, in which importing the SDK takes longer than all tests of this module."""
    spawn = multiprocessing.get_context("spawn")
    given: Any = {"mp_context": spawn, "initializer": _remember, "initargs": (spawn.Barrier(2),)}
    with ProcessPoolExecutor(1, **given) as one, ProcessPoolExecutor(1, **given) as other:
        yield one, other


@pytest.mark.parametrize("kind", [SQLiteSession, AsyncSQLiteSession])
def test_an_agent_goes_on_where_another_process_stopped(
    kind: type[SQLiteSession | AsyncSQLiteSession],
    db_path: Path,
    processes: tuple[ProcessPoolExecutor, ProcessPoolExecutor],
) -> None:
    one, other = processes
    one.submit(converse, kind, db_path, "triage", ["One?"]).result()
    other.submit(converse, kind, db_path, "billing", ["Two?"]).result()
    [given] = one.submit(converse, kind, db_path, "triage", ["Three?"]).result()

    assert given == [
        asked("One?"), said("triage: One?"), asked("Two?"), said("billing: Two?"), asked("Three?")
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [SQLiteSession, AsyncSQLiteSession])
def test_agents_that_talk_at_the_same_time_lose_nothing(
    kind: type[SQLiteSession | AsyncSQLiteSession],
    db_path: Path,
    processes: tuple[ProcessPoolExecutor, ProcessPoolExecutor],
) -> None:
    questions = {name: [f"{name} {number}?" for number in range(20)] for name in ("triage", "billing")}
    talks = zip(processes, questions.items(), strict=True)
    for future in [one.submit(converse_together, kind, db_path, *talk) for one, talk in talks]:
        future.result()

    session = SQLiteSession("shared", db_path)
    items = asyncio.run(session.get_items())
    session.close()
    for name, asked_here in questions.items():
        expected = [item for question in asked_here for item in (asked(question), said(f"{name}: {question}"))]
        assert [item for item in items if item in expected] == expected
    assert len(items) == 80
