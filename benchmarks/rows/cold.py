"""A conversation that nobody has read for long: its pages are on disk, and where they lie decides.

The file holds 1,000 conversations of 100 items that grew side by side, 2 items at a time. The kernel is asked
to forget it (`posix_fadvise`) before each read; only the operating system's cache is meant, a disk's own
stays warm.
"""

import asyncio
import json
import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import ClassVar

from typing_extensions import override

from benchmarks.limit import SCHEMA, encode
from benchmarks.row import Figure, Row, Setting, Stopwatch, Target

CONVERSATIONS = 1_000
LENGTH = 100
STEP = 2
READS = 3


class Cold(Row):
    """All 100 items of one conversation among 1,000, in a process that has opened the file already."""

    name = "cold read among 1,000 interleaved conversations"
    figures: ClassVar = (Figure("all 100 items", "ms", Target(1.2)), Figure("file", "MB"))
    rounds = 7
    fresh = True
    in_quick_run = False

    @classmethod
    @override
    async def fill(cls, setting: Setting) -> None:
        path = cls.path(setting)
        order = [conversation for conversation in range(CONVERSATIONS) for _ in range(LENGTH // STEP)]
        random.Random(1).shuffle(order)  # noqa: S311 - The same order on every side.
        match setting.side:
            case "ours":
                await _fill_by_appending(setting, path, order)
            case "sdk":
                setting.open("first", path).close()
                _fill_in_one_transaction(
                    setting,
                    path,
                    order,
                    "INSERT INTO agent_messages (session_id, message_data) VALUES (?, ?)",
                )
            case _:
                with closing(sqlite3.connect(path)) as connection:
                    connection.execute("PRAGMA journal_mode=WAL").fetchall()
                    connection.executescript(SCHEMA)
                _fill_in_one_transaction(setting, path, order, "INSERT INTO items (session, payload) VALUES (?, ?)")
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @classmethod
    def path(cls, setting: Setting) -> Path:
        """Beside the library, for it outlives the processes that fill it."""
        return setting.library.with_suffix(".interleaved.db")

    @override
    async def prepare(self) -> None:
        await self._read(0)
        path = self.path(self.setting)
        # Never closed: closing any descriptor of the file would drop SQLite's own locks in this process.
        self.handles = [os.open(file, os.O_RDWR) for file in path.parent.glob(f"{path.name}*")]

    @override
    async def sample(self) -> dict[str, float]:
        watch = Stopwatch()
        for conversation in random.sample(range(1, CONVERSATIONS), READS):
            _forget(self.handles)
            with watch:
                await self._read(conversation)
        return {"all 100 items": watch.milliseconds, "file": self.path(self.setting).stat().st_size / 1e6}

    async def _read(self, conversation: int) -> None:
        items = await self.setting.open(str(conversation), self.path(self.setting)).get_items()
        assert len(items) == LENGTH


async def _fill_by_appending(setting: Setting, path: Path, order: list[int]) -> None:
    turns = iter(order)
    sessions = [setting.open(str(conversation), path) for conversation in range(CONVERSATIONS)]

    async def task() -> None:
        for conversation in turns:
            await sessions[conversation].add_items(setting.some(conversation, STEP))

    await asyncio.gather(*(task() for _ in range(64)))


def _fill_in_one_transaction(setting: Setting, path: Path, order: list[int], statement: str) -> None:
    """Rows land on the same pages however many of them a transaction adds, and one sync is enough."""
    items = setting.some(0, CONVERSATIONS + STEP)
    encoded = [json.dumps(item) if setting.side == "sdk" else encode(item) for item in items]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            statement,
            ((str(conversation), encoded[conversation + step]) for conversation in order for step in range(STEP)),
        )


def _forget(handles: list[int]) -> None:
    for handle in handles:
        # Dirty pages are not forgotten.
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
