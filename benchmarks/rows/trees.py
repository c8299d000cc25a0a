"""Trees and siblings: what they cost depends on the turns that are returned, and not on those that are there.

Every tenth turn was regenerated once, so it has two siblings. For the tree that is so in the last 30 turns alone, as
its cost also depends on how many ways there are. Neither other side has trees.
"""

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from typing_extensions import override

from benchmarks.row import Figure, Row, Stopwatch, Target
from benchmarks.sides import Side
from sessions import SQLiteSession
from sessions.session.base import LogSession

SHORT, LONG = 30, 3_000
TURNS = 20
TIMES = 9


class Regenerated(Row):
    """Reads of a short and of a long conversation."""

    sides: ClassVar[tuple[Side, ...]] = ("ours",)
    regenerated: ClassVar[int]
    rounds = 15

    @override
    async def prepare(self) -> None:
        await self.prepare_with(lambda name: SQLiteSession(name, self.setting.folder / "trees.db"))

    async def prepare_with(self, open_session: Callable[[str], LogSession]) -> None:
        """Make the conversations in any database."""
        self.sessions = {turns: await self._filled(open_session(f"{turns} turns"), turns) for turns in (SHORT, LONG)}
        await self.sample()

    async def _filled(self, session: LogSession, turns: int) -> LogSession:
        for turn in range(1, turns + 1):
            items: list[Any] = [
                {"role": "user", "content": f"Question {turn}, which is as long as questions are"},
                {"role": "assistant", "content": f"Answer {turn}, in a sentence or two, as answers often are."},
            ]
            await session.add_items(items)
            if turn % 10 == 0 and turn > turns - self.regenerated:
                await session.rewind(turn)
                await session.add_items(items)
        return session

    async def _times(self, read: Callable[[LogSession], Awaitable[object]]) -> tuple[float, float]:
        found = []
        for session in self.sessions.values():
            watch = Stopwatch()
            for _ in range(TIMES):
                with watch:
                    await read(session)
            found.append(watch.milliseconds)
        short, long = found
        return short, long


class TreeOfTheLatest(Regenerated):
    """The tree of the latest turns, as a page shows it."""

    regenerated = SHORT
    name = f"tree of the latest {TURNS} turns"
    figures: ClassVar = (
        Figure(f"of {LONG:,} turns", "ms"),
        Figure(f"of {LONG:,} turns / of {SHORT}", "", Target(2, "absolute")),
    )

    @override
    async def sample(self) -> dict[str, float]:
        short, long = await self._times(lambda session: session.tree(max_turns=TURNS))
        return {f"of {LONG:,} turns": long, f"of {LONG:,} turns / of {SHORT}": long / short}


class SiblingsOfAllTurns(Regenerated):
    """The numbers under each message of a chat."""

    regenerated = LONG
    name = "siblings of all turns"
    figures: ClassVar = (
        Figure(f"of {LONG:,} turns", "ms"),
        Figure(f"for each turn: of {LONG:,} / of {SHORT}", "", Target(2, "absolute")),
    )

    @override
    async def sample(self) -> dict[str, float]:
        short, long = await self._times(lambda session: session.siblings_by_turn())
        each = (long / LONG) / (short / SHORT)
        return {f"of {LONG:,} turns": long, f"for each turn: of {LONG:,} / of {SHORT}": each}
