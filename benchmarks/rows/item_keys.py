"""What item keys cost: an append with and without them, and one of which all is known already."""

from typing import Any, ClassVar

from typing_extensions import override

from benchmarks.row import Figure, Row, Stopwatch
from benchmarks.sides import Side

LENGTH = 2_000
TIMES = 200


class ItemKeys(Row):
    """Add 2 items to conversations of 2,000 items: of the one all items have keys, of the other none."""

    name = "item keys"
    sides: ClassVar[tuple[Side, ...]] = ("ours",)
    figures: ClassVar = (
        Figure("add 2 without keys", "ms"),
        Figure("add 2 with keys", "ms"),
        Figure("add 2 that are known", "ms"),
        Figure("with keys / without", ""),
    )
    rounds = 7

    @override
    async def prepare(self) -> None:
        self.taken = 0
        self.sessions: dict[str, Any] = {}
        for name in ("plain", "keyed"):
            session = self.sessions[name] = self.setting.open(name, self.setting.folder / "item-keys.db")
            items = self.setting.some(0, LENGTH)
            options = {"keys": [f"old-{number}" for number in range(LENGTH)]} if name == "keyed" else {}
            await session.add_items(items, **options)
        await self.sample()

    @override
    async def sample(self) -> dict[str, float]:
        without, keyed, known = Stopwatch(), Stopwatch(), Stopwatch()
        for _ in range(TIMES):
            self.taken += 1
            items = self.setting.some(self.taken, 2)
            keys = [f"{self.taken}-{number}" for number in range(2)]
            with without:
                await self.sessions["plain"].add_items(items)
            for watch in (keyed, known):
                with watch:
                    await self.sessions["keyed"].add_items(items, keys=keys)
        return {
            "add 2 without keys": without.milliseconds,
            "add 2 with keys": keyed.milliseconds,
            "add 2 that are known": known.milliseconds,
            "with keys / without": keyed.milliseconds / without.milliseconds,
        }
