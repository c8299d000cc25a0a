"""Ours among millions of entries, against ours among a few thousand, on the system's Postgres where there is one.

Debian's compiles statements that its planner takes for expensive (`jit`); the development dependency's cannot.
"""

import gc
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from time import perf_counter

from rich.console import Console
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.branching import others
from benchmarks.data import Item
from benchmarks.encrypted import encrypted
from benchmarks.on_postgres.branches import HELLO
from benchmarks.on_postgres.sides import execute
from benchmarks.row import Figure, Row, Stopwatch, Target
from benchmarks.run import Result
from sessions import SQLAlchemySession, open_store
from tests.sql.servers import NotInstalledError, running_postgres, system_postgres

TITLE = "among 10 million entries"
EACH = 100
"""Entries of each of the other sessions."""

FEW, MANY = 100, 100_000
"""Other sessions."""

# Conversations go on at the same time: entries do not lie in the order of their ids.
LENGTHEN = (
    "UPDATE agent_log_branches SET tip = {each} WHERE tip = 1",
    (
        "INSERT INTO agent_log_entries (id, version, turn, kind, created_at, payload) "
        "SELECT e.id + p, e.version, e.turn, e.kind, e.created_at, e.payload "
        "FROM agent_log_entries e, generate_series(1, {each} - 1) p WHERE e.payload = {hello} ORDER BY random()"
    ),
)
"""Gives each session of one entry as many as it shall have."""

Operation = Callable[[], Awaitable[object]]


@asynccontextmanager
async def _operations(url: str, items: list[Item], sessions: int) -> AsyncIterator[dict[str, Operation]]:
    """What is measured, in a database with that many other sessions."""
    engine = create_async_engine(url, pool_size=2, pool_use_lifo=True)
    store = open_store(url)
    try:
        plain = SQLAlchemySession("plain", engine=engine, create_tables=True)
        secret = encrypted("ours", "secret", SQLAlchemySession("secret", engine=engine))
        for session in (plain, secret):
            await session.add_items(items[:EACH])
        longer = [text.format(each=EACH, hello=HELLO) for text in LENGTHEN]
        await execute(url, *others("ours", sessions, HELLO), *longer, "VACUUM ANALYZE")
        numbers = count()
        yield {
            "last 50": lambda: plain.get_items(50),
            "add 2": lambda: plain.add_items(items[:2]),
            "pop": plain.pop_item,
            "last 50, encrypted": lambda: secret.get_items(50),
            "add 2, encrypted": lambda: secret.add_items(items[:2]),
            "pop, encrypted": secret.pop_item,
            "a new branch": lambda: plain.branches.create(f"branch {next(numbers)}"),
            "a page of 100 sessions": store.sessions,
        }
    finally:
        await store.close()
        await engine.dispose()


async def measure(items: list[Item], *, quick: bool, console: Console) -> list[Result]:
    """Both databases in turn."""
    began = perf_counter()
    row = type("Many", (Row,), {"name": TITLE})
    results: list[Result] = []
    binaries = None
    with suppress(NotInstalledError):
        binaries = system_postgres()
    with tempfile.TemporaryDirectory(prefix="sessions-benchmarks-") as folder:
        Path(folder).chmod(0o755)
        with running_postgres(Path(folder) / "postgres", settings=("max_wal_size=8GB",), binaries=binaries) as server:
            async with AsyncExitStack() as stack:
                few, many = [
                    await stack.enter_async_context(_operations(server.new_database(), items, sessions))
                    for sessions in (FEW, FEW * 10 if quick else MANY)
                ]
                for name in few:
                    taken = Result(row, Figure(name, "ms"))
                    ratio = Result(row, Figure(f"{name} / among 10,000", "", Target(1.25, "absolute")))
                    for number in range(2 if quick else 16):
                        gc.collect()
                        small, large = await _time(few[name]), await _time(many[name])
                        if number:  # The first is the warm-up.
                            taken.samples.setdefault("ours", []).append(large)
                            ratio.samples.setdefault("ours", []).append(large / small)
                    results += [taken, ratio]
    console.print(f"{perf_counter() - began:5.1f} s  {TITLE}")
    return results


async def _time(operation: Operation) -> float:
    watch = Stopwatch()
    for _ in range(9):
        with watch:
            await operation()
    return watch.milliseconds
