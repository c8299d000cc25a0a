"""Reading among 100,000 memories: of one namespace, and of 10,000 namespaces of ten."""

from __future__ import annotations

import sqlite3
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import asyncpg
import msgspec
from langgraph.store.base import PutOp

from benchmarks.measured import Measured, interleaved
from benchmarks.row import Target
from sessions import Put, open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from benchmarks.measured import Side

_TEXT: Final = "prefers short answers in the morning, and long ones at night " * 2
_TABLE: Final = """
    create table memories (
        namespace text not null, name text not null, value {json} not null, primary key (namespace, name)
    )
"""
TIMES: Final = {"get": 100, "the first 10": 20, "a filter, by a declared field": 20}


class Among(NamedTuple):
    """How many memories there are, and in how many namespaces."""

    memories: int
    namespaces: int

    def namespace(self, number: int) -> tuple[str, ...]:
        """Return the namespace of a memory."""
        return ("users", f"u{number % self.namespaces:05}")

    def value(self, number: int) -> dict[str, Any]:
        """Return the value of a memory."""
        return {"text": _TEXT, "type": "fact", "number": number, "code": number}

    @property
    def words(self) -> str:
        """Say it."""
        return "one namespace" if self.namespaces == 1 else f"{self.namespaces:,} namespaces"

    def wanted(self, turn: int) -> int:
        """Return the number of a memory, another one each time."""
        return turn * 7919 % self.memories


@asynccontextmanager
async def limit_on_sqlite(folder: Path, among: Among) -> AsyncIterator[Side]:
    """Python's own driver, with `json_extract`, and an index of an expression."""
    connection = sqlite3.connect(folder / "limit.db", isolation_level=None)
    connection.execute(_TABLE.format(json="text"))
    connection.execute("begin")
    rows = (
        (among.namespace(number)[1], f"k{number}", msgspec.json.encode(among.value(number)).decode())
        for number in range(among.memories)
    )
    connection.executemany("insert into memories values (?, ?, ?)", rows)
    connection.execute("create index codes on memories (json_extract(value, '$.code'))")
    connection.execute("commit")

    def decoded(statement: str, *values: object) -> list[Any]:
        return [msgspec.json.decode(value) for (value,) in connection.execute(statement, values).fetchall()]

    async def get(turn: int) -> object:
        number = among.wanted(turn)
        statement = "select value from memories where namespace = ? and name = ?"
        return decoded(statement, among.namespace(number)[1], f"k{number}")

    async def some(_: int) -> object:
        return decoded("select value from memories order by namespace, name limit 10")

    async def count(_: int) -> object:
        return connection.execute("select count(*) from memories").fetchall()

    async def filtered(turn: int) -> object:
        return decoded("select value from memories where json_extract(value, '$.number') = ?", among.wanted(turn))

    async def declared(turn: int) -> object:
        return decoded("select value from memories where json_extract(value, '$.code') = ?", among.wanted(turn))

    yield _side(get, some, count, filtered, declared)
    connection.close()


@asynccontextmanager
async def limit_on_postgres(url: str, among: Among) -> AsyncIterator[Side]:
    """A pool of asyncpg's, with `jsonb`, and an index of an expression."""
    async with asyncpg.create_pool(url.replace("postgresql+asyncpg", "postgresql"), min_size=2, max_size=15) as pool:
        await pool.execute(_TABLE.format(json="jsonb").replace("memories", "limit_memories"))
        rows = [
            (among.namespace(number)[1], f"k{number}", msgspec.json.encode(among.value(number)).decode())
            for number in range(among.memories)
        ]
        await pool.executemany("insert into limit_memories values ($1, $2, $3)", rows)
        await pool.execute("create index codes on limit_memories ((value -> 'code'))")
        await pool.execute("analyze limit_memories")

        async def decoded(statement: str, *values: object) -> list[Any]:
            return [msgspec.json.decode(row["value"]) for row in await pool.fetch(statement, *values)]

        async def get(turn: int) -> object:
            number = among.wanted(turn)
            statement = "select value from limit_memories where namespace = $1 and name = $2"
            return await decoded(statement, among.namespace(number)[1], f"k{number}")

        async def some(_: int) -> object:
            return await decoded("select value from limit_memories order by namespace, name limit 10")

        async def count(_: int) -> object:
            return await pool.fetchval("select count(*) from limit_memories")

        async def filtered(turn: int) -> object:
            statement = "select value from limit_memories where value -> 'number' = $1::text::jsonb"
            return await decoded(statement, str(among.wanted(turn)))

        async def declared(turn: int) -> object:
            statement = "select value from limit_memories where value -> 'code' = $1::text::jsonb"
            return await decoded(statement, str(among.wanted(turn)))

        yield _side(get, some, count, filtered, declared)


@asynccontextmanager
async def ours(url: str, among: Among) -> AsyncIterator[Side]:
    """`store.memories`, with one declared field."""
    async with open_store(url, create_tables=True) as store:
        mine = store.memories
        await mine.declare("code")
        for first in range(0, among.memories, 1_000):
            numbers = range(first, min(first + 1_000, among.memories))
            await mine.put_many(
                [Put(among.namespace(one), f"k{one}", among.value(one), index=False) for one in numbers]
            )

        def get(turn: int) -> Any:
            number = among.wanted(turn)
            return mine.get(among.namespace(number), f"k{number}")

        yield _side(
            get,
            lambda _: mine.list(limit=10),
            lambda _: mine.count(),
            lambda turn: mine.list(filter={"number": among.wanted(turn)}),
            lambda turn: mine.list(filter={"code": among.wanted(turn)}),
        )


async def of_langgraph(store: Any, among: Among) -> Side:
    """Return the operations of one of LangGraph's stores, which counts nothing and declares no field."""
    for first in range(0, among.memories, 500):
        numbers = range(first, min(first + 500, among.memories))
        await store.abatch([PutOp(among.namespace(one), f"k{one}", among.value(one)) for one in numbers])

    def get(turn: int) -> Any:
        number = among.wanted(turn)
        return store.aget(among.namespace(number), f"k{number}")

    return {
        "get": get,
        "the first 10": lambda _: store.asearch(("users",), limit=10),
        "a filter over all, one match": lambda turn: store.asearch(("users",), filter={"number": among.wanted(turn)}),
    }


def _side(get: Any, some: Any, count: Any, filtered: Any, declared: Any) -> Side:
    return {
        "get": get,
        "the first 10": some,
        "count": count,
        "a filter over all, one match": filtered,
        "a filter, by a declared field": declared,
    }


async def reads(sides: Mapping[str, Side], among: Among, rounds: int, *, on_server: bool) -> list[Measured]:
    """Measure reads of all sides."""
    targets = {
        "get": Target(1.2 if on_server else 4),
        "the first 10": Target(1.3 if on_server else 3),
        "a filter over all, one match": Target(3 if on_server else 1.3),
        "a filter, by a declared field": Target(0.5 if on_server else 0.2, "absolute"),
    }
    found = await interleaved(sides, rounds, TIMES)
    return [Measured(f"{name}, {among.words}", samples, targets.get(name)) for name, samples in found.items()]
