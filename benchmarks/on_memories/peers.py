"""LangGraph's stores, which search by meaning: each searches the same memories, and tells how long that took."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from langgraph.store.base import PutOp
from langgraph.store.memory import InMemoryStore
from langgraph.store.postgres.aio import AsyncPostgresStore

from benchmarks.data import ROOT
from benchmarks.on_memories.data import TEN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from benchmarks.on_memories.data import Data

_BATCH: Final = 500
PREFIX: Final = "all"
NAMESPACES: Final = 10


def operations(data: Data) -> list[list[PutOp]]:
    """Return the puts of all memories, in batches."""
    count = len(data)
    puts = [
        PutOp((PREFIX, f"n{number * NAMESPACES // count}"), str(number), {"text": text})
        for number, text in enumerate(data.texts)
    ]
    return [puts[first : first + _BATCH] for first in range(0, count, _BATCH)]


def index_of(data: Data) -> Any:
    """Return how a store is to embed. SqliteStore reads `text_fields` in place of `fields`."""
    return {"dims": data.vectors.shape[1], "embed": data.lists, "fields": ["text"], "text_fields": ["text"]}


@asynccontextmanager
async def in_memory(data: Data) -> AsyncIterator[Any]:
    """LangGraph's InMemoryStore."""
    store = InMemoryStore(index=index_of(data))
    for batch in operations(data):
        store.batch(batch)

    async def search(prefix: tuple[str, ...]) -> list[int]:
        return [int(one.key) for one in store.search(prefix, query="what", limit=TEN)]

    yield search


@asynccontextmanager
async def on_postgres(url: str, data: Data) -> AsyncIterator[Any]:
    """LangGraph's PostgresStore, with the approximate index that it makes by default."""
    plain = url.replace("postgresql+asyncpg", "postgresql")
    async with AsyncPostgresStore.from_conn_string(plain, index=index_of(data)) as store:
        await store.setup()
        for batch in operations(data):
            await store.abatch(batch)

        async def search(prefix: tuple[str, ...]) -> list[int]:
            return [int(one.key) for one in await store.asearch(prefix, query="what", limit=TEN)]

        yield search


def python_with_extensions() -> str | None:
    """Return a Python of this version whose `sqlite3` loads extensions; ``None`` if there is none."""
    if hasattr(sqlite3.Connection, "enable_load_extension"):
        return sys.executable
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    system = Path(f"/usr/bin/python{version}")
    if not system.exists():
        return None
    program = "import sqlite3; sqlite3.Connection.enable_load_extension"
    done = subprocess.run([system, "-c", program], capture_output=True, check=False)  # noqa: S603 - our own
    return None if done.returncode else str(system)


@asynccontextmanager
async def on_sqlite(folder: Path, data: Data, python: str) -> AsyncIterator[Any]:
    """LangGraph's SqliteStore, in a process of its own: not every Python can load its extension."""
    packages = [path for path in sys.path if path.endswith("site-packages")]
    child = await asyncio.create_subprocess_exec(
        python, "-m", "benchmarks.on_memories.sqlite_child", str(folder / "peer.db"), str(len(data)),
        str(data.vectors.shape[1]), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT,
        env={"PYTHONPATH": ":".join([str(ROOT), *packages]), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    requests, answers = child.stdin, child.stdout

    async def search(prefix: tuple[str, ...]) -> list[int]:
        requests.write(msgspec.json.encode(prefix) + b"\n")
        await requests.drain()
        return msgspec.json.decode(await answers.readline(), type=list[int])

    assert await answers.readline() == b"ready\n"
    try:
        yield search
    finally:
        requests.close()
        await child.wait()
