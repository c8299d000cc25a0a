"""The web pattern: each request makes a session object, reads the last 20 items, adds 2, and is done with it.

For the limit the tasks are called on the event loop and block it: with 64 of them it is as fast as with one,
and the fastest thing that commits every request by itself. Who lets waiting requests share a commit can beat it.

Objects of the SDK hold connections of their own and have to be closed. Ours share those of the process, so
closing is optional; what it costs with no other session on the file is a row of its own.
"""

import asyncio
from dataclasses import replace
from time import perf_counter
from typing import ClassVar

from typing_extensions import override

from benchmarks.row import Figure, Row, Target
from benchmarks.sides import SIDES, Conversation, Side

BEFORE = 40


class Web(Row):
    """One request after the other."""

    name = "web pattern, 1 task"
    figures: ClassVar[tuple[Figure, ...]] = (
        Figure("new object, last 20, add 2", "requests/s", Target(2), higher_is_better=True),
    )
    rounds = 7
    tasks: ClassVar[int] = 1
    closes: ClassVar[bool] = False
    milliseconds: ClassVar[int] = 500

    @override
    async def prepare(self) -> None:
        self.path = self.setting.folder / "web.db"
        for task in range(self.tasks):
            session = self.setting.open(f"chat-{task}", self.path)
            await session.add_items(self.setting.some(task * BEFORE, BEFORE))
            self._finish(session)
        await self.sample()

    @override
    async def sample(self) -> dict[str, float]:
        started = perf_counter()
        end = started + self.setting.pick(self.milliseconds, 100) / 1e3
        done = await asyncio.gather(*(self._requests(f"chat-{task}", end) for task in range(self.tasks)))
        return {"new object, last 20, add 2": sum(done) / (perf_counter() - started)}

    async def _requests(self, session_id: str, end: float) -> int:
        done = 0
        while perf_counter() < end:
            session = self.setting.open(session_id, self.path)
            items = await session.get_items(limit=20)
            assert len(items) == 20
            await session.add_items(self.setting.some(BEFORE + 2 * done, 2))
            self._finish(session)
            done += 1
        return done

    def _finish(self, session: Conversation) -> None:
        if self.closes or self.setting.side == "sdk":
            session.close()


class WebPinned(Web):
    """On one core waking another thread needs no other core to wake up."""

    name = "web pattern, 1 task, pinned to one core"
    figures: ClassVar = (Figure("new object, last 20, add 2", "requests/s", Target(1.5), higher_is_better=True),)
    pinned = True


class WebClosed(Web):
    """Nobody else uses the file, so each session that is closed is the last one."""

    name = "web pattern, 1 task, every session closed"
    figures: ClassVar = (
        Figure("new object, last 20, add 2", "requests/s", higher_is_better=True),
        Figure("a request that closes / one that does not", "", Target(1.2, "absolute")),
    )
    closes = True
    # Between two samples the file stays open, as it does when requests keep coming.
    milliseconds = 250

    @override
    async def prepare(self) -> None:
        await super().prepare()
        self.kept = Kept(replace(self.setting, folder=self.setting.folder / "kept"))
        self.kept.setting.folder.mkdir(exist_ok=True)
        await self.kept.prepare()

    @override
    async def sample(self) -> dict[str, float]:
        sample = await super().sample()
        if self.setting.side != "ours" or not hasattr(self, "kept"):
            return sample
        (closed,) = sample.values()
        (kept,) = (await self.kept.sample()).values()
        return {**sample, self.figures[1].key: kept / closed}


class Kept(Web):
    """What it is compared with."""

    milliseconds = 250


class Web64(Web):
    """64 requests at a time, of 64 conversations."""

    name = "web pattern, 64 tasks"
    figures: ClassVar = (
        Figure("new object, last 20, add 2", "requests/s", Target(2, "faster"), higher_is_better=True),
    )
    sides: ClassVar[tuple[Side, ...]] = ("grouped", *SIDES)
    tasks = 64


class Web64Pinned(Web64):
    """The same on one core."""

    name = "web pattern, 64 tasks, pinned to one core"
    figures: ClassVar = (
        Figure("new object, last 20, add 2", "requests/s", Target(2.5, "faster"), higher_is_better=True),
    )
    pinned = True
