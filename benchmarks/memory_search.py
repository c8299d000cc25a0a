"""Searches of memories, beside numpy and LangGraph's stores, in one run. Prints a table in Markdown.

python -m benchmarks.memory_search [--memories 100000] [--dims 384] [--url postgresql+asyncpg://…] [--peers]

Every figure is the best of some searches for the ten best. `limit` is numpy alone: one product of the matrix and the
query, and the ten largest. LangGraph's SqliteStore needs a Python whose sqlite3 loads extensions, and its PostgresStore
needs pgvector; what is missing is left out, and said.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sessions import Embedder, open_store
from sessions.types.memories import Put

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_WORDS: Final = [
    f"{a}{b}" for a in ("kar", "lum", "sel", "tov", "rin", "dap", "mos", "vel") for b in "abcdefghijklmnopqrst"
]
_ROUNDS: Final = 7


class Data:
    """Memories with vectors in clusters, and texts of 40 words whose frequencies follow a power law."""

    def __init__(self, count: int, dims: int) -> None:
        random = np.random.default_rng(7)
        centers = random.standard_normal((max(count // 100, 1), dims)).astype(np.float32)
        noise = random.standard_normal((count, dims)).astype(np.float32)
        self.vectors = centers[random.integers(0, len(centers), count)] + 0.7 * noise
        self.vectors /= np.linalg.norm(self.vectors, axis=1, keepdims=True)
        ranks = np.minimum((random.pareto(0.8, (count, 40)) * 3).astype(int), len(_WORDS) - 1)
        self.texts = [f"m{number} " + " ".join(_WORDS[rank] for rank in row) for number, row in enumerate(ranks)]
        self.query = self.vectors[5] + 0.3 * random.standard_normal(dims).astype(np.float32) / np.sqrt(dims)
        self.query /= np.linalg.norm(self.query)
        self.asked = " ".join(_WORDS[rank] for rank in (0, 4, 20, 60, 110))

    def embed(self, texts: list[str]) -> Any:
        """Return the vectors of texts that begin with a memory's number; the query's for others."""
        return np.stack([self._vector(text) for text in texts])

    def _vector(self, text: str) -> Any:
        number = text.partition(" ")[0][1:]
        return self.vectors[int(number)] if text.startswith("m") and number.isdigit() else self.query

    def exact(self) -> list[int]:
        """Return the ten nearest memories."""
        scores = self.vectors @ self.query
        best = np.argpartition(-scores, 10)[:10]
        return [int(one) for one in best[np.argsort(-scores[best])]]


async def best_of(run: Callable[[], Awaitable[Any]], rounds: int = _ROUNDS) -> tuple[float, Any]:
    """Return the shortest duration of some runs, in milliseconds, and the last result."""
    times, result = [], None
    for _ in range(rounds):
        began = time.perf_counter()
        result = await run()
        times.append((time.perf_counter() - began) * 1000)
    return min(times), result


class Bench:
    """The searches of one database, and their table."""

    def __init__(self, data: Data, url: str) -> None:
        self.data = data
        self.url = url
        embedder = Embedder(documents=data.embed, name="bench", batch=512)
        self.options: dict[str, Any] = {
            "embed": embedder, "embed_fields": ["text"], "memory_cache": 4 * 2**30, "create_tables": True,
        }  # fmt: skip

    def open(self) -> Any:
        """Open the store."""
        return open_store(self.url, **self.options)

    def note(self, name: str, milliseconds: float, remark: str = "") -> None:
        """Print a row."""
        print(f"| {name} | {milliseconds:,.2f} | {remark} |", flush=True)

    async def fill(self, prefix: str, spaces: int) -> None:
        """Put all memories below a prefix, in some namespaces."""
        texts = self.data.texts
        began = time.perf_counter()
        async with self.open() as store:
            for first in range(0, len(texts), 1000):
                numbers = range(first, min(first + 1000, len(texts)))
                puts = [Put((prefix, f"n{n * spaces // len(texts)}"), f"{n}", {"text": texts[n]}) for n in numbers]
                await store.memories.put_many(puts)
        seconds = time.perf_counter() - began
        self.note(f"put_many of 1,000, a memory ({spaces:,} namespaces)", seconds / len(texts) * 1000)

    async def searches(self, prefix: str, spaces: int, limit: float) -> None:
        """Search below a prefix in all ways."""
        data, of = self.data, f"{spaces:,} namespaces"
        async with self.open() as store:
            mine = store.memories.under((prefix,))
            await self._cold(mine, of)
            warm, found = await best_of(lambda: mine.search(query="what", mode="vector"))
            recall = len({int(one.key) for one in found} & set(data.exact())) / 10
            self.note(f"by meaning, warm ({of})", warm, f"{warm / limit:.2f} times limit; recall {recall:.2f}")
            both, _ = await best_of(lambda: mine.search(query=data.asked))
            self.note(f"by both, warm ({of})", both, f"{both / limit:.2f} times limit")
            text, _ = await best_of(lambda: mine.search(query=data.asked, mode="text"))
            self.note(f"by words, warm ({of})", text)
            behind = []
            for _ in range(_ROUNDS):
                await mine.put(("n0",), "0", {"text": data.texts[0]})
                began = time.perf_counter()
                await mine.search(query=data.asked)
                behind.append((time.perf_counter() - began) * 1000)
            self.note(f"by both, right behind a put ({of})", min(behind), f"{min(behind) / both:.2f} times warm")
            tenth, _ = await best_of(lambda: mine.search(("n0",), query=data.asked))
            self.note(f"by both, in one of them, warm ({of})", tenth)

    async def _cold(self, mine: Any, of: str) -> None:
        waits: list[float] = []
        is_over = asyncio.Event()

        async def read() -> None:
            while not is_over.is_set():
                began = time.perf_counter()
                await mine.get(("n0",), "0")
                waits.append((time.perf_counter() - began) * 1000)
                await asyncio.sleep(0.001)

        await mine.get(("n0",), "0")
        reader = asyncio.create_task(read())
        began = time.perf_counter()
        await mine.search(query=self.data.asked)
        cold = (time.perf_counter() - began) * 1000
        is_over.set()
        await reader
        each = cold * 1000 / len(self.data.texts)
        self.note(f"by both, cold ({of})", cold, f"{each:.1f} µs a memory; a get waits {max(waits):.1f} ms at most")


async def peers(data: Data, bench: Bench) -> None:
    """Search with LangGraph's stores."""
    from langgraph.store.memory import InMemoryStore  # noqa: PLC0415 - if they are asked for

    index: Any = {"dims": data.vectors.shape[1], "embed": data.embed, "fields": ["text"]}
    store = InMemoryStore(index=index)
    for number, text in enumerate(data.texts):
        store.put(("all", f"n{number % 10}"), f"{number}", {"text": text})

    async def search() -> Any:
        return store.search(("all",), query="what", limit=10)

    bench.note("LangGraph's InMemoryStore, by meaning", (await best_of(search, 3))[0])
    if not hasattr(sqlite3.Connection, "enable_load_extension"):
        print("LangGraph's SqliteStore is left out: this Python's sqlite3 loads no extensions.")
    print("LangGraph's PostgresStore is left out: it needs pgvector, which is not installed here.")


async def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--memories", type=int, default=100_000)
    parser.add_argument("--dims", type=int, default=384)
    parser.add_argument("--url")
    parser.add_argument("--peers", action="store_true")
    given = parser.parse_args()
    data = Data(given.memories, given.dims)
    print(f"{given.memories:,} memories, {given.dims} dimensions\n\n| search | ms | |\n| --- | ---: | --- |")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(data, given.url or f"sqlite:///{Path(folder) / 'bench.db'}")

        async def limit() -> Any:
            return data.exact()

        limit_ms, _ = await best_of(limit)
        bench.note("limit: numpy", limit_ms)
        for prefix, spaces in (("one", 1), ("ten", 10), ("many", given.memories // 10)):
            await bench.fill(prefix, spaces)
            await bench.searches(prefix, spaces, limit_ms)
        if given.peers:
            await peers(data, bench)


if __name__ == "__main__":
    asyncio.run(main())
