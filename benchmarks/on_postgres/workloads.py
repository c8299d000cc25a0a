"""What one process does, one figure each."""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter

from benchmarks.on_postgres.sides import Bench
from benchmarks.row import Figure, Stopwatch, Target


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
        for _ in range(10 if limit else 5 if length <= 10_000 else 2):
            with watch:
                items = await session.get_items(limit)
            del items  # Freeing them is not part of the next read.
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
    """Import 100,000 items in batches of 1,000: ms for each batch."""
    watch = Stopwatch()
    session = bench.make(f"load-{perf_counter()}")
    for start in range(0, 5_000 if bench.quick else 100_000, 1_000):
        batch = bench.some(start, 1_000)
        with watch:
            await session.add_items(batch)
    return watch.milliseconds


def encrypted(workload: Callable[[Bench], Awaitable[float]]) -> Callable[[Bench], Awaitable[float]]:
    """The same, every side with encryption."""

    async def measure(bench: Bench) -> float:
        assert bench.encrypted
        return await workload(bench.encrypted)

    return measure


def by_default(workload: Callable[[Bench], Awaitable[float]]) -> Callable[[Bench], Awaitable[float]]:
    """The same with `create_async_engine(url)`; the limit is ours with a pool of 15."""

    async def measure(bench: Bench) -> float:
        assert bench.default
        return await workload(bench.default)

    return measure


WORKLOADS: list[tuple[str, Figure, Callable[[Bench], Awaitable[float]]]] = [
    ("agent turn at 2,000 items", Figure("read all, add 3", "ms", Target(1.3)), turn),
    ("web pattern, 1 task", Figure("new object, last 20, add 2", "requests/s", Target(1.5), True), web(1)),  # noqa: FBT003
    ("web pattern, 64 tasks", Figure("new object, last 20, add 2", "requests/s", Target(1), True), web(64)),  # noqa: FBT003
    (
        "default engine, web pattern, 64 tasks (limit: ours with a pool of 15)",
        Figure("new object, last 20, add 2", "requests/s", Target(1.3), higher_is_better=True),
        by_default(web(64)),
    ),
    ("read 10,000", Figure("all", "ms", Target(1.2)), read(10_000, None)),
    ("read 100,000", Figure("all", "ms", Target(1.2)), read(100_000, None)),
    ("last 50 of 10,000", Figure("last 50", "ms", Target(1.5)), read(10_000, 50)),
    ("last 50 of 100,000", Figure("last 50", "ms", Target(1.5)), read(100_000, 50)),
    ("pop", Figure("the last item", "ms"), pop),
    ("import of 100,000 items", Figure("each batch of 1,000", "ms", Target(1.3)), load),
    ("encrypted: agent turn at 2,000 items", Figure("read all, add 3", "ms", Target(1.3)), encrypted(turn)),
    ("encrypted: read 10,000", Figure("all", "ms", Target(1.3)), encrypted(read(10_000, None))),
    ("encrypted: pop", Figure("the last item", "ms"), encrypted(pop)),
]
