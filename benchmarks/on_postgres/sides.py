"""The three sides: the limit is raw asyncpg, ours and the SDK's are sessions over an engine, each with a pool of 15."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol, cast

import asyncpg
from agents.extensions.memory import SQLAlchemySession as SDKSession
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks import encrypted
from benchmarks.data import Item
from benchmarks.limit import decode, encode
from benchmarks.sides import Side
from sessions import SQLAlchemySession

POOL = 15


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
    encode: Callable[[Item], bytes] = staticmethod(encode)
    decode: Callable[[bytes], Any] = staticmethod(decode)

    def __init__(self, session_id: str, pool: "asyncpg.Pool[Any]") -> None:
        self.session_id = session_id
        self.pool = pool

    async def get_items(self, limit: int | None = None) -> list[Item]:
        """One SELECT."""
        decode = self.decode
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
        payloads = [self.encode(item) for item in items]
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
        return self.decode(rows[0][0]) if rows else None


class EncryptedLimitSession(LimitSession):
    """The limit, with each item's bytes encrypted."""

    encode = staticmethod(encrypted.encode)
    decode = staticmethod(encrypted.decode)


@dataclass
class Bench:
    """One side: how its sessions are made, and on which items they work."""

    side: Side
    make: Callable[[str], Session]
    items: list[Item]
    quick: bool
    encrypted: "Bench | None" = None
    default: "Bench | None" = None

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


async def execute(url: str, *statements: str) -> None:
    """Executes statements, each by itself."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


async def make_limits_table(url: str) -> None:
    """The others make theirs themselves."""
    await execute(url, "CREATE TABLE items (s text, p bigint, payload bytea, PRIMARY KEY (s, p))")


@asynccontextmanager
async def connected(side: Side, url: str, items: list[Item], *, quick: bool) -> AsyncIterator[Bench]:
    """One side, with a pool of its own."""
    if side == "limit":
        async with asyncpg.create_pool(url.replace("+asyncpg", ""), min_size=POOL, max_size=POOL) as pool:
            with_keys = Bench(side, lambda name: EncryptedLimitSession(f"encrypted-{name}", pool), items, quick)
            async with _ours_with_a_pool_of_15(url, items, quick=quick) as default:
                yield Bench(side, lambda name: LimitSession(name, pool), items, quick, with_keys, default)
        return
    # As `from_url` makes it for ours, and as asyncpg's own pool is.
    engine = create_async_engine(url, pool_size=POOL, max_overflow=0, pool_use_lifo=True)
    session = SQLAlchemySession if side == "ours" else SDKSession
    try:

        def make(name: str) -> Session:
            return session(name, engine=engine, create_tables=True)

        def make_encrypted(name: str) -> Session:
            name = f"encrypted-{name}"
            return cast("Session", encrypted.encrypted(side, name, make(name)))

        def make_by_default(name: str) -> Session:
            return session(name, engine=by_default, create_tables=True)

        by_default = create_async_engine(url)
        default = Bench(side, make_by_default, items, quick)
        yield Bench(side, make, items, quick, Bench(side, make_encrypted, items, quick), default)
        await by_default.dispose()
    finally:
        await engine.dispose()


@asynccontextmanager
async def _ours_with_a_pool_of_15(url: str, items: list[Item], *, quick: bool) -> AsyncIterator[Bench]:
    """What ours with `create_async_engine(url)` is compared with."""
    engine = create_async_engine(url, pool_size=POOL, max_overflow=0)
    yield Bench("limit", lambda name: SQLAlchemySession(name, engine=engine, create_tables=True), items, quick)
    await engine.dispose()
