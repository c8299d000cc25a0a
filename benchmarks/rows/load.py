"""Importing a long conversation from elsewhere."""

from typing import ClassVar

from typing_extensions import override

from benchmarks.row import Figure, Row, Stopwatch, Target

LENGTH = 100_000
BATCH = 1_000


class Load(Row):
    """100,000 items in batches of 1,000, into a new file each time."""

    name = "import of 100,000 items"
    figures: ClassVar = (Figure("each batch of 1,000", "ms", Target(1.3)),)
    rounds = 5

    @override
    async def prepare(self) -> None:
        self.taken = 0
        # Making the batches is not what is measured.
        self.batches = [
            self.setting.some(start, BATCH) for start in range(0, self.setting.pick(LENGTH, LENGTH // 20), BATCH)
        ]
        await self.sample()

    @override
    async def sample(self) -> dict[str, float]:
        self.taken += 1
        path, watch = self.setting.folder / f"import-{self.taken}.db", Stopwatch()
        session = self.setting.open("imported", path)
        await session.get_items(limit=1)  # Opens the file and makes the tables.
        with watch:
            for batch in self.batches:
                await session.add_items(batch)
        session.close()
        # The mean, not the median: a checkpoint every few batches is part of the price.
        return {"each batch of 1,000": watch.milliseconds / len(self.batches)}
