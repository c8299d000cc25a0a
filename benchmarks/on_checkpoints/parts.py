"""The parts of the page: which figures are measured on which database."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import AsyncExitStack, closing
from functools import cache, partial
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import asyncpg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from benchmarks.measured import LIMIT, OURS, Measured
from benchmarks.on_checkpoints.replays import read_each, replayed
from benchmarks.on_checkpoints.sides import OnPostgres, OnSQLite
from benchmarks.on_checkpoints.workloads import CHAT, CONFIG, WORKLOADS, noted, text
from benchmarks.pages import POSTGRES, SQLITE
from benchmarks.row import Target
from sessions import generate_key
from sessions.adapters.langgraph import SessionSaver
from sessions.checkpoints.values import Place as ThreadPlace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from benchmarks.on_checkpoints.workloads import Call
    from benchmarks.pages import Place, Run

_TASKS: Final = 64
_MESSAGES_OF_STEP: Final = 500
_KEY: Final = b"sixteen bytes of"


def _sqlite(place: Place, name: str) -> OnSQLite:
    folder = place.folder / name
    folder.mkdir()
    return OnSQLite(folder)


def _sides(place: Place, kind: str, name: str) -> OnSQLite | OnPostgres:
    return OnPostgres(partial(place.new_database, kind)) if kind == POSTGRES else _sqlite(place, name)


def _workload(place: Place, kind: str, name: str, rounds: int) -> list[Measured]:
    def sides(turn: int) -> OnSQLite | OnPostgres:
        return _sides(place, kind, f"{turn}")

    return replayed(name, sides, place.pick(rounds, 1), quick=place.quick, on_postgres=kind == POSTGRES)


def _long(place: Place, kind: str) -> list[Measured]:
    """Reading a state that has grown long."""
    steps, found = place.pick(20, 2), dict[str, dict[str, list[float]]]()
    messages = [HumanMessage(text(number, 480), id=f"{number}") for number in range(_MESSAGES_OF_STEP * steps)]
    with _sides(place, kind, "long") as sides:
        limit, ours, peer = sides.limit(), sides.ours(), sides.theirs()
        for side in (ours, peer):
            config: Any = CONFIG
            for step in range(steps):
                checkpoint, metadata, versions, _ = _step(0, step)
                values = {"messages": messages[: _MESSAGES_OF_STEP * (step + 1)]}
                config = side.saver.put(config, {**checkpoint, "channel_values": values}, metadata, versions)
        got = ours.saver.get_tuple(CONFIG)
        assert got is not None
        limit.keep(got.checkpoint)
        read_each({LIMIT: limit, OURS: ours, sides.peer: peer}, ours.saver, found)
    target = {"read the latest": Target(1.2)}
    return [Measured(f"10,000 messages: {figure}", samples, target.get(figure)) for figure, samples in found.items()]


@cache
def _step(number: int, step: int) -> tuple[Any, ...]:
    """The arguments of a small put and of its writes: the thread's config, and what changed."""
    messages = [{"role": "user", "content": text(number * 31 + one, 480)} for one in range(step + 1)]
    checkpoint = {
        "v": 4, "id": f"1f000000-0000-6000-8000-{step:012}", "ts": "2026-01-01T00:00:00+00:00",
        "channel_values": {"messages": messages}, "channel_versions": {"messages": f"{step + 1:032}.0"},
        "versions_seen": {"node": {"messages": f"{step:032}.0"}}, "updated_channels": ["messages"],
    }  # fmt: skip
    versions = {"messages": f"{step + 1:032}.0"}
    return checkpoint, {"source": "loop", "step": step, "parents": {}}, versions, [("messages", messages[-1:])]


async def _tasks(saver: Any, first: int, steps: int, threads: str = "t") -> float:
    """Milliseconds for each call of 64 tasks, each with a thread of its own."""

    async def run(number: int) -> None:
        last = f"1f000000-0000-6000-8000-{first - 1:012}" if first else None
        config: Any = {"configurable": {"thread_id": f"{threads}{number}", "checkpoint_ns": "", "checkpoint_id": last}}
        for step in range(first, first + steps):
            checkpoint, metadata, versions, writes = _step(number, step)
            config = await saver.aput(config, checkpoint, metadata, versions)
            await saver.aput_writes(config, writes, "task")

    for number in range(_TASKS):
        for step in range(first, first + steps):
            _step(number, step)
    begun = perf_counter()
    await asyncio.gather(*map(run, range(_TASKS)))
    return 1000 * (perf_counter() - begun) / (2 * steps * _TASKS)


async def _many(place: Place, kind: str) -> list[Measured]:
    """64 tasks at once."""
    steps = place.pick(12, 3)
    begins, goes_on = "a call of 64 tasks, new threads", "a call of 64 tasks, own threads"
    found: dict[str, dict[str, list[float]]] = {}
    for turn in range(place.pick(5, 1)):
        async with AsyncExitStack() as stack:
            new = partial(place.new_database, kind)
            if kind == SQLITE:
                path = f"{place.folder}/theirs-{turn}.db"
                theirs: Any = await stack.enter_async_context(AsyncSqliteSaver.from_conn_string(path))
                await theirs.conn.execute("pragma synchronous = full")
                limit: Callable[[], Awaitable[float]] = partial(_limit_sqlite, f"{place.folder}/limit-{turn}.db", steps)
            else:
                options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
                url = new().replace("postgresql+asyncpg", "postgresql")
                pool: Any = AsyncConnectionPool(url, min_size=15, max_size=15, kwargs=options, open=False)
                theirs = AsyncPostgresSaver(await stack.enter_async_context(pool))
                limit = partial(_limit_postgres, new(), steps)
            await theirs.setup()
            ours = await stack.enter_async_context(SessionSaver(new()))
            peer = type(theirs).__name__
            for name, saver in ((OURS, ours), (peer, theirs)):
                # Its tables and connections are there then, as in a server that has run for a while.
                await _tasks(saver, 0, 1, "warm")
                found.setdefault(begins, {}).setdefault(name, []).append(await _tasks(saver, 0, 1))
            found.setdefault(goes_on, {}).setdefault(LIMIT, []).append(await limit())
            for name, saver in ((OURS, ours), (peer, theirs)):
                found[goes_on].setdefault(name, []).append(await _tasks(saver, 1, steps))
    target = Target(2.5 if kind == SQLITE else 1, "faster")
    return [Measured(goes_on, found[goes_on], target), Measured(begins, found[begins])]


async def _limit_sqlite(path: str, steps: int) -> float:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute("create table rows (id integer primary key, data blob)")
        begun = perf_counter()
        for _ in range(2 * steps * _TASKS):
            connection.execute("insert into rows (data) values (?)", (b"x" * 600,))
        return 1000 * (perf_counter() - begun) / (2 * steps * _TASKS)


async def _limit_postgres(url: str, steps: int) -> float:
    plain = url.replace("postgresql+asyncpg", "postgresql")
    async with asyncpg.create_pool(plain, min_size=15, max_size=15) as pool:
        await pool.execute("create table rows (id bigserial primary key, data bytea)")

        async def run() -> None:
            for _ in range(2 * steps):
                await pool.execute("insert into rows (data) values ($1)", b"x" * 600)

        begun = perf_counter()
        await asyncio.gather(*(run() for _ in range(_TASKS)))
        return 1000 * (perf_counter() - begun) / (2 * steps * _TASKS)


def _encrypted(place: Place) -> list[Measured]:
    """The chat with a key: the limit is ours in the clear, and AES-GCM of as many bytes."""
    calls, theirs = noted(CHAT, quick=place.quick), noted(CHAT, quick=place.quick, texts=True)
    reads: dict[str, list[float]] = {}
    new: dict[str, list[float]] = {}
    title = "SqliteSaver, EncryptedSerializer"
    with _sqlite(place, "clear") as clear, _sqlite(place, "keyed") as keyed:
        plain, ours = clear.ours(), keyed.ours(encryption_key=generate_key())
        peer = keyed.theirs(serde=EncryptedSerializer.from_pycryptodome_aes(key=_KEY))
        times: dict[str, list[float]] = {name: [] for name in (LIMIT, OURS, title)}
        for call, other in zip(calls, theirs, strict=True):
            for name, side, one in ((LIMIT, plain, call), (OURS, ours, call), (title, peer, other)):
                begun = perf_counter()
                side.do(one)
                if name == LIMIT:
                    _aes([call.size])
                times[name].append(1000 * (perf_counter() - begun))
        puts = {name: [median(some)] for name, some in times.items()}
        sizes = [call.size for call in calls if call.name == "put"]
        for _ in range(20):
            for name, side in ((LIMIT, plain), (OURS, ours), (title, peer)):
                reads.setdefault(name, []).append(_read(side, [] if name != LIMIT else sizes[-1:]))
            for name, side in ((LIMIT, plain), (OURS, ours)):
                side.saver._kept._remembered.forget(ThreadPlace("t"))  # noqa: SLF001 - no method forgets
                new.setdefault(name, []).append(_read(side, [] if name != LIMIT else sizes))
    target = Target(1.3)
    return [
        Measured("a put or its writes", puts, target),
        Measured("read the latest", reads, target),
        Measured("read the latest, a new process", new, target),
    ]


def _read(side: Any, sizes: list[int]) -> float:
    begun = perf_counter()
    side.read()
    _aes(sizes)
    return 1000 * (perf_counter() - begun)


def _aes(sizes: list[int]) -> None:
    cipher = AESGCM(_KEY * 2)
    for size in sizes:
        cipher.encrypt(b"a nonce of 1", b"x" * size, b"the columns of a row")


def _others(place: Place) -> list[Measured]:
    """Whole threads, and a call without `await`."""
    calls, found = noted(CHAT, quick=place.quick), Found()
    with _sqlite(place, "threads") as sides:
        ours, peer = sides.ours(), sides.theirs()
        _pages(ours, peer, calls[: place.pick(5, 1)], found)
        for side, name in ((ours, OURS), (peer, sides.peer)):
            _forks(side, name, calls, found)
        for number in range(5):
            ours.saver.copy_thread("t", f"copy {number}")
            found.time(_PRUNE, OURS, partial(ours.saver.prune, [f"copy {number}"]))
        _waits(ours.saver, place.pick(200, 20), found)
    targets = {_PAGE: Target(2, "absolute"), _PRUNE: Target(20, "absolute"), _WAITING: Target(1)}
    return [Measured(figure, samples, targets.get(figure)) for figure, samples in found.samples.items()]


_PAGE: Final = "a page of 100 threads"
_PRUNE: Final = "prune 600 checkpoints of 400 messages"
_WAITING: Final = "a put without await; limit: with it"


class Found:
    """The samples of figures."""

    def __init__(self) -> None:
        self.samples: dict[str, dict[str, list[float]]] = {}

    def time(self, figure: str, side: str, work: Callable[[], object]) -> None:
        """Note the milliseconds that something takes."""
        begun = perf_counter()
        work()
        taken = 1000 * (perf_counter() - begun)
        self.samples.setdefault(figure, {}).setdefault(side, []).append(taken)


def _pages(ours: Any, peer: Any, calls: list[Call], found: Found) -> None:
    for number in range(120):
        for call in calls:
            first, *rest = call.arguments
            given = {"configurable": {**first["configurable"], "thread_id": f"thread {number}"}}
            for side in (ours, peer):
                side.do(call._replace(arguments=(given, *rest)))
    for _ in range(5):
        found.time(_PAGE, OURS, partial(ours.saver.threads, limit=100))
        found.time(
            _PAGE, "SqliteSaver", lambda: {one.config["configurable"]["thread_id"] for one in peer.saver.list(None)}
        )


def _forks(side: Any, name: str, calls: list[Call], found: Found) -> None:
    for call in calls:
        side.do(call)
    puts = [call for call in calls if call.name == "put"]
    config, last = puts[len(puts) // 2].arguments[0], puts[-1].arguments
    for number in range(20):
        checkpoint = {**last[1], "id": f"2f000000-0000-6000-8000-{number:012}"}
        found.time("a fork from the middle", name, partial(side.saver.put, config, checkpoint, *last[2:]))


def _waits(saver: Any, times: int, found: Found) -> None:
    loop = asyncio.new_event_loop()
    for number in range(times):
        checkpoint, *others, _ = _step(number, 1)
        one = {**checkpoint, "id": f"1f000000-0000-6000-8000-{number:012}"}
        configs: list[Any] = [{"configurable": {"thread_id": name, "checkpoint_ns": ""}} for name in ("sync", "await")]
        found.time(_WAITING, OURS, partial(saver.put, configs[0], one, *others))
        awaited = saver.aput(configs[1], one, *others)
        found.time(_WAITING, LIMIT, partial(loop.run_until_complete, awaited))
    loop.close()


async def _in_thread(work: Callable[..., list[Measured]], place: Place, *given: Any) -> list[Measured]:
    return await asyncio.to_thread(work, place, *given)


def _replays(kind: str) -> dict[str, Run]:
    def run(name: str) -> Run:
        return lambda place: _in_thread(_workload, place, kind, name, 3)

    return {f"{name[0].upper()}{name[1:]}, on {kind}": run(name) for name in WORKLOADS}


PARTS: Final[dict[str, Run]] = {
    **_replays(SQLITE),
    "A state of 10,000 messages, on SQLite": lambda place: _in_thread(_long, place, SQLITE),
    "64 tasks, on SQLite": partial(_many, kind=SQLITE),
    "A chat of 400 messages, encrypted, on SQLite": partial(_in_thread, _encrypted),
    "Whole threads, on SQLite": partial(_in_thread, _others),
    **_replays(POSTGRES),
    "A state of 10,000 messages, on Postgres": lambda place: _in_thread(_long, place, POSTGRES),
    "64 tasks, on Postgres": partial(_many, kind=POSTGRES),
}
