"""A database that an older version of this package wrote is migrated, loses nothing, and ends as a new one begins."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from sessions import SQLAlchemySession, StoreError, open_store
from sessions.db.sqlalchemy.backend import SQLAlchemyBackend
from sessions.log import schema

from .network import message
from .test_tables import described

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# What version 1 wrote for three items, the third of four having been removed from the middle.
_VERSION_1 = """
    insert into agent_log_sessions (session_id, version, branch, created_at, updated_at)
    values ('s', 3, 'main', 1000000, 2000000);
    insert into agent_log_segments (session, parent, fork_position) values (1, null, 0);
    insert into agent_log_branches (session, name, segment, parent, fork_position, tip, turn, floor, may_grow)
    values (1, 'main', 1, null, 0, 4, 3, 0, 1)
"""
_ENTRY = """
    insert into agent_log_entries (id, version, turn, kind, created_at, payload)
    values (:id, 2, :turn, 'user', 1000000, :payload)
"""


@pytest.fixture
async def engine(empty_url: str) -> AsyncIterator[AsyncEngine]:
    made = create_async_engine(empty_url)
    yield made
    await made.dispose()


@pytest.fixture
async def older(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> AsyncEngine:
    """A database as version 1 left it."""
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        await SQLAlchemyBackend(engine, create_tables=True).migrate()
    async with engine.begin() as connection:
        for statement in _VERSION_1.split(";"):
            await connection.execute(text(statement))
        for turn, position in enumerate((1, 2, 4), 1):
            payload = json.dumps(message(str(position))).encode()
            await connection.execute(text(_ENTRY), {"id": (1 << 28) + position, "turn": turn, "payload": payload})
    # What has seen the database at version 1 is another process.
    await engine.dispose()
    return create_async_engine(engine.url)


async def test_an_older_database_opens_and_keeps_everything(older: AsyncEngine) -> None:
    """Fails without: log/schema.py, `update {segments} set holes = 1`; `where s.id = {branches}.session`."""
    with pytest.raises(StoreError, match=r"has older ones.*python -m sessions migrate"):
        await SQLAlchemySession("s", engine=older).get_items()
    session = SQLAlchemySession("s", engine=older, create_tables=True)
    assert await session.get_items() == [message("1"), message("2"), message("4")]
    (main,) = await session.branches.list()
    (listed,) = await open_store(older).sessions()
    assert listed.item_count == 3
    assert (main.name, main.items, main.turns, main.current) == ("main", 3, 3, True)
    assert (main.created_at.timestamp(), main.last_activity.timestamp()) == (1, 2)
    assert await session.undo(2) == [message("2"), message("4")]
    await session.add_items([message("5")])
    assert [sibling.current for sibling in await session.siblings(2)] == [False, True]
    (listed,) = await open_store(older).sessions()
    assert listed.item_count == 2
    await older.dispose()


async def test_a_migrated_database_is_like_a_new_one(empty_url: str, older: AsyncEngine) -> None:
    await SQLAlchemyBackend(older, create_tables=True).migrate()
    async with older.connect() as connection:
        migrated = await connection.run_sync(described)
    await older.dispose()
    new = create_async_engine(empty_url)
    async with new.begin() as connection:
        for table in migrated:
            await connection.execute(text(f"drop table {table}"))
    await SQLAlchemyBackend(new, create_tables=True).migrate()
    async with new.connect() as connection:
        assert await connection.run_sync(described) == migrated
    await new.dispose()
