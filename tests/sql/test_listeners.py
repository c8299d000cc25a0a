"""Engines whose listeners execute something on each new connection, which begins a transaction that nobody ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import SQLAlchemySession

from .network import message

if TYPE_CHECKING:
    from .servers import Postgres


def _listen(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("set statement_timeout = 12345")
    cursor.close()


@pytest.mark.parametrize("first", ["append", "read", "fork"])
async def test_what_is_acknowledged_is_committed(postgres: Postgres, first: str) -> None:
    """Fails without: db/postgres/database.py, `is_in_transaction`."""
    url = postgres.new_database()
    await SQLAlchemySession.from_url("s", url=url, create_tables=True).add_items([message("0")])
    engine = create_async_engine(url, pool_size=1, max_overflow=0)
    event.listen(engine.sync_engine, "connect", _listen)
    # Its tables are known to be there, so what comes first comes on a new connection.
    session = SQLAlchemySession("s", engine=engine)
    await session.get_items()
    await engine.dispose()
    if first == "append":
        await session.add_items([message("1")])
    elif first == "read":
        assert await session.get_items() == [message("0")]
        await session.add_items([message("1")])
    else:
        await session.branches.create("b")
        await session.add_items([message("1")])
    other = SQLAlchemySession.from_url("s", url=url)
    assert await other.get_items() == [message("0"), message("1")]
    if first == "fork":
        assert [branch.name for branch in await other.branches.list()] == ["main", "b"]
    async with engine.connect() as connection:
        # What the listener set is still so.
        assert (await connection.execute(text("show statement_timeout"))).scalar_one() == "12345ms"
    await engine.dispose()
