"""Exports and imports: time for each entry, and memory, must not depend on how many entries there are."""

import asyncio
from collections.abc import Awaitable
from typing import Any, ClassVar

from typing_extensions import override

from benchmarks.memory import peak_rise
from benchmarks.row import Figure, Row, Setting, Stopwatch, Target
from benchmarks.sides import Side
from sessions import open_store

COUNTS = (10_000, 1_000_000)
PAGE = 10_000
WAYS = ("export", "import")


class Exports(Row):
    """Conversations of 10,000 and of 1,000,000 recorded messages, as lines of JSON; neither other side has exports."""

    name = "export and import"
    sides: ClassVar[tuple[Side, ...]] = ("ours",)
    figures: ClassVar = (
        *(Figure(f"{way}, of {count:,}", "µs/message") for way in WAYS for count in COUNTS),
        *(Figure(f"{way}, memory of {count:,}", "MB") for way in WAYS for count in COUNTS),
        *(Figure(f"{way}, of {COUNTS[1]:,} / of {COUNTS[0]:,}", "", Target(1.5, "absolute")) for way in WAYS),
    )
    rounds = 3
    in_quick_run = False

    @classmethod
    @override
    async def fill(cls, setting: Setting) -> None:
        async with open_store(f"sqlite:///{setting.folder}/source.db", durability="normal") as store:
            for count in COUNTS:
                session = store.session(f"{count}")
                for first in range(0, count, PAGE):
                    await session.add_items(setting.some(first, PAGE))

    @override
    async def prepare(self) -> None:
        await self._measure(COUNTS[0])

    @override
    async def sample(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for count in COUNTS:
            for way, (seconds, megabytes) in (await self._measure(count)).items():
                found[f"{way}, of {count:,}"] = seconds / count * 1e6
                found[f"{way}, memory of {count:,}"] = megabytes
        for way in WAYS:
            few, many = (found[f"{way}, of {count:,}"] for count in COUNTS)
            found[f"{way}, of {COUNTS[1]:,} / of {COUNTS[0]:,}"] = many / few
        return found

    async def _measure(self, count: int) -> dict[str, tuple[float, float]]:
        folder = self.setting.folder
        path, target = folder / f"{count}.jsonl", folder / f"{count}.db"
        async with (
            open_store(f"sqlite:///{folder}/source.db") as store,
            open_store(f"sqlite:///{target}", durability="normal") as other,
        ):
            await other.count()
            found = {
                "export": await _taken(store.export_sessions(path, [f"{count}"])),
                "import": await _taken(other.import_sessions(path)),
            }
        for file in (path, *folder.glob(f"{target.name}*")):
            await asyncio.to_thread(file.unlink)
        return found


async def _taken(work: Awaitable[Any]) -> tuple[float, float]:
    """How many seconds and megabytes some work takes."""
    watch = Stopwatch()
    with peak_rise() as rise, watch:
        await work
    return watch.times[0], rise.megabytes
