"""Searches of memories by meaning and by both, warm, cold, and right behind a put."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from time import perf_counter, thread_time
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg
import msgspec

from benchmarks.measured import LIMIT, OURS, Measured, interleaved
from benchmarks.on_memories.data import TEN
from benchmarks.on_memories.peers import PREFIX
from benchmarks.row import Target
from sessions import Embedder, open_store
from sessions.types.memories import Put

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.measured import Side
    from benchmarks.on_memories.data import Data
    from sessions import Memories, Store

COLD_TARGET = Target(12, "absolute")
WAIT_TARGET = Target(20, "absolute")
_OF_PEERS = {"SqliteStore": 1 / 20, "InMemoryStore": 1 / 100}
"""The most of a peer's time that a search by meaning should take."""


class Layout(NamedTuple):
    """How memories are spread over namespaces below one prefix."""

    prefix: str
    namespaces: int

    def namespace(self, number: int, count: int) -> tuple[str, ...]:
        """Return the namespace of a memory: neighbours have the same."""
        return (self.prefix, f"n{number * self.namespaces // count}")

    @property
    def words(self) -> str:
        """Say it."""
        return "one namespace" if self.namespaces == 1 else f"{self.namespaces:,} namespaces"


class Ours:
    """Our memories in one database.

    Args:
        url: The database.
        data: The memories.
    """

    def __init__(self, url: str, data: Data) -> None:
        self.url = url
        self.data = data

    def open(self) -> Store:
        """Open the store, with an empty cache."""
        embedder = Embedder(documents=self.data.embed, name="bench", batch=512)
        options: dict[str, Any] = {"embed": embedder, "embed_fields": ["text"], "memory_cache": 4 * 2**30}
        return open_store(self.url, create_tables=True, **options)

    async def fill(self, layout: Layout) -> float:
        """Put all memories; return the milliseconds for each."""
        texts, count = self.data.texts, len(self.data)
        began = perf_counter()
        async with self.open() as store:
            for first in range(0, count, 1_000):
                numbers = range(first, min(first + 1_000, count))
                await store.memories.put_many(
                    [Put(layout.namespace(one, count), str(one), {"text": texts[one]}) for one in numbers]
                )
        return 1_000 * (perf_counter() - began) / count


async def put_all(ours: Ours, layout: Layout, *, on_server: bool) -> list[Measured]:
    """Put all memories, and measure how long that takes, and their bytes on the disk."""
    before = await _size(ours.url)
    taken = await ours.fill(layout)
    found = [Measured(f"put_many of 1,000, {layout.words}", {OURS: [taken]}, None, "ms a memory")]
    if before is not None and (after := await _size(ours.url)) is not None:
        data, count = ours.data, len(ours.data)
        payloads = sum(len(msgspec.json.encode({"text": text})) for text in data.texts)
        least = payloads / count + 2 * data.vectors.shape[1] + 200
        sizes = {LIMIT: [least], OURS: [(after - before) / count]}
        found.append(Measured(f"on disk, {layout.words}", sizes, Target(1.3 if on_server else 1.2), "bytes a memory"))
    return found


async def _size(url: str) -> int | None:
    """Return the bytes of a closed database on the disk; ``None`` on MariaDB, which only estimates them."""
    if url.startswith("sqlite:"):
        path = Path(url.removeprefix("sqlite:///"))
        return sum(one.stat().st_size for one in path.parent.glob(f"{path.name}*"))
    if not url.startswith("postgresql"):
        return None
    connection = await asyncpg.connect(url.replace("postgresql+asyncpg", "postgresql"))
    try:
        return int(await connection.fetchval("select pg_database_size(current_database())"))
    finally:
        await connection.close()


async def warm(ours: Ours, layout: Layout, rounds: int, peers: Mapping[str, Any], *, on_server: bool) -> list[Measured]:
    """Measure searches of a process that has searched before."""
    data = ours.data
    async with ours.open() as store:
        mine = store.memories.under((layout.prefix,))

        async def exact(_: int) -> object:
            return data.exact()

        async def one_of_them(_: int) -> object:
            return data.exact(slice(0, max(TEN + 1, len(data) // layout.namespaces)))

        sides: dict[str, Side] = {
            LIMIT: {"by meaning": exact, "by both": exact, "by meaning, in one of them": one_of_them},
            OURS: {
                "by meaning": lambda _: mine.search(query="what", mode="vector"),
                "by both": lambda _: mine.search(query=data.asked),
                "by words": lambda _: mine.search(query=data.asked, mode="text"),
                "by meaning, in one of them": lambda _: mine.search(("n0",), query="what", mode="vector"),
            },
            **{name: {"by meaning": _all(search)} for name, search in peers.items()},
        }
        found = await interleaved(sides, rounds, brief=frozenset(peers))
        if layout.namespaces == 1:
            del found["by meaning, in one of them"]
        targets = {"by meaning": Target(1.5 if on_server else 1.3), "by both": Target(2)}
        figures = [Measured(f"{name}, {layout.words}", samples, targets.get(name)) for name, samples in found.items()]
        return [*figures, await _behind_a_put(mine, data, layout, rounds)]


def _all(search: Any) -> Any:
    return lambda _: search((PREFIX,))


async def _behind_a_put(mine: Memories, data: Data, layout: Layout, rounds: int) -> Measured:
    """Measure searches right behind a put, as multiples of those that found nothing new."""
    multiples = []
    for number in range(rounds):
        namespace = layout.namespace(number, len(data))[1:]
        began = perf_counter()
        await mine.search(query=data.asked)
        middle = perf_counter()
        await mine.put(namespace, str(number), {"text": data.texts[number]})
        put = perf_counter()
        await mine.search(query=data.asked)
        multiples.append((perf_counter() - put) / (middle - began))
    return Measured(
        f"by both, right behind a put, {layout.words}", {OURS: multiples}, Target(2, "absolute"), "x one before it"
    )


async def cold(ours: Ours, layout: Layout, rounds: int) -> list[Measured]:
    """Measure the first search of a process, and how long others wait meanwhile, at the longest.

    A reader's wait is measured without a search, too. How long the event loop is held is processor time: other work of
    the machine does not count.
    """
    each: list[float] = []
    held: list[float] = []
    waits: dict[str, list[float]] = {LIMIT: [], OURS: []}
    for _ in range(rounds):
        async with ours.open() as store:
            mine = store.memories.under((layout.prefix,))
            await mine.get(("n0",), "0")
            began = perf_counter()
            waits[OURS].append(await _longest_wait(mine, mine.search(query=ours.data.asked)))
            taken = perf_counter() - began
            each.append(1e6 * taken / len(ours.data))
            waits[LIMIT].append(await _longest_wait(mine, asyncio.sleep(taken)))
        async with ours.open() as store:
            mine = store.memories.under((layout.prefix,))
            await mine.get(("n0",), "0")
            held.append(await _longest_hold(mine.search(query=ours.data.asked)))
    return [
        Measured(f"the first search of a process, {layout.words}", {OURS: each}, COLD_TARGET, "µs a memory"),
        Measured(f"the longest wait of a reader meanwhile, {layout.words}", waits, WAIT_TARGET),
        Measured(f"the longest hold of the event loop meanwhile, {layout.words}", {OURS: held}, WAIT_TARGET),
    ]


async def _longest_wait(mine: Memories, meanwhile: Any) -> float:
    """Return how many milliseconds a `get` took at the longest, of those that were called one after the other."""
    waits = [0.0]
    is_over = asyncio.Event()

    async def read() -> None:
        while not is_over.is_set():
            began = perf_counter()
            await mine.get(("n0",), "0")
            waits.append(1_000 * (perf_counter() - began))
            await asyncio.sleep(0.001)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read())
        await meanwhile
        is_over.set()
    return max(waits)


async def _longest_hold(meanwhile: Any) -> float:
    """Return for how many milliseconds of processor time the event loop ran without a turn for others."""
    holds = [0.0]
    is_over = asyncio.Event()

    async def tick() -> None:
        last = thread_time()
        while not is_over.is_set():
            await asyncio.sleep(0)
            now = thread_time()
            holds.append(1_000 * (now - last))
            last = now

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(tick())
        await meanwhile
        is_over.set()
    return max(holds)


def beside(found: list[Measured], layout: Layout, count: int) -> list[Measured]:
    """Compare searches by meaning, warm and cold, with those of LangGraph's stores, as multiples of theirs."""
    samples = {one.name: one.samples for one in found}
    warm = samples[f"by meaning, {layout.words}"]
    multiples: list[Measured] = []
    for peer, most in _OF_PEERS.items():
        if peer in warm:
            theirs = median(warm[peer])
            own = [one / theirs for one in warm[OURS]]
            multiples.append(
                Measured(f"by meaning, beside {peer}", {OURS: own}, Target(most, "absolute"), "x its time")
            )
    if "SqliteStore" in warm:
        theirs = median(warm["SqliteStore"])
        own = [one * count / 1_000 / theirs for one in samples[f"the first search of a process, {layout.words}"][OURS]]
        multiples.append(
            Measured("the first search, beside any of SqliteStore", {OURS: own}, Target(1.5, "absolute"), "x its time")
        )
    return multiples


async def recall(ours: Ours, layout: Layout, peers: Mapping[str, Any]) -> list[Measured]:
    """Count how many of the ten nearest memories searches find, below the whole prefix and in one namespace of it."""
    data, count = ours.data, len(ours.data)
    tenth = slice(0, count // layout.namespaces)
    wholly: dict[str, list[float]] = {}
    partly: dict[str, list[float]] = {}
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(ours.open())
        mine = store.memories.under((layout.prefix,))
        found = await mine.search(query="what", mode="vector")
        wholly[OURS] = [float(len({int(one.key) for one in found} & data.exact()))]
        found = await mine.search(("n0",), query="what", mode="vector")
        partly[OURS] = [float(len({int(one.key) for one in found} & data.exact(tenth)))]
        for name, search in peers.items():
            wholly[name] = [float(len(set(await search((PREFIX,))) & data.exact()))]
            partly[name] = [float(len(set(await search((PREFIX, "n0"))) & data.exact(tenth)))]
    return [
        Measured("of the ten nearest, found below the prefix", wholly, None, ""),
        Measured(f"of the ten nearest, found in one of {layout.namespaces} namespaces", partly, None, ""),
    ]
