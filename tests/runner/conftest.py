"""Every test here runs on both session classes, most of them in all three ways to start a run."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from agents import Runner, RunResult, RunResultStreaming, set_tracing_disabled

from sessions import AsyncSQLiteSession, SQLiteSession

if TYPE_CHECKING:
    from pathlib import Path

AnySession: TypeAlias = SQLiteSession | AsyncSQLiteSession
OpenSession: TypeAlias = Callable[..., AnySession]
Run: TypeAlias = Callable[..., Awaitable[RunResult | RunResultStreaming]]


@pytest.fixture(autouse=True, scope="session")
def _offline() -> None:
    """The SDK sends traces to its vendor unless told not to."""
    set_tracing_disabled(disabled=True)


@pytest.fixture
def db_path(tmp_path: Path) -> Path:
    return tmp_path / "conversations.db"


@pytest.fixture(params=[SQLiteSession, AsyncSQLiteSession])
def open_session(request: pytest.FixtureRequest, db_path: Path) -> Iterator[OpenSession]:
    """Makes session objects on one file, as many as a test asks for."""
    opened: list[AnySession] = []

    def open_one(session_id: str = "conversation", **options: Any) -> AnySession:
        session: AnySession = request.param(session_id, db_path, **options)
        opened.append(session)
        return session

    yield open_one
    for session in opened:
        _close(session)


@pytest.fixture
def session(open_session: OpenSession) -> AnySession:
    return open_session()


@pytest.fixture(params=["run", "run_streamed", "run_sync"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs an agent to its end with `Runner.run`, `Runner.run_streamed` or `Runner.run_sync`."""
    ways: dict[str, Run] = {"run": Runner.run, "run_streamed": _run_streamed, "run_sync": _run_sync}
    return ways[request.param]


async def _run_streamed(*args: Any, **options: Any) -> RunResultStreaming:
    result = Runner.run_streamed(*args, **options)
    async for _ in result.stream_events():
        pass
    return result


async def _run_sync(*args: Any, **options: Any) -> RunResult:
    """In a thread, because `run_sync` refuses one whose event loop is running."""
    return await asyncio.to_thread(run_sync_in_a_new_loop, *args, **options)


def run_sync_in_a_new_loop(*args: Any, **options: Any) -> RunResult:
    """`run_sync` keeps using the thread's event loop and never closes it; here each call has a loop of its own."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        return Runner.run_sync(*args, **options)
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def _close(session: AnySession) -> None:
    closing = session.close()
    if inspect.iscoroutine(closing):
        asyncio.run(closing)
