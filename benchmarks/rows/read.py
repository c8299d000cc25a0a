"""Reading a long conversation from end to end, and what memory that takes."""

from typing import ClassVar

from typing_extensions import override

from benchmarks.memory import peak_rise
from benchmarks.row import Figure, Row, Setting, Stopwatch, Target
from benchmarks.rows import long

SHORT = 10_000
LENGTH = 100_000


class Read(Row):
    """All of 10,000 and of 100,000 items."""

    name = "read all"
    figures: ClassVar = (Figure("of 10,000", "ms", Target(1.2)), Figure("of 100,000", "ms", Target(1.2)))
    rounds = 7

    @classmethod
    def lengths(cls, setting: Setting) -> dict[int, int]:
        """How often each length is read for a sample."""
        return {SHORT: 5} if setting.quick else {SHORT: 5, LENGTH: 1}

    @classmethod
    @override
    async def fill(cls, setting: Setting) -> None:
        for length in cls.lengths(setting):
            await long.fill(setting, length)

    @override
    async def prepare(self) -> None:
        # They stay open, as the limit's connection does: opening is another row's.
        self._sessions = {
            length: self.setting.open(long.session_id(length), self.setting.library)
            for length in self.lengths(self.setting)
        }
        await self.sample()

    @override
    async def sample(self) -> dict[str, float]:
        return {
            f"of {length:,}": await self._read(length, times) for length, times in self.lengths(self.setting).items()
        }

    async def _read(self, length: int, times: int) -> float:
        session, watch = self._sessions[length], Stopwatch()
        for _ in range(times):
            with watch:
                items = await session.get_items()
            assert len(items) == length
            del items  # Freeing them is not part of the next read.
        return watch.milliseconds


class Memory(Row):
    """By how much the process grows at most while it reads 100,000 items, the result included."""

    name = "peak memory of reading all"
    figures: ClassVar = (Figure("of 100,000", "MB", Target(1.1, base="sdk")),)
    rounds = 3
    fresh = True
    in_quick_run = False

    @classmethod
    @override
    async def fill(cls, setting: Setting) -> None:
        await long.fill(setting, LENGTH)

    @override
    async def prepare(self) -> None:
        self.session = self.setting.open(long.session_id(LENGTH), self.setting.library)
        await self.session.get_items(limit=10)

    @override
    async def sample(self) -> dict[str, float]:
        with peak_rise() as rise:
            items = await self.session.get_items()
        assert len(items) == LENGTH
        return {"of 100,000": rise.megabytes}
