"""A table with the name and the columns of the OpenAI Agents SDK's, but other types, is somebody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import SQLAlchemySession, open_store
from sessions.errors import StoreError
from tests.sql.network import message

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = {"id": "integer", "session_id": "varchar(100)", "message_data": "text", "created_at": "timestamp"}

OTHERS = {
    "a number for a session": {"session_id": "integer"},
    "a UUID for a session": {"session_id": "uuid"},
    "a UUID for a message": {"id": "uuid"},
    "JSON for a message": {"message_data": "jsonb"},
    "a number for a time": {"created_at": "bigint"},
}


@pytest.fixture(params=["asyncpg", "psycopg", "aiomysql", "aiosqlite"])
def driven(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "aiosqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/s.db"
    server: Any = request.getfixturevalue("mariadb" if request.param == "aiomysql" else "postgres")
    url = make_url(server.new_database())
    return url.set(drivername=f"{url.get_backend_name()}+{request.param}").render_as_string(hide_password=False)


async def _make_table(url: str, types: dict[str, str], name: str = "agent_messages") -> None:
    columns = ", ".join(f"{column} {kind}" for column, kind in {**COLUMNS, **types}.items())
    if "mysql" in url:
        columns = columns.replace("jsonb", "point")
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text(f"create table {name} ({columns})"))
    await engine.dispose()


@pytest.mark.parametrize("other", OTHERS)
async def test_it_is_left_alone(driven: str, other: str) -> None:
    """
    Fails without: log/adopt/sdk_catalog.py, `_KINDS` in `has_columns` (each new session is refused).
    """
    await _make_table(driven, OTHERS[other])
    async with open_store(driven, create_tables=True) as store:
        session = store.session("7")
        assert await session.get_items() == []
        await session.add_items([message("1")])
        assert await session.get_items() == [message("1")]
        await session.clear_session()
        await store.delete("7")
        await store.erase("7")


async def test_one_that_is_named_is_refused(driven: str) -> None:
    """
    Fails without: log/adopt/sdk_catalog.py, `_KINDS` in `has_columns`.
    """
    await _make_table(driven, {"session_id": "integer"}, "mine")
    session = SQLAlchemySession.from_url("7", url=driven, create_tables=True, messages_table="mine")
    with pytest.raises(StoreError, match="the table mine is not one of the OpenAI Agents SDK"):
        await session.get_items()
    await session.aclose()
