"""Engines of applications that do something with each new connection: SQLAlchemy leaves it in a transaction then."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import open_store
from sessions.testing_tree import item

if TYPE_CHECKING:
    from .servers import Postgres

_AT_ONCE = 5


@pytest.mark.parametrize("when", ["connect", "checkout"])
async def test_what_is_added_is_committed(postgres: Postgres, when: str) -> None:
    """Fails without: stores/sql/asyncpg_database.py, `pooled.commit` in `end_what_listeners_began`."""
    url = postgres.new_database()
    engine = create_async_engine(url)

    @event.listens_for(engine.sync_engine, when)
    def set_up(connection: Any, *_: object) -> None:
        cursor = connection.cursor()
        cursor.execute("set lock_timeout = 12345")
        cursor.close()

    sessions = [open_store(engine, create_tables=True).session(f"s{number}") for number in range(_AT_ONCE)]
    for number in range(3):
        await asyncio.gather(*(session.add_items([item(f"u{number}")]) for session in sessions))
        await asyncio.gather(*(session.turns() for session in sessions))
    async with engine.connect() as connection:
        assert (await connection.exec_driver_sql("show lock_timeout")).scalar() == "12345ms"
    await engine.dispose()
    async with open_store(url) as store:
        for session in sessions:
            found = await store.session(session.session_id).get_items()
            assert [one["content"] for one in found] == ["u0", "u1", "u2"]
