"""Lists of sessions, trees and siblings on Postgres: the rows of `benchmarks/rows/listing.py` and `trees.py` there.

The limit of a list is one prepared statement on one table with the same indexes.
"""

import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import asyncpg
from rich.console import Console
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.data import default_data
from benchmarks.listing import LIMIT, OURS, filling
from benchmarks.on_postgres.sides import execute
from benchmarks.row import Row, Setting
from benchmarks.rows import trees
from benchmarks.rows.listing import COUNTS, PAGE, Listing, sample, ways_of
from benchmarks.run import Result
from sessions import SQLAlchemySession, open_store

if TYPE_CHECKING:
    from benchmarks.rows.listing import Ways
    from benchmarks.sides import Side

TREES: tuple[type[trees.Regenerated], ...] = (trees.TreeOfTheLatest, trees.SiblingsOfAllTurns)
ROUNDS = 7


@asynccontextmanager
async def _ours(url: str, count: int) -> "AsyncIterator[Ways]":
    async with open_store(url, create_tables=True) as store:
        await store.session("first").add_items([{"role": "user", "content": "Hello"}])
        await store.delete("first")
        await _fill(url, OURS, count)
        yield ways_of(store, count)


@asynccontextmanager
async def _limit(url: str, count: int) -> "AsyncIterator[Ways]":
    await _fill(url, LIMIT, count)
    async with asyncpg.create_pool(url.replace("+asyncpg", ""), min_size=1, max_size=5) as pool:
        page = f"order by active_at desc limit {PAGE}"
        middle = 1_700_000_000_000_000 + count // 2 * 61_000_000

        def way(where: str, *values: object) -> Callable[[], Awaitable[list[Any]]]:
            statement = f"select * from sessions where {where} {page}"  # noqa: S608 - a constant
            return lambda: pool.fetch(statement, *values)

        yield {
            "first page": way("archived = 0"),
            "later page": way("archived = 0 and active_at < $1", middle),
            "of an owner": way("owner = $1 and archived = 0", "owner 0"),
            "with a tag": way("tag = 'tag 0'"),
        }


async def _fill(url: str, statements: tuple[str, ...], count: int) -> None:
    made = filling(statements, count, end="chr(1)", bytes_of="convert_to({}, 'UTF8')", blob="BYTEA")
    await execute(url, *made, "VACUUM ANALYZE")


async def measure(new_database: Callable[[], str], *, console: Console) -> list[Result]:
    """Both sides in turn; trees are ours alone."""
    began = perf_counter()
    found = {figure.key: Result(Listing, figure) for figure in Listing.figures}
    async with AsyncExitStack() as stack:
        sides: dict[Side, dict[int, Ways]] = {"limit": {}, "ours": {}}
        for count in COUNTS:
            sides["limit"][count] = await stack.enter_async_context(_limit(new_database(), count))
            sides["ours"][count] = await stack.enter_async_context(_ours(new_database(), count))
        for number in range(ROUNDS + 1):
            for side, ways in sides.items():
                gc.collect()
                figures = await sample(ways)
                if number:  # The first is the warm-up.
                    for key, value in figures.items():
                        found[key].samples.setdefault(side, []).append(value)
    console.print(f"{perf_counter() - began:5.1f} s  {Listing.name}")
    return list(found.values())


async def measure_trees(url: str, *, console: Console) -> list[Result]:
    """The tree of the latest turns, and the siblings of all."""
    results: list[Result] = []
    engine = create_async_engine(url, pool_size=5)
    try:
        for kind in TREES:
            began = perf_counter()
            row = kind(Setting("ours", Path(), Path(), default_data()))

            def open_session(name: str, kind: type[Row] = kind) -> SQLAlchemySession:
                return SQLAlchemySession(f"{kind.name}, {name}", engine=engine, create_tables=True)

            await row.prepare_with(open_session)
            found = {figure.key: Result(kind, figure) for figure in kind.figures}
            for _ in range(kind.rounds):
                gc.collect()
                for key, value in (await row.sample()).items():
                    found[key].samples.setdefault("ours", []).append(value)
            results += found.values()
            console.print(f"{perf_counter() - began:5.1f} s  {kind.name}")
    finally:
        await engine.dispose()
    return results
