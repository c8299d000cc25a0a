"""The types of the interface: this file is checked by mypy, and a wrong use is seen to be an error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_type

import agents
import pytest
from agents.extensions.memory import EncryptedSession as SDKEncryptedSession
from agents.memory import Session as SDKSession
from agents.memory import SessionSettings as SDKSessionSettings

from sessions import (
    AsyncSQLiteSession,
    EncryptedSession,
    Info,
    ItemDict,
    Lease,
    LogSession,
    Price,
    Session,
    SessionInfo,
    SessionSettings,
    Settings,
    SQLiteSession,
    Store,
    ToolUse,
    Usage,
    UsageRow,
    Window,
    generate_key,
    open_store,
)

if TYPE_CHECKING:
    from agents.items import TResponseInputItem


def every_class() -> None:
    """Each of ours is a session of ours and one of the SDK's."""
    log_session: LogSession = open_store("sqlite://").session("s")
    encrypted = EncryptedSession("s", SQLiteSession("s"), generate_key())
    ours: list[Session] = [SQLiteSession("s"), AsyncSQLiteSession("s"), log_session, encrypted]
    theirs: list[SDKSession] = [SQLiteSession("s"), AsyncSQLiteSession("s"), log_session, encrypted]
    assert all(isinstance(session, Session) for session in theirs)
    assert all(isinstance(session, SDKSession) for session in ours)


def the_sdks_classes() -> None:
    """Each of the SDK's is a session of ours, so a function that takes any session takes these, too."""
    plain = agents.SQLiteSession("s")
    theirs: list[Session] = [plain, SDKEncryptedSession("s", plain, "key")]
    any_of_theirs: SDKSession = plain
    theirs.append(any_of_theirs)
    assert all(isinstance(session, Session) for session in theirs)
    plain.close()


async def runs_of_the_sdk(session: SQLiteSession, other: LogSession) -> None:
    """Never run: what the SDK's runner takes as a session and as its input."""
    agent = agents.Agent(name="a")
    await agents.Runner.run(agent, "Hello", session=session)
    await agents.Runner.run(agent, await session.get_items(), session=other)
    async with session.lease() as leased:
        await agents.Runner.run(agent, await leased.window(turns=1), session=leased)
        assert_type(leased.held, Lease | None)


def settings_of_every_origin() -> None:
    given: list[Settings | None] = [SessionSettings(limit=1), SDKSessionSettings(limit=1), {"limit": 1}, None]
    for settings in given:
        session = SQLiteSession("s", session_settings=settings)
        assert type(settings) in {dict, type(None)} or session.session_settings is settings
        AsyncSQLiteSession("s", session_settings=settings)
        open_store("sqlite://").session("s", session_settings=settings)
    SQLiteSession("s", session_settings={"limit": 1, "repair": True, "window": Window(items=5), "compaction": None})
    assert_type(SessionSettings().limit, int | None)
    assert_type(SessionSettings().resolve({"limit": 1}), SessionSettings)


async def results_of_operations(session: SQLiteSession, store: Store, given: list[TResponseInputItem]) -> None:
    assert_type(await session.get_items(limit=5), list[Any])
    assert_type(await session.pop_item(), Any | None)
    assert_type(session.session_id, str)
    assert_type(await store.sessions(), list[SessionInfo])
    assert_type(await store.get("s"), SessionInfo | None)
    assert_type(await store.session("s", owner=("acme", "ann")).info(), Info)
    assert_type(await store.delete("s"), bool)
    assert_type(await store.usage("day"), list[UsageRow])
    assert_type(await session.usage.total(prices={"m": Price(1, "2", 0.5)}), Usage)
    assert_type(await session.usage.by("model"), list[UsageRow])
    assert_type(await session.usage.tools(), list[ToolUse])
    assert_type(store.session("s"), LogSession)
    # Items as the SDK types them go in and out without a cast.
    await session.add_items(given)
    back: list[TResponseInputItem] = await session.get_items()
    await session.add_items(back, idempotency_key="k")
    # So do items with the keys that all have in common.
    known: list[ItemDict] = await session.get_items()
    await session.add_items(known)
    for entry in await session.entries():
        assert_type(entry.item.get("role"), str | None)
    for turn in await session.turns():
        await session.add_items(turn.items)
    async with open_store("sqlite://") as opened:
        assert_type(opened, Store)


async def both_ways_to_close(one: SQLiteSession, other: AsyncSQLiteSession) -> None:
    one.close()
    await other.close()


async def a_function_of_any_session(session: Session) -> list[Any]:
    await session.add_items([{"role": "user", "content": "Hello"}])
    return await session.get_items(limit=1)


async def test_it_runs_as_it_is_typed() -> None:
    every_class()
    the_sdks_classes()
    settings_of_every_origin()
    async with open_store("sqlite://") as store:
        session = SQLiteSession("s")
        await results_of_operations(session, store, [{"role": "user", "content": "a"}])
        assert len(await a_function_of_any_session(session)) == 1
        await both_ways_to_close(session, AsyncSQLiteSession("s"))


RIGHT = """
import sessions

async def use(session: sessions.SQLiteSession) -> str:
    ours: sessions.Session = session
    await session.add_items([{"role": "user"}], idempotency_key="k")
    sessions.SQLiteSession("s", "x.db", durability="normal", busy_timeout=1, strict=True)
    sessions.SQLiteSession("s", session_settings={"limit": 1, "repair": True})
    item: sessions.ItemDict = {"role": "user", "content": "Hello"}
    async for change in session.watch():
        if change.kind == "branch_deleted":
            await session.add_items([item])
    return (await ours.get_items(limit=1), session.session_id)[1]
"""
WRONG = {
    "class that is no session": ("    ours: sessions.Session = session", "    ours: sessions.Session = 'text'"),
    "limit as text": ("get_items(limit=1)", "get_items(limit='1')"),
    "misspelt setting": ('"repair": True', '"repiar": True'),
    "setting of another type": ('"limit": 1', '"limit": "1"'),
    "misspelt key of an item": ('{"role": "user", "content"', '{"rule": "user", "content"'),
    "misspelt kind of a change": ('"branch_deleted"', '"branch deleted"'),
    "items as text": ('[{"role": "user"}]', '"text"'),
    "key as number": ('idempotency_key="k"', "idempotency_key=1"),
    "id as number": ('SQLiteSession("s"', "SQLiteSession(1"),
    "unknown durability": ('"normal"', '"fast"'),
    "misspelt argument": ("busy_timeout", "timeout"),
    "misspelt class": ("sessions.SQLiteSession", "sessions.SQLLiteSession"),
    "missing await": ("(await ours.get_items(limit=1), session.session_id)[1]", "session.get_items()"),
}


# Fails without: the annotations of `SQLiteSession.__init__`, `LogSession.add_items`, `get_items`; the condition before
# `sessions.__getattr__`
def test_a_wrong_use_is_an_error(tmp_path: Path) -> None:
    source, first_lines = "", []
    for number, (old, new) in enumerate([("", ""), *WRONG.values()]):
        assert old in RIGHT
        first_lines.append(source.count("\n") + 1)
        source += (RIGHT.replace(old, new) if old else RIGHT).replace("async def use", f"async def use{number}")
    (tmp_path / "snippet.py").write_text(source, encoding="utf-8")

    checked = subprocess.run(
        # Not the project's configuration, which names files of its own.
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path}/cache", "snippet.py"],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )

    lines = [int(line.split(":")[1]) for line in checked.stdout.splitlines() if ": error:" in line]
    wrong = {max(number for number, first in enumerate(first_lines) if first <= line) for line in lines}
    assert wrong == set(range(1, len(WRONG) + 1)), f"of {list(WRONG)}: {checked.stdout}{checked.stderr}"


# Fails without: `sessions.__dir__`
def test_every_public_name_is_found_before_it_is_imported() -> None:
    found = subprocess.run(
        [sys.executable, "-c", "import sessions; print(set(sessions.__all__) - set(dir(sessions)))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "set()\n"


@pytest.mark.parametrize("name", ["Session", "SQLiteSession", "AsyncSQLiteSession", "LogSession"])
def test_the_sdk_finds_the_members_of_its_protocol(name: str) -> None:
    import sessions  # noqa: PLC0415

    for member in ("session_id", "session_settings"):
        assert member in {
            key for class_ in getattr(sessions, name).__mro__ for key in getattr(class_, "__annotations__", {})
        }
    for method in ("get_items", "add_items", "pop_item", "clear_session"):
        assert callable(getattr(getattr(sessions, name), method))
