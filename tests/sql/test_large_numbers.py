"""Sessions whose versions, positions and ids are as large as numbers get, and the end of each of them."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import EncryptedSession, SQLAlchemySession, SQLiteSession, StoreFullError, generate_key
from sessions.db.ids import MAX_OWNER, MAX_POSITION
from sessions.log.schema import MAX_SESSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sessions.session.base import LogSession

    Make = Callable[..., LogSession]

VERSION = 1 << 40
TIP = MAX_POSITION - (1 << 10)


def user(content: str) -> dict[str, Any]:
    return {"role": "user", "content": content}


@pytest.fixture(params=["asyncpg", "psycopg", "mysql", "sqlite"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new database."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/sessions.db"
    if request.param == "mysql":
        return str(request.getfixturevalue("mariadb").new_database())
    url = make_url(request.getfixturevalue("postgres").new_database())
    return url.set(drivername=f"postgresql+{request.param}").render_as_string(hide_password=False)


@pytest.fixture(params=["plain", "encrypted"])
def make(request: pytest.FixtureRequest, place: str, tmp_path: Path) -> Make:
    """Return what makes an object for a session, which is named "s" unless said otherwise."""
    key = generate_key()

    def new(name: str = "s") -> LogSession:
        if place.startswith("sqlite"):
            inner: Any = SQLiteSession(name, tmp_path / "sessions.db")
        else:
            inner = SQLAlchemySession.from_url(name, url=place, create_tables=True)
        return inner if request.param == "plain" else EncryptedSession(name, inner, key, ttl=None)

    return new


async def execute(place: str, *statements: str, **values: int) -> list[Any]:
    """Execute statements and return what the last one finds."""
    engine = create_async_engine(place)
    try:
        async with engine.begin() as connection:
            for statement in statements:
                clause = text(statement)
                found = await connection.execute(clause, {name: values[name] for name in clause._bindparams})
            return list(found.all()) if found.returns_rows else []
    finally:
        await engine.dispose()


async def move_up(place: str, tip: int = TIP) -> None:
    """Have a session with a segment of its own go on at a large version and position."""
    [(session,)] = await execute(place, "select id from agent_log_sessions where session_id = 's'")
    await execute(
        place,
        "update agent_log_sessions set version = :version where id = :session",
        "update agent_log_branches set tip = :tip, turn = :tip, changed_in = :version where session = :session",
        "update agent_log_segments set holes = 1 where session = :session",
        session=session, version=VERSION, tip=tip,
    )  # fmt: skip


async def test_a_session_that_is_very_old(place: str, make: Make) -> None:
    """
    Versions beyond 32 bits, and the last positions and turns, in each kind of operation.

    Fails without: log/statements/entries.py, `s.low + (s.high - s.low) / 2`; log/statements/extend.py,
    `cast(:{} as bigint)` (asyncpg).
    """
    session = make()
    await session.add_items([user("0")])
    await move_up(place)
    await session.add_items([user("1"), {"role": "assistant", "content": "2"}], idempotency_key="k")
    await session.add_items([user("1"), {"role": "assistant", "content": "2"}], idempotency_key="k")
    assert await session.version() == VERSION + 1
    await session.add_items([user("3")])
    assert [item["content"] for item in await session.get_items(3)] == ["1", "2", "3"]
    assert (await session.pop_item() or {})["content"] == "3"
    await session.add_items([user("4")])
    await session.undo()
    await session.redo()
    await session.undo()
    await session.add_items([user("5")])
    assert [item["content"] for item in await session.get_items(3)] == ["1", "2", "5"]
    assert [entry.position for entry in await session.entries(2)] == [TIP + 2, TIP + 3]
    await session.branches.create("other", switch=True)
    await session.add_items([user("6")])
    assert [item["content"] for item in await session.get_items(2)] == ["5", "6"]
    async with session.lease() as leased:
        await leased.add_items([user("7")])
        await leased.undo()
        await leased.add_items([user("8")])
        await leased.handover("billing")
    assert (await session.pop_item() or {})["content"] == "8"
    async with aclosing(session.watch(after=VERSION)) as watch:
        first = await anext(watch)
    assert (first.version, [item["content"] for item in first.items]) == (VERSION + 1, ["1", "2"])
    await session.usage.record(requests=1, input_tokens=10**12)
    assert (await session.usage.total()).input_tokens == 10**12
    assert len(await session.branches.list()) == 2
    await session.clear_session()
    assert await session.get_items() == []
    assert await session.version() > VERSION


async def test_a_branch_has_no_position_left(place: str, make: Make) -> None:
    """
    One more would be an entry of the next segment, and so of another session.

    Fails without: log/core/extend.py, `check_position`;
    log/fast/statements.py, `0 / (b.tip < {last_position})::int`.
    """
    session = make()
    await session.add_items([user("0")])
    await move_up(place, MAX_POSITION - 1)
    await session.add_items([user("last")])
    before = await session.version()
    for _ in range(2):
        with pytest.raises(StoreFullError, match=r"268,435,454 entries. Nothing was changed"):
            await session.add_items([user("one too many")])
    assert await session.version() == before
    assert [item["content"] for item in await session.get_items(1)] == ["last"]


_LAST = {
    "segments": (
        f"alter table agent_log_segments alter column id restart with {MAX_OWNER}",
        f"alter table agent_log_segments auto_increment = {MAX_OWNER}",
        f"update sqlite_sequence set seq = {MAX_OWNER} - 1 where name = 'agent_log_segments'",  # noqa: S608 - constants
    ),
    "sessions": (
        f"alter table agent_log_sessions alter column id restart with {MAX_SESSION}",
        f"alter table agent_log_sessions auto_increment = {MAX_SESSION}",
        f"update sqlite_sequence set seq = {MAX_SESSION} - 1 where name = 'agent_log_sessions'",  # noqa: S608 - constants
    ),
}
"""What makes the next id the last one, on Postgres, MariaDB and SQLite."""


@pytest.mark.parametrize("table", _LAST)
async def test_a_database_has_no_id_left(place: str, make: Make, table: str) -> None:
    """
    What is there goes on.

    Fails without: log/core/extend.py, `check_number`; log/core/locking.py, `check_number`.
    """
    session = make()
    await session.add_items([user("0")])
    await execute(place, _LAST[table][["postgresql", "mysql", "sqlite"].index(make_url(place).get_backend_name())])
    there = make("the last one")
    await there.add_items([user("1")])
    assert await there.get_items() == [user("1")]
    async with there.lease() as leased:
        await leased.add_items([user("2")])
        await leased.undo()
    too_many = make("one too many")
    before = await execute(place, "select count(*) from agent_log_sessions")
    with pytest.raises(StoreFullError, match="has used all"):
        await too_many.add_items([user("1")])
    assert await execute(place, "select count(*) from agent_log_sessions") == before
    assert await too_many.get_items() == []
    await session.add_items([user("3")])
    assert await session.get_items() == [user("0"), user("3")]
