"""Change to screen, and what an idle watcher costs: `python -m benchmarks.watching [--quick]`.

One process watches, another one appends an item now and then. Each item holds the time at which `add_items` was called,
so the figures contain the append itself. Then nobody writes, and the watching process measures its processor time.
`python -m benchmarks.watching write URL COUNT PAUSE` is the writer.
"""

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, ExitStack, aclosing
from pathlib import Path
from statistics import median, quantiles

from benchmarks.data import ROOT
from sessions import Change, open_store
from tests.sql.servers import running_mariadb, running_postgres

_SECOND = 1e9
_WARM_UP = 5.0
_CROWD = 100


async def write(url: str, count: int, pause: float) -> None:
    """Append items, at intervals around `pause` seconds."""
    async with open_store(url) as store:
        await store.session("watched").version()  # Connected by then.
        for _ in range(count):
            await asyncio.sleep(random.uniform(0.5, 1.5) * pause)  # noqa: S311 - no secret
            await store.session("watched").add_items([{"role": "user", "content": time.monotonic_ns()}])


async def latencies(watch: AsyncGenerator[Change], url: str, count: int, pause: float) -> list[float]:
    """Return the milliseconds from each of another process's appends to its being seen here."""
    command = [sys.executable, "-m", "benchmarks.watching", "write", url, str(count), str(pause)]
    writer = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
    found: list[float] = []
    while len(found) < count:
        change = await anext(watch)
        found += [(time.monotonic_ns() - item["content"]) / _SECOND * 1000 for item in change.items]
    await writer.wait()
    return found


async def idle_share(url: str, watchers: int, seconds: float) -> float:
    """Return how many per cent of a core this process uses while it watches sessions and nobody writes."""

    async def follow(watch: AsyncGenerator[Change]) -> None:
        async with aclosing(watch):
            async for _ in watch:
                pass

    async with open_store(url) as store:
        tasks = [asyncio.create_task(follow(store.session(f"idle {n}").watch(after=0))) for n in range(watchers)]
        await asyncio.sleep(_WARM_UP)
        before = time.process_time()
        await asyncio.sleep(seconds)
        used = time.process_time() - before
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    return 100 * used / seconds


async def measure(name: str, url: str, *, quick: bool) -> None:
    """Print a line of the table."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(url, create_tables=True))
        await store.session("watched").add_items([{"role": "user", "content": time.monotonic_ns()}])
        watch = await stack.enter_async_context(aclosing(store.session("watched").watch(after=0)))
        await anext(watch)
        busy = await latencies(watch, url, 10 if quick else 100, 0.2)
        rare = await latencies(watch, url, 3 if quick else 20, 4.0)
    shares = [await idle_share(url, watchers, 2.0 if quick else 20.0) for watchers in (1, _CROWD)]
    figures = [median(busy), quantiles(busy, n=20)[-1], median(rare), max(rare)]
    cells = [f"{ms:.1f}" for ms in figures] + [f"{share:.2f} %" for share in shares]
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


async def main(*, quick: bool) -> None:
    """Measure on each kind of database."""
    print(f"| | every 0.2 s: median, ms | 95 % | every 4 s: median, ms | worst | idle | {_CROWD} idle |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory(prefix="sessions-benchmarks-") as name, ExitStack() as servers:
        folder = Path(name)
        folder.chmod(0o755)
        await measure("SQLite", f"sqlite:///{folder}/watched.db", quick=quick)
        postgres = servers.enter_context(running_postgres(folder / "postgres", settings=()))
        await measure("Postgres", postgres.new_database(), quick=quick)
        mariadb = servers.enter_context(running_mariadb(folder / "mariadb"))
        await measure("MariaDB", mariadb.new_database(), quick=quick)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write", url, count, pause]:
            asyncio.run(write(url, int(count), float(pause)))
        case options:
            asyncio.run(main(quick="--quick" in options))
