"""The example lines of `sessions.blocking` run as they are written, on a thread without an event loop."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any

import pytest
from agents import RunConfig, Runner

import sessions
from sessions import blocking
from sessions.blocking.driving import Part
from sessions.blocking.objects import session_of
from sessions.blocking.session.usage.usage import SessionUsage
from sessions.session.base import LogSession
from tests.docstrings.examples import Seen, World, example_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CLASSES = (
    "LogSession", "Branches", "Store", "Sweeper", "SQLiteSession", "SQLAlchemySession", "AdvancedSQLiteSession",
    "AdvancedSQLAlchemySession", "EncryptedSession", "Compaction", "open_store", "Steps",
)  # fmt: skip


def _examples() -> Iterator[tuple[str, Any]]:
    """Yield all functions, classes and methods by name, each once, with the module of the asynchronous class."""
    seen: set[str] = set()
    for thing in (*(getattr(blocking, name) for name in _CLASSES), SessionUsage):
        found = [thing]
        for base in thing.__mro__ if inspect.isclass(thing) else ():
            if base.__module__.startswith("sessions.blocking"):
                members = ((one.fget if isinstance(one, property) else one) for one in vars(base).values())
                found += [
                    one
                    for one in (getattr(one, "__func__", one) for one in members)
                    if inspect.isfunction(one) and not one.__name__.startswith("_")
                ]
        for one in found:
            name = f"{one.__module__.removeprefix('sessions.blocking.')}.{one.__qualname__}"
            if name not in seen:
                seen.add(name)
                yield name, one


_THINGS = dict(_examples())


class _Quiet(Runner):
    """The SDK's runner, without traces, and without the event loop that its `run_sync` leaves open."""

    @classmethod
    def run_sync(cls, *given: Any, **named: Any) -> Any:
        return asyncio.run(Runner.run(*given, **named, run_config=RunConfig(tracing_disabled=True)))


def test_each_method_has_an_example() -> None:
    assert len(_THINGS) > 90
    assert [name for name, one in _THINGS.items() if inspect.isfunction(one) and example_of(one) is None] == []


@pytest.mark.parametrize("name", [name for name, one in _THINGS.items() if example_of(one)])
async def test_an_example_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = example_of(_THINGS[name]) or ""
    monkeypatch.chdir(tmp_path)
    async with AsyncExitStack() as stack:
        known = {key: _blocking(key, value) for key, value in (await World(example, name, stack).variables()).items()}
        if "changes" in example and "watch" not in example:
            known["changes"] = known.get("session", blocking.SQLiteSession("s")).watch()
        before = dict(known)
        with suppress(Seen):
            await asyncio.to_thread(exec, compile(example, name, "exec"), known)
        for key, value in known.items():
            if before.get(key) is not value and isinstance(value, Part) and hasattr(value, "close"):
                await asyncio.to_thread(value.close)


def _blocking(name: str, value: Any) -> Any:
    """Return the counterpart of a variable."""
    if name == "Runner":
        return _Quiet
    if name in blocking.__all__:
        return getattr(blocking, name)
    if isinstance(value, sessions.Store):
        return blocking.Store(value)
    if isinstance(value, sessions.Sweeper):
        return blocking.Sweeper(value)
    return session_of(value) if isinstance(value, LogSession) else value
