"""The Postgres rows: `python -m benchmarks.postgres [--quick]`.

Three sides on one server of its own, with durability on: the limit (raw asyncpg with a pool of 15, one prepared
statement an operation, one table), ours (`SQLAlchemySession` over an engine with a pool of 15), and the OpenAI Agents
SDK's `SQLAlchemySession` over an engine of the same kind. They take turns sample by sample.
"""

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

import asyncpg
from agents.extensions.memory import SQLAlchemySession as SDKSession
from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from benchmarks import report
from benchmarks.data import ROOT, Item, default_data, load_items
from benchmarks.limit import decode, encode
from benchmarks.machine import describe_machine, describe_versions
from benchmarks.row import Figure, Row, Stopwatch, Target
from benchmarks.run import Result
from benchmarks.sides import Side
from sessions import SQLAlchemySession
from tests.sql.servers import running_postgres

DOCUMENT = ROOT / "docs" / "benchmarks-postgres.md"
POOL = 15

INTRODUCTION = """\
# Benchmarks on Postgres

Written by `python -m benchmarks.postgres`; read as [the others](benchmarks.md). Limit: raw asyncpg with a pool of
15 connections, one prepared statement an operation, one table. Ours and the SDK's: `SQLAlchemySession` over an engine
with a pool of 15. All on one server of its own on this machine, `fsync` and `synchronous_commit` on.
"""


class Session(Protocol):
    """What the workloads use."""

    async def get_items(self, limit: int | None = None) -> list[Any]:
        """The latest `limit` items or all, oldest first."""

    async def add_items(self, items: list[Any]) -> None:
        """Appends."""

    async def pop_item(self) -> Any:
        """Removes and returns the last item."""


class LimitSession:
    """A conversation at the limit; its caller knows the number of the next item, which is fair to the limit."""

    lengths: dict[str, int] = {}  # noqa: RUF012 - shared by all objects on purpose

    def __init__(self, session_id: str, pool: "asyncpg.Pool[Any]") -> None:
        self.session_id = session_id
        self.pool = pool

    async def get_items(self, limit: int | None = None) -> list[Item]:
        """One SELECT."""
        async with self.pool.acquire() as connection:
            if limit is None:
                rows = await connection.fetch("SELECT payload FROM items WHERE s = $1 ORDER BY p", self.session_id)
                return [decode(payload) for (payload,) in rows]
            rows = await connection.fetch(
                "SELECT payload FROM items WHERE s = $1 ORDER BY p DESC LIMIT $2", self.session_id, limit
            )
        return [decode(payload) for (payload,) in reversed(rows)]

    async def add_items(self, items: list[Item]) -> None:
        """One INSERT."""
        length = self.lengths.get(self.session_id, 0)
        self.lengths[self.session_id] = length + len(items)
        payloads = [encode(item) for item in items]
        async with self.pool.acquire() as connection:
            await connection.fetch(
                "INSERT INTO items SELECT $1, $2 + u.o, u.d FROM unnest($3::bytea[]) WITH ORDINALITY u (d, o)",
                self.session_id,
                length,
                payloads,
            )

    async def pop_item(self) -> Item | None:
        """One DELETE."""
        async with self.pool.acquire() as connection:
            rows = await connection.fetch(
                "DELETE FROM items WHERE s = $1 AND p = (SELECT max(p) FROM items WHERE s = $1) RETURNING payload",
                self.session_id,
            )
        return decode(rows[0][0]) if rows else None


@dataclass
class Bench:
    """One side: how its sessions are made, and on which items they work."""

    side: Side
    make: Callable[[str], Session]
    items: list[Item]
    quick: bool

    def some(self, start: int, count: int) -> list[Item]:
        """`count` items from `start` on; the recordings repeat without end."""
        return [self.items[(start + offset) % len(self.items)] for offset in range(count)]

    async def long(self, length: int) -> Session:
        """A session of that length, made once."""
        session = self.make(f"long-{length}")
        if not await session.get_items(1):
            for start in range(0, length, 1_000):
                await session.add_items(self.some(start, min(1_000, length - start)))
        return session


async def turn(bench: Bench) -> float:
    """Read all of about 2,000 items and add 3, in ms."""
    session, watch = await bench.long(2_000), Stopwatch()
    for _ in range(5):
        with watch:
            await session.get_items()
            await session.add_items(bench.some(0, 3))
    return watch.milliseconds


def web(tasks: int) -> Callable[[Bench], Awaitable[float]]:
    """New object, last 20, add 2; requests a second."""

    async def measure(bench: Bench) -> float:
        for task in range(tasks):
            session = bench.make(f"web-{task}")
            if not await session.get_items(1):
                await session.add_items(bench.some(task, 40))
        started, requests = perf_counter(), 0
        end = started + (0.3 if bench.quick else 1.0)

        async def client(task: int) -> None:
            nonlocal requests
            while perf_counter() < end:
                session = bench.make(f"web-{task}")
                await session.get_items(limit=20)
                await session.add_items(bench.some(requests, 2))
                requests += 1

        await asyncio.gather(*map(client, range(tasks)))
        return requests / (perf_counter() - started)

    return measure


def read(length: int, limit: int | None) -> Callable[[Bench], Awaitable[float]]:
    """Read from a session of a length, in ms."""

    async def measure(bench: Bench) -> float:
        session, watch = await bench.long(length), Stopwatch()
        for _ in range(10 if limit else 2):
            with watch:
                await session.get_items(limit)
        return watch.milliseconds

    return measure


async def pop(bench: Bench) -> float:
    """Take the last item back, in ms."""
    session, watch = await bench.long(2_000), Stopwatch()
    await session.add_items(bench.some(0, 10))
    for _ in range(10):
        with watch:
            await session.pop_item()
    return watch.milliseconds


async def load(bench: Bench) -> float:
    """Add a batch of 1,000 items, in ms."""
    watch = Stopwatch()
    session = bench.make(f"load-{perf_counter()}")
    for start in range(0, 5_000, 1_000):
        with watch:
            await session.add_items(bench.some(start, 1_000))
    return watch.milliseconds


WORKLOADS: list[tuple[str, Figure, Callable[[Bench], Awaitable[float]]]] = [
    ("agent turn at 2,000 items", Figure("read all, add 3", "ms", Target(1.3)), turn),
    ("web pattern, 1 task", Figure("new object, last 20, add 2", "requests/s", Target(1.5), True), web(1)),  # noqa: FBT003
    ("web pattern, 64 tasks", Figure("new object, last 20, add 2", "requests/s", Target(1), True), web(64)),  # noqa: FBT003
    ("read 10,000", Figure("all", "ms", Target(1.2)), read(10_000, None)),
    ("last 50 of 10,000", Figure("last 50", "ms", Target(1.5)), read(10_000, 50)),
    ("last 50 of 100,000", Figure("last 50", "ms", Target(1.5)), read(100_000, 50)),
    ("pop", Figure("the last item", "ms"), pop),
    ("import", Figure("1,000 items", "ms", Target(1.3)), load),
]


@asynccontextmanager
async def sides(url: str, items: list[Item], *, quick: bool) -> AsyncIterator[list[Bench]]:
    """The three, connected."""
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(
            asyncpg.create_pool(url.replace("+asyncpg", ""), min_size=POOL, max_size=POOL)
        )
        await pool.execute("CREATE TABLE items (s text, p bigint, payload bytea, PRIMARY KEY (s, p))")
        engines: list[AsyncEngine] = [create_async_engine(url, pool_size=POOL, max_overflow=0) for _ in range(2)]
        for engine in engines:
            stack.push_async_callback(engine.dispose)
        ours, theirs = engines
        yield [
            Bench("limit", lambda name: LimitSession(name, pool), items, quick),
            Bench("ours", lambda name: SQLAlchemySession(name, engine=ours, create_tables=True), items, quick),
            Bench("sdk", lambda name: SDKSession(name, engine=theirs, create_tables=True), items, quick),
        ]


async def measure(url: str, *, quick: bool, console: Console) -> list[Result]:
    """All workloads, each side in turn."""
    results = []
    async with sides(url, load_items(default_data()), quick=quick) as benches:
        for name, figure, workload in WORKLOADS:
            if quick and "100,000" in name:
                continue
            began = perf_counter()
            result = Result(type(name, (Row,), {"name": name}), figure)
            for bench in benches:
                await workload(bench)
            for _ in range(3 if quick else 9):
                for bench in benches:
                    result.samples.setdefault(bench.side, []).append(await workload(bench))
            results.append(result)
            console.print(f"{perf_counter() - began:5.1f} s  {name}")
    return results


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.postgres", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few and short samples: does everything run?")
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="sessions-benchmarks-") as folder:
        Path(folder).chmod(0o755)
        with running_postgres(Path(folder) / "postgres", settings=()) as server:
            results = asyncio.run(measure(server.new_database(), quick=options.quick, console=console))
        report.show(results, console)
        if not options.quick:
            about = [describe_machine(Path(folder)), describe_versions(), report.describe_items(default_data())]
            report.write_table(DOCUMENT, [INTRODUCTION, *(f"- {line}" for line in about)], results)


if __name__ == "__main__":
    main()
