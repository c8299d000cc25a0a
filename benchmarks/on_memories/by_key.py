"""Memories by key, beside LangGraph's stores and the limit.

Sides take turns, round by round, on 10,000 memories of 300 bytes in 1,000 namespaces. The limit is one table with one
prepared statement an operation: Python's `sqlite3` without threads, or asyncpg with a pool of 15. All databases sync
each commit to the disk.
"""

import asyncio
import itertools
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import asyncpg
import msgspec
from langgraph.store.base import PutOp

from benchmarks.measured import milliseconds
from sessions import Memories, Put, open_store

NAMESPACES = 1_000
VALUE = {"text": "prefers short answers in the morning, and long ones at night " * 4, "type": "fact", "importance": 5}
TABLE = """
    create table memories (
        namespace text not null, name text not null, value {bytes} not null, primary key (namespace, name)
    )
"""
UPSERT = "insert into memories values ({}) on conflict (namespace, name) do update set value = excluded.value"
GET = "select value from memories where namespace = {} and name = {}"
SOME = "select name, value from memories where namespace = {} order by name limit 10"


class Kept(NamedTuple):
    """One side: how it puts, gets and lists; numbers name memories.

    The limit's latest ten are those of its list: no order by time can cost it less.
    """

    put: Callable[[int], Awaitable[object]]
    get: Callable[[int], Awaitable[object]]
    some: Callable[[int], Awaitable[object]]
    latest: Callable[[int], Awaitable[object]]


def namespace_of(number: int) -> tuple[str, ...]:
    """The namespace of a memory."""
    return ("users", f"u{number % NAMESPACES:04}")


_numbers = itertools.count(1_000_000)


def new_value() -> dict[str, Any]:
    """A value that was never put: SQLite writes nothing for one that is there."""
    return {**VALUE, "number": next(_numbers)}


def encoded() -> bytes:
    """A new value as bytes, encoded anew as every side does."""
    return msgspec.json.encode(new_value())


@asynccontextmanager
async def limit_on_sqlite(folder: Path, memories: int) -> AsyncIterator[Kept]:
    """Python's own driver, blocking."""
    connection = sqlite3.connect(folder / "limit.db", isolation_level=None)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute(TABLE.format(bytes="blob"))
    connection.execute("begin")
    rows = ((namespace_of(number)[1], f"k{number}", encoded()) for number in range(memories))
    connection.executemany(UPSERT.format("?, ?, ?"), rows)
    connection.execute("commit")

    async def put(number: int) -> None:
        connection.execute(UPSERT.format("?, ?, ?"), (namespace_of(number)[1], f"k{number}", encoded()))

    async def get(number: int) -> None:
        (value,) = connection.execute(GET.format("?", "?"), (namespace_of(number)[1], f"k{number}")).fetchone()
        msgspec.json.decode(value)

    async def some(number: int) -> None:
        for _, value in connection.execute(SOME.format("?"), (namespace_of(number)[1],)).fetchall():
            msgspec.json.decode(value)

    yield Kept(put, get, some, some)
    connection.close()


@asynccontextmanager
async def limit_on_postgres(url: str, memories: int) -> AsyncIterator[Kept]:
    """A pool of asyncpg's."""
    async with asyncpg.create_pool(url.replace("postgresql+asyncpg", "postgresql"), min_size=15, max_size=15) as pool:
        await pool.execute(TABLE.format(bytes="bytea"))
        rows = [(namespace_of(number)[1], f"k{number}", encoded()) for number in range(memories)]
        await pool.executemany(UPSERT.format("$1, $2, $3"), rows)

        async def put(number: int) -> None:
            await pool.execute(UPSERT.format("$1, $2, $3"), namespace_of(number)[1], f"k{number}", encoded())

        async def get(number: int) -> None:
            msgspec.json.decode(await pool.fetchval(GET.format("$1", "$2"), namespace_of(number)[1], f"k{number}"))

        async def some(number: int) -> None:
            for row in await pool.fetch(SOME.format("$1"), namespace_of(number)[1]):
                msgspec.json.decode(row["value"])

        yield Kept(put, get, some, some)


@asynccontextmanager
async def ours(url: str, memories: int) -> AsyncIterator[Kept]:
    """`store.memories`."""
    async with open_store(url, create_tables=True) as store:
        mine: Memories = store.memories
        for first in range(0, memories, 1_000):
            await mine.put_many([Put(namespace_of(one), f"k{one}", VALUE) for one in range(first, first + 1_000)])
        yield Kept(
            lambda number: mine.put(namespace_of(number), f"k{number}", new_value()),
            lambda number: mine.get(namespace_of(number), f"k{number}"),
            lambda number: mine.list(namespace_of(number), limit=10),
            lambda number: mine.search(namespace_of(number), limit=10),
        )


async def of_langgraph(store: Any, memories: int) -> Kept:
    """One of LangGraph's stores."""
    for first in range(0, memories, 500):
        await store.abatch([PutOp(namespace_of(one), f"k{one}", VALUE) for one in range(first, first + 500)])
    return Kept(
        lambda number: store.aput(namespace_of(number), f"k{number}", new_value()),
        lambda number: store.aget(namespace_of(number), f"k{number}"),
        lambda number: store.asearch(namespace_of(number), limit=10),
        lambda number: store.asearch(namespace_of(number), limit=10),
    )


async def at_once(work: Callable[[int], Awaitable[object]], times: int, first: int, tasks: int = 64) -> float:
    """Milliseconds for each operation of several tasks."""

    async def some(task: int) -> None:
        for number in range(first + task, first + times, tasks):
            await work(number)

    began = perf_counter()
    await asyncio.gather(*map(some, range(tasks)))
    return 1_000 * (perf_counter() - began) / times


async def measure(sides: dict[str, Kept], rounds: int, times: int) -> dict[str, dict[str, list[float]]]:
    """Each operation's milliseconds, by side and round."""
    found: dict[str, dict[str, list[float]]] = {}
    for turn in range(rounds):
        for name, side in sides.items():
            first = turn * times
            figures = {
                "put, 1 task": await milliseconds(side.put, times, first),
                "put, 64 tasks": await at_once(side.put, 4 * times, first),
                "get": await milliseconds(side.get, times, first),
                "10 of a namespace": await milliseconds(side.some, times, first),
                "the latest 10 of a namespace": await milliseconds(side.latest, times, first),
            }
            for figure, taken in figures.items():
                found.setdefault(figure, {}).setdefault(name, []).append(taken)
    return found
