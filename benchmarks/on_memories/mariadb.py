"""The limit on MariaDB for memories by key: a pool of aiomysql's, with one statement an operation."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiomysql  # type: ignore[import-untyped] # it has no types
import msgspec
from sqlalchemy import make_url

from benchmarks.on_memories.by_key import Kept, encoded, namespace_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_TABLE = """
    create table limit_memories (
        namespace varbinary(100) not null, name varbinary(100) not null, value longblob not null,
        primary key (namespace, name)
    )
"""
_UPSERT = "insert into limit_memories values (%s, %s, %s) on duplicate key update value = values(value)"


@asynccontextmanager
async def limit_on_mariadb(url: str, memories: int) -> AsyncIterator[Kept]:
    """Return the limit's operations."""
    at = make_url(url)
    pool = await aiomysql.create_pool(
        host=at.host, port=at.port, user=at.username, db=at.database, minsize=15, maxsize=15, autocommit=True
    )

    async def run(statement: str, *values: object) -> list[Any]:
        async with pool.acquire() as connection, connection.cursor() as cursor:
            await cursor.execute(statement, values)
            found: list[Any] = await cursor.fetchall()
            return found

    await run(_TABLE)
    async with pool.acquire() as connection, connection.cursor() as cursor:
        for first in range(0, memories, 1_000):
            numbers = range(first, min(first + 1_000, memories))
            await cursor.executemany(_UPSERT, [(namespace_of(one)[1], f"k{one}", encoded()) for one in numbers])

    async def put(number: int) -> None:
        await run(_UPSERT, namespace_of(number)[1], f"k{number}", encoded())

    async def get(number: int) -> None:
        statement = "select value from limit_memories where namespace = %s and name = %s"
        for (value,) in await run(statement, namespace_of(number)[1], f"k{number}"):
            msgspec.json.decode(value)

    async def some(number: int) -> None:
        statement = "select value from limit_memories where namespace = %s order by name limit 10"
        for (value,) in await run(statement, namespace_of(number)[1]):
            msgspec.json.decode(value)

    yield Kept(put, get, some, some)
    pool.close()
    await pool.wait_closed()
