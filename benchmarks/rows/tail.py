"""The last 50 items: what a chat shows first. It must not matter how long the conversation is."""

from typing import ClassVar

from typing_extensions import override

from benchmarks.row import Figure, Row, Setting, Stopwatch, Target
from benchmarks.rows import long

LENGTHS = (1_000, 100_000, 1_000_000)
READS = 200


class Tail(Row):
    """Last 50 of 1,000, of 100,000 and of 1,000,000 items, all in one file."""

    name = "last 50"
    figures: ClassVar = (
        Figure("of 1,000", "ms", Target(2)),
        Figure("of 100,000", "ms", Target(2)),
        Figure("of 1,000,000", "ms", Target(2)),
        Figure("longest / shortest", "", Target(1.25, "absolute")),
    )
    rounds = 11

    @classmethod
    def lengths(cls, setting: Setting) -> tuple[int, ...]:
        """A quick run leaves out the long ones: making them takes longer than all the rest."""
        return LENGTHS[: setting.pick(3, 1)]

    @classmethod
    @override
    async def fill(cls, setting: Setting) -> None:
        for length in cls.lengths(setting):
            await long.fill(setting, length)

    @override
    async def prepare(self) -> None:
        self.kept = {
            length: self.setting.open(long.session_id(length), self.setting.library)
            for length in self.lengths(self.setting)
        }
        await self.sample()

    @override
    async def sample(self) -> dict[str, float]:
        watches = {length: Stopwatch() for length in self.kept}
        for _ in range(READS):
            # In turn: on which core a thread wakes up changes from one moment to the next, and costs as much as a read.
            for length, session in self.kept.items():
                with watches[length]:
                    items = await session.get_items(limit=50)
                assert len(items) == 50
        times = {f"of {length:,}": watch.milliseconds for length, watch in watches.items()}
        if len(times) > 1:
            shortest, *_, longest = times.values()
            times["longest / shortest"] = longest / shortest
        return times
