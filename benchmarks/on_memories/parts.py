"""The parts of the page: which workloads run on which database, with how many memories."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from langgraph.store.memory import InMemoryStore
from langgraph.store.postgres.aio import AsyncPostgresStore
from langgraph.store.sqlite.aio import AsyncSqliteStore

from benchmarks.measured import LIMIT, OURS, Measured
from benchmarks.on_memories import by_key, peers, scale, searches
from benchmarks.on_memories.data import Data
from benchmarks.on_memories.mariadb import limit_on_mariadb
from benchmarks.pages import MARIADB, POSTGRES, SQLITE
from benchmarks.row import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.pages import Place, Run

IN_MEMORY: Final = "InMemoryStore"


_KEY_TARGETS: Final[dict[str, dict[str, Target]]] = {
    SQLITE: {
        "put, 1 task": Target(1.5), "put, 64 tasks": Target(5, "faster"), "get": Target(4),
        "10 of a namespace": Target(3), "the latest 10 of a namespace": Target(3),
    },
    POSTGRES: {
        "put, 1 task": Target(1.4), "put, 64 tasks": Target(1), "get": Target(1.2), "10 of a namespace": Target(1.3),
        "the latest 10 of a namespace": Target(1.3),
    },
    MARIADB: {},
}  # fmt: skip


def keyed(kind: str) -> Run:
    """Return the part of puts and reads by key on a database."""

    async def run(place: Place) -> list[Measured]:
        count, rounds, times = place.pick(10_000, 1_000), place.pick(5, 2), place.pick(200, 20)
        url = place.new_database(kind)
        async with AsyncExitStack() as stack:
            sides: dict[str, by_key.Kept] = {}
            if kind == SQLITE:
                sides[LIMIT] = await stack.enter_async_context(by_key.limit_on_sqlite(place.folder, count))
            elif kind == POSTGRES:
                sides[LIMIT] = await stack.enter_async_context(
                    by_key.limit_on_postgres(place.new_database(kind), count)
                )
            else:
                sides[LIMIT] = await stack.enter_async_context(limit_on_mariadb(place.new_database(kind), count))
            sides[OURS] = await stack.enter_async_context(by_key.ours(url, count))
            for name, store in (await _of_langgraph(kind, place, stack)).items():
                sides[name] = await by_key.of_langgraph(store, count)
            found = await by_key.measure(sides, rounds, times)
        return [Measured(figure, samples, _KEY_TARGETS[kind].get(figure)) for figure, samples in found.items()]

    return run


async def _of_langgraph(kind: str, place: Place, stack: AsyncExitStack) -> dict[str, Any]:
    """Open LangGraph's stores that belong beside a database, without an index of meanings."""
    if kind == SQLITE:
        path = str(place.folder / "langgraph.db")
        sqlite = await stack.enter_async_context(AsyncSqliteStore.from_conn_string(path))
        await sqlite.setup()
        return {"AsyncSqliteStore": sqlite, IN_MEMORY: InMemoryStore()}
    if kind == POSTGRES:
        url = place.new_database(kind).replace("postgresql+asyncpg", "postgresql")
        postgres = await stack.enter_async_context(AsyncPostgresStore.from_conn_string(url))
        await postgres.setup()
        return {"AsyncPostgresStore": postgres}
    return {}


def among_many(kind: str) -> Run:
    """Return the part of reads among 100,000 memories on a database."""

    async def run(place: Place) -> list[Measured]:
        count, rounds = place.pick(100_000, 2_000), place.pick(3, 1)
        found: list[Measured] = []
        for namespaces in (1, count // 10):
            among = scale.Among(count, namespaces)
            folder = place.folder / f"{namespaces}"
            folder.mkdir()
            here = place._replace(folder=folder)
            async with AsyncExitStack() as stack:
                sides: dict[str, Any] = {}
                if kind == SQLITE:
                    sides[LIMIT] = await stack.enter_async_context(scale.limit_on_sqlite(folder, among))
                elif kind == POSTGRES:
                    url = place.new_database(kind)
                    sides[LIMIT] = await stack.enter_async_context(scale.limit_on_postgres(url, among))
                sides[OURS] = await stack.enter_async_context(scale.ours(place.new_database(kind), among))
                for name, store in (await _of_langgraph(kind, here, stack)).items():
                    sides[name] = await scale.of_langgraph(store, among)
                found += await scale.reads(sides, among, rounds, on_server=kind != SQLITE)
        return found

    return run


class Searched(NamedTuple):
    """What is searched.

    Attributes:
        memories: The number of memories.
        dims: The dimensions of their vectors.
        layouts: The numbers of namespaces.
        has_peers: Whether LangGraph's stores search the same.
    """

    memories: int
    dims: int
    layouts: tuple[int, ...] = (10,)
    has_peers: bool = False


def search(kind: str, wanted: Searched) -> Run:
    """Return a part of searches on a database."""

    async def run(place: Place) -> list[Measured]:
        data = Data(place.pick(wanted.memories, 2_000), wanted.dims)
        ours = searches.Ours(place.new_database(kind), data)
        found: list[Measured] = []
        async with AsyncExitStack() as stack:
            others = await _searching_peers(kind, place, data, stack) if wanted.has_peers else {}
            for number, namespaces in enumerate(wanted.layouts):
                layout = searches.Layout(f"p{namespaces}", min(namespaces, len(data) // 10))
                found += await searches.put_all(ours, layout, on_server=kind != SQLITE)
                found += await searches.warm(
                    ours, layout, place.pick(7, 1), {} if number else others, on_server=kind != SQLITE
                )
                found += await searches.cold(ours, layout, place.pick(3, 1))
                if others and not number:
                    found += searches.beside(found, layout, len(data))
                    found += await searches.recall(ours, layout, others)
        return found

    return run


async def _searching_peers(kind: str, place: Place, data: Data, stack: AsyncExitStack) -> Mapping[str, Any]:
    if kind == POSTGRES:
        url = place.new_database(kind)
        return {"PostgresStore": await stack.enter_async_context(peers.on_postgres(url, data))}
    found = {IN_MEMORY: await stack.enter_async_context(peers.in_memory(data))}
    python = peers.python_with_extensions()
    if python is not None:
        found["SqliteStore"] = await stack.enter_async_context(peers.on_sqlite(place.folder, data, python))
    return found


PARTS: Final[dict[str, Run]] = {
    **{f"By key, on {kind}": keyed(kind) for kind in (SQLITE, POSTGRES, MARIADB)},
    **{f"Among 100,000, on {kind}": among_many(kind) for kind in (SQLITE, POSTGRES, MARIADB)},
    "Search of 100,000 with 384 dimensions, on SQLite": search(
        SQLITE, Searched(100_000, 384, (10, 10_000), has_peers=True)
    ),
    "Search of 20,000 with 384 dimensions, on Postgres": search(POSTGRES, Searched(20_000, 384, has_peers=True)),
    **{
        f"Search of 100,000 with 384 dimensions, on {kind}": search(kind, Searched(100_000, 384))
        for kind in (POSTGRES, MARIADB)
    },
    **{
        f"Search of 10,000 with {dims:,} dimensions, on {kind}": search(kind, Searched(10_000, dims))
        for dims in (256, 384, 1_536)
        for kind in (SQLITE, POSTGRES, MARIADB)
    },
    **{
        f"Search of 100,000 with {dims:,} dimensions, on {kind}": search(kind, Searched(100_000, dims))
        for dims in (256, 1_536)
        for kind in (SQLITE, POSTGRES)
    },
}
"""All parts, in the order of the page."""
