"""The rows about branches, on Postgres: the operations of `benchmarks/rows/branches.py`, against raw asyncpg."""

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import perf_counter

import asyncpg
from rich.console import Console
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.branching import LIMIT_SCHEMA, Branched, Ours, others, turns_of
from benchmarks.data import default_data
from benchmarks.on_postgres.branching import PostgresLimit
from benchmarks.on_postgres.sides import execute
from benchmarks.row import Row, Setting
from benchmarks.rows.branches import FIGURES, Operation, Place, places, sample
from benchmarks.run import Result
from benchmarks.sides import Side
from sessions import SQLAlchemySession

SIDES: tuple[Side, ...] = ("limit", "ours")
HELLO = """convert_to('{"role": "user", "content": "Hello"}', 'UTF8')"""

Make = Callable[[str], Branched]
"""Makes a session's object."""


@asynccontextmanager
async def _connected(side: Side, url: str) -> AsyncIterator[Make]:
    """One side in one database, with its tables made."""
    raw = url.replace("+asyncpg", "")
    if side == "limit":
        async with asyncpg.create_pool(raw, min_size=1, max_size=5) as pool:
            await pool.execute(LIMIT_SCHEMA.format(serial="bigserial PRIMARY KEY", bytes="bytea"))
            yield lambda name: PostgresLimit(name, pool)
        return
    engine = create_async_engine(url, pool_size=5)
    try:
        yield lambda name: Ours(SQLAlchemySession(name, engine=engine, create_tables=True))
    finally:
        await engine.dispose()


async def _fill(side: Side, url: str, place: Place, make: Make, setting: Setting) -> None:
    await make("first").add_items(turns_of(setting.items, 1))
    await execute(url, *others(side, place.others, HELLO), "VACUUM ANALYZE")


async def measure(
    new_database: Callable[[], str], operations: list[type[Operation]], *, quick: bool, console: Console
) -> list[Result]:
    """Both sides in turn, each operation in all places."""
    settings = {side: Setting(side, Path(), Path(), default_data(), quick) for side in SIDES}
    results: list[Result] = []
    async with AsyncExitStack() as stack:
        made: dict[tuple[Side, int], Make] = {}
        for place in {place.others: place for place in places(settings["ours"])}.values():
            url = new_database()
            for side in SIDES:
                make = made[side, place.others] = await stack.enter_async_context(_connected(side, url))
                await _fill(side, url, place, make, settings[side])
        for kind in operations:
            began = perf_counter()
            measured = {side: kind(settings[side], _maker(made, side)) for side in SIDES}
            sessions = {
                side: {place: await operation.prepare(place) for place in places(settings[side])}
                for side, operation in measured.items()
            }
            row = type(kind.__name__, (Row,), {"name": kind.title})
            found = {figure.key: Result(row, figure) for figure in FIGURES}
            for number in range(3 if quick else 10):
                for side in SIDES:
                    # What earlier samples left is not collected at this one's expense.
                    gc.collect()
                    figures = await sample(sessions[side], measured[side])
                    if number:  # The first is the warm-up.
                        for key, value in figures.items():
                            found[key].samples.setdefault(side, []).append(value)
            results += [result for result in found.values() if result.samples]
            console.print(f"{perf_counter() - began:5.1f} s  {kind.title}")
    return results


def _maker(made: dict[tuple[Side, int], Make], side: Side) -> Callable[[str, Place], Branched]:
    return lambda name, place: made[side, place.others](name)
