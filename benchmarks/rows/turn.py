"""An agent's turn: the runner reads the whole history, calls the model, and adds what came of it."""

from typing import ClassVar

from typing_extensions import override

from benchmarks.row import Figure, Row, Stopwatch, Target

LENGTH = 2_000
TURNS = 12  # A sample: few enough that the conversation stays about as long as it was.


class Turn(Row):
    """Read all of 2,000 items and add 2 to 4."""

    name = "agent turn at 2,000 items"
    figures: ClassVar = (Figure("read all, add 2-4", "ms", Target(1.3)),)
    rounds = 25

    @override
    async def prepare(self) -> None:
        self.taken = 0
        await self.sample()

    @override
    async def sample(self) -> dict[str, float]:
        setting, watch = self.setting, Stopwatch()
        self.taken += 1
        session = setting.open(f"turns-{self.taken}", setting.folder / "turn.db")
        await session.add_items(setting.some(0, LENGTH))
        length = LENGTH
        for turn in range(TURNS):
            added = setting.some(length, 2 + turn % 3)
            with watch:
                items = await session.get_items()
                await session.add_items(added)
            assert len(items) == length
            length += len(added)
        session.close()
        return {"read all, add 2-4": watch.milliseconds}
