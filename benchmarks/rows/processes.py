"""Four processes with sixteen tasks each append to one file for a while, as fast as they can.

How much goes through is half of it; the other half is whether everybody gets a turn: SQLite's own busy
handler sleeps and tries again, and who is out of luck sleeps for long. Afterwards the items are counted.
"""

import asyncio
import sqlite3
from time import perf_counter
from typing import ClassVar

from typing_extensions import override

from benchmarks.row import Figure, Row, Target

PROCESSES = 4
TASKS = 16
SESSIONS = 1_000
ITEMS = 2  # In each append.


class ProcessesOneSessionEach(Row):
    """Each of the 64 tasks keeps a session of its own."""

    name = "4 processes x 16 tasks appending, one session each"
    figures: ClassVar = (
        Figure("items added", "items/s", Target(3, "faster"), higher_is_better=True),
        Figure("worst wait", "ms", Target(50, "absolute")),
        Figure("smallest share / largest", "", higher_is_better=True),
        Figure("appends refused as locked", "", Target(0, "absolute")),
    )
    rounds = 5
    processes = PROCESSES

    @override
    async def prepare(self) -> None:
        self.path = self.setting.folder / "processes.db"
        self.acknowledged = 0
        self.keys = [f"chat-{self.setting.worker}-{task}" for task in range(TASKS)]
        # A kept object holds what a side keeps open: the file is warm before the race starts.
        self.kept = [self.setting.open(key, self.path) for key in self.keys]
        for session in self.kept:
            await session.add_items(self.setting.some(0, ITEMS))
            self.acknowledged += ITEMS

    @override
    async def sample(self) -> dict[str, float]:
        started = perf_counter()
        end = started + self.setting.pick(2_000, 300) / 1e3
        tasks = await asyncio.gather(*(self._append(task, end) for task in range(TASKS)))
        added = sum(done for done, _, _ in tasks) * ITEMS
        self.acknowledged += added
        return {
            "added": added,
            "seconds": perf_counter() - started,
            "worst": max(worst for _, worst, _ in tasks),
            "refused": sum(refused for _, _, refused in tasks),
        }

    async def _append(self, task: int, end: float) -> tuple[int, float, int]:
        done, worst, refused = 0, 0.0, 0
        now = perf_counter()
        while now < end:
            try:
                await self._append_once(task, done)
                done += 1
            except sqlite3.OperationalError:
                refused += 1
            before, now = now, perf_counter()
            worst = max(worst, now - before)
        return done, worst, refused

    async def _append_once(self, task: int, done: int) -> None:
        await self.kept[task].add_items(self.setting.some(ITEMS * done, ITEMS))

    @classmethod
    @override
    def combine(cls, parts: list[dict[str, float]]) -> dict[str, float]:
        added = [part["added"] for part in parts]
        return {
            "items added": sum(added) / max(part["seconds"] for part in parts),
            "worst wait": max(part["worst"] for part in parts) * 1e3,
            "smallest share / largest": min(added) / max(added),
            "appends refused as locked": sum(part["refused"] for part in parts),
        }

    @override
    def written(self) -> int:
        return self.acknowledged

    @override
    async def stored(self) -> int:
        return await self._count([f"chat-{n}-{task}" for n in range(PROCESSES) for task in range(TASKS)])

    async def _count(self, keys: list[str]) -> int:
        count = 0
        for key in keys:
            session = self.setting.open(key, self.path)
            count += len(await session.get_items())
            session.close()
        return count


class ProcessesManySessions(ProcessesOneSessionEach):
    """Each append makes a session object for one of 1,000 conversations, which all processes share."""

    name = "4 processes x 16 tasks appending, 1,000 sessions"
    rounds = 5

    async def _append_once(self, task: int, done: int) -> None:
        # Coprime to the number of sessions: all are visited, and what follows in time lies apart.
        number = (self.setting.worker * 250 + task * 61 + done * 37) % SESSIONS
        session = self.setting.open(f"shared-{number}", self.path)
        try:
            await session.add_items(self.setting.some(ITEMS * done, ITEMS))
        finally:
            session.close()

    @override
    async def stored(self) -> int:
        shared = await self._count([f"shared-{number}" for number in range(SESSIONS)])
        return shared + await super().stored()
