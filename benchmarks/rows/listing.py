"""A page of twenty sessions: it must not matter how many sessions there are."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

from typing_extensions import override

from benchmarks.listing import LIMIT, OURS, filling
from benchmarks.row import Figure, Row, Setting, Stopwatch, Target
from benchmarks.sides import Side

COUNTS = (100, 1_000_000)
PAGE = 20
TIMES = 40
WAYS = ("first page", "later page", "of an owner", "with a tag")


class Listing(Row):
    """The first page, one in the middle, an owner's and a tag's, in files of 100 and of 1,000,000 sessions."""

    name = "list of sessions"
    sides: ClassVar[tuple[Side, ...]] = ("limit", "ours")
    figures: ClassVar = (
        *(Figure(f"{way}, of {count:,}", "ms") for way in WAYS for count in COUNTS),
        *(Figure(f"{way}, of {COUNTS[1]:,} / of {COUNTS[0]:,}", "", Target(2, "absolute")) for way in WAYS),
    )
    rounds = 7
    in_quick_run = False

    @staticmethod
    def file(setting: Setting, count: int) -> Path:
        """Where so many sessions are."""
        return setting.folder / f"{count}-sessions.db"

    @classmethod
    @override
    async def fill(cls, setting: Setting) -> None:
        for count in COUNTS:
            path = cls.file(setting, count)
            statements = LIMIT
            if setting.side == "ours":
                from sessions import open_store  # noqa: PLC0415 - each side imports its own

                async with open_store(f"sqlite:///{path}") as store:
                    await store.session("first").add_items([{"role": "user", "content": "Hello"}])
                    await store.delete("first")
                statements = OURS
            with closing(sqlite3.connect(path)) as connection, connection:
                for statement in filling(statements, count, end="char(1)", bytes_of="CAST({} AS BLOB)"):
                    connection.execute(statement)

    @override
    async def prepare(self) -> None:
        make = _ours if self.setting.side == "ours" else _limit
        self.ways = {count: await make(self.file(self.setting, count), count) for count in COUNTS}
        await self.sample()

    @override
    async def sample(self) -> dict[str, float]:
        return await sample(self.ways)


Ways = dict[str, Callable[[], Awaitable[list[Any]]]]
"""What reads each list."""


async def sample(ways: dict[int, Ways]) -> dict[str, float]:
    """The figures of `Listing`, from the lists of each count of sessions."""
    watches = {(way, count): Stopwatch() for way in WAYS for count in COUNTS}
    for _ in range(TIMES):
        for (way, count), watch in watches.items():
            with watch:
                found = await ways[count][way]()
            assert len(found) == PAGE
    times = {f"{way}, of {count:,}": watch.milliseconds for (way, count), watch in watches.items()}
    for way in WAYS:
        small, large = (watches[way, count].milliseconds for count in COUNTS)
        times[f"{way}, of {COUNTS[1]:,} / of {COUNTS[0]:,}"] = large / small
    return times


async def _ours(path: Path, count: int) -> Ways:
    from sessions import open_store  # noqa: PLC0415 - each side imports its own

    return ways_of(open_store(f"sqlite:///{path}"), count)


def ways_of(store: Any, count: int) -> Ways:
    """The lists of a store, on any database."""
    owner = "owner 0"
    middle = f"a{1_700_000_000_000_000 + count // 2 * 61_000_000}.{1 << 40}"
    return {
        "first page": lambda: store.sessions(archived=False, limit=PAGE),
        "later page": lambda: store.sessions(archived=False, limit=PAGE, after=middle),
        "of an owner": lambda: store.sessions(owner=owner, archived=False, limit=PAGE),
        "with a tag": lambda: store.sessions(tag="tag 0", limit=PAGE),
    }


async def _limit(path: Path, count: int) -> Ways:
    connection = sqlite3.connect(path)
    owner = "owner 0"
    middle = 1_700_000_000_000_000 + count // 2 * 61_000_000
    page = f"ORDER BY active_at DESC LIMIT {PAGE}"

    def way(where: str, *values: object) -> Callable[[], Awaitable[list[Any]]]:
        async def read() -> list[Any]:
            return connection.execute(f"SELECT * FROM sessions WHERE {where} {page}", values).fetchall()  # noqa: S608

        return read

    return {
        "first page": way("archived = 0"),
        "later page": way("archived = 0 AND active_at < ?", middle),
        "of an owner": way("owner = ? AND archived = 0", owner),
        "with a tag": way("tag = 'tag 0'"),
    }
