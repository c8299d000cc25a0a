"""Taking back the last item, as a runner does before it tries a turn again."""

from typing import ClassVar

from typing_extensions import override

from benchmarks.row import Figure, Row, Stopwatch, Target

POPS = 60


class Pop(Row):
    """Pop items one by one from a conversation of 1,000."""

    name = "pop"
    figures: ClassVar = (Figure("of 1,000 items", "ms", Target(2)),)
    rounds = 15

    @override
    async def prepare(self) -> None:
        self.session = self.setting.open("pop", self.setting.folder / "pop.db")
        await self.session.add_items(self.setting.some(0, 1_000 - POPS))
        await self.sample()

    @override
    async def sample(self) -> dict[str, float]:
        added, watch = self.setting.some(1_000, POPS), Stopwatch()
        await self.session.add_items(added)
        for expected in reversed(added):
            with watch:
                item = await self.session.pop_item()
            assert item == expected
        return {"of 1,000 items": watch.milliseconds}
