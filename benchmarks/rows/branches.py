"""Branches: what they cost must depend neither on the conversation's length nor on what else is in the database.

Each operation is measured in conversations of 1,000 turns and of 20, and in files that hold 1, 1,000 and 100,000 other
sessions: one after the other, in one process.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import ClassVar, NamedTuple

from typing_extensions import override

from benchmarks.branching import Branched, opened, others, turns_of
from benchmarks.row import Figure, Row, Setting, Stopwatch, Target
from benchmarks.sides import Side

LONG, SHORT = 1_000, 20
BRANCHES = 100
TIMES = 12
NO_UNDO: tuple[Side, ...] = ("limit", "ours")

HELLO: dict[Side, str] = {"sdk": """'{"role": "user", "content": "Hello"}'"""}


class Place(NamedTuple):
    """How long the conversation is, and how many others are in the file."""

    turns: int
    others: int


FIGURES = (
    Figure("1,000 turns", "ms", Target(2)),
    Figure("1,000 turns, among 100,000 sessions", "ms", Target(2)),
    Figure("1,000 turns / 20 turns", "", Target(1.25, "absolute")),
    Figure("among 1,000 sessions / among 1", "", Target(1.25, "absolute")),
    Figure("among 100,000 sessions / among 1", "", Target(1.25, "absolute")),
)

Make = Callable[[str, Place], Branched]
"""Makes an object for a session with a name, in one of the places."""


class Operation:
    """What is measured; the same on SQLite and on Postgres."""

    title: ClassVar[str]
    sides: ClassVar[tuple[Side, ...]] = ("limit", "ours", "sdk")

    def __init__(self, setting: Setting, make: Make) -> None:
        self.setting = setting
        self.make = make
        self.taken = 0

    def some(self, turns: int) -> "list[dict[str, object]]":
        """Items of so many turns."""
        return turns_of(self.setting.items, turns)

    async def conversation(self, name: str, place: Place) -> Branched:
        """A new conversation of a place's length."""
        session = self.make(f"{name}-{place.turns}", place)
        items = self.some(place.turns)
        for start in range(0, len(items), 100):
            await session.add_items(items[start : start + 100])
        return session

    async def prepare(self, place: Place) -> Branched:
        """Makes what is measured on."""
        return await self.conversation(self.title.replace(" ", "-"), place)

    async def measure(self, session: Branched, place: Place, watch: Stopwatch) -> None:
        """Does it once, and leaves the session as it was."""
        raise NotImplementedError


class ForkBefore(Operation):
    """Before the last turn."""

    title = "fork before the last turn"

    @override
    async def measure(self, session: Branched, place: Place, watch: Stopwatch) -> None:
        self.taken += 1
        name = f"b{self.setting.worker}-{self.taken}"
        with watch:
            await session.fork(name, place.turns)
        if self.setting.side == "sdk":
            await session.switch("main")
        await session.drop(name)


class Fork(ForkBefore):
    """At the head."""

    title = "fork at the head"
    sides = NO_UNDO

    @override
    async def measure(self, session: Branched, place: Place, watch: Stopwatch) -> None:
        self.taken += 1
        with watch:
            await session.fork(f"b{self.taken}")
        await session.drop(f"b{self.taken}")


class Switch(Operation):
    """To another branch; back is not measured."""

    title = "switch"

    @override
    async def prepare(self, place: Place) -> Branched:
        session = await super().prepare(place)
        await session.fork("other", place.turns)
        await session.switch("main")
        return session

    @override
    async def measure(self, session: Branched, place: Place, watch: Stopwatch) -> None:
        with watch:
            await session.switch("other")
        await session.switch("main")


class List(Operation):
    """100 branches, made all along the conversation."""

    title = f"list {BRANCHES} branches"

    @override
    async def prepare(self, place: Place) -> Branched:
        session = await super().prepare(place)
        for number in range(1, self.branches):
            await session.fork(f"b{number}", 2 + number * (place.turns - 1) // self.branches)
            if self.setting.side == "sdk":
                await session.switch("main")
        return session

    @property
    def branches(self) -> int:
        """With ``main``."""
        return self.setting.pick(BRANCHES, 5)

    @override
    async def measure(self, session: Branched, place: Place, watch: Stopwatch) -> None:
        with watch:
            found = await session.branches()
        assert found == self.branches


class UndoRedo(Operation):
    """Both together; each gives back the turn's items."""

    title = "undo and redo"
    sides = NO_UNDO

    @override
    async def measure(self, session: Branched, place: Place, watch: Stopwatch) -> None:
        with watch:
            undone = await session.undo()
            redone = await session.redo()
        assert len(undone) == len(redone) == 2


class Regenerate(Operation):
    """The append opens a segment; the undo before it is not measured."""

    title = "add 2 items after an undo"
    sides = NO_UNDO

    @override
    async def measure(self, session: Branched, place: Place, watch: Stopwatch) -> None:
        await session.undo()
        added = self.some(1)
        with watch:
            await session.add_items(added)


class ReadForked(Operation):
    """Three forks, each before the last turn and with three more turns: the last 20 items lie in four segments."""

    title = "last 20 of a branch forked 3 levels deep"

    @override
    async def prepare(self, place: Place) -> Branched:
        session = await super().prepare(place)
        turns = place.turns
        for level in range(3):
            await session.fork(f"level-{level}", turns)
            await session.switch(f"level-{level}")
            await session.add_items(self.some(3))
            turns += 2
        return session

    @override
    async def measure(self, session: Branched, place: Place, watch: Stopwatch) -> None:
        with watch:
            items = await session.get_items(limit=20)
        assert len(items) == 20


OPERATIONS: tuple[type[Operation], ...] = (ForkBefore, Fork, Switch, List, UndoRedo, Regenerate, ReadForked)


async def sample(sessions: dict[Place, Branched], operation: Operation) -> dict[str, float]:
    """One operation in all places in turn, as often as makes a sample."""
    order = list(sessions)
    watches = {place: Stopwatch() for place in order}
    for number in range(operation.setting.pick(TIMES, 4)):
        # Nobody is always the first after a pause, or always after the same one.
        first = number % len(order)
        for place in order[first:] + order[:first]:
            await operation.measure(sessions[place], place, watches[place])
    times = {place: watch.milliseconds for place, watch in watches.items()}
    base = times.pop(order[0])
    found = {"1,000 turns": base}
    for place, time in times.items():
        if place.turns == SHORT:
            found["1,000 turns / 20 turns"] = base / time
        else:
            found[f"among {place.others:,} sessions / among 1"] = time / base
        if place.others == 100_000:
            found["1,000 turns, among 100,000 sessions"] = time
    return found


def places(setting: Setting) -> tuple[Place, ...]:
    """The first is what the others are compared with. A quick run leaves out the largest, and is shorter."""
    turns = setting.pick(LONG, 2 * SHORT)
    found = (Place(turns, 1), Place(SHORT, 1), Place(turns, 1_000), Place(turns, 100_000))
    return found[: setting.pick(4, 3)]


class Branches(Row):
    """One operation on SQLite."""

    operation: ClassVar[type[Operation]]
    figures: ClassVar = FIGURES
    rounds = 9

    @classmethod
    @override
    async def fill(cls, setting: Setting) -> None:
        for place in places(setting):
            path = cls.path(setting, place)
            if not path.exists():
                await opened(setting.side, "first", path).add_items(turns_of(setting.items, 1))
                with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                    hello = HELLO.get(setting.side) or """CAST('{"role": "user", "content": "Hello"}' AS BLOB)"""
                    for statement in others(setting.side, place.others, hello):
                        connection.execute(statement)
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @classmethod
    def path(cls, setting: Setting, place: Place) -> Path:
        """Beside the library, for it outlives the processes that fill it: all of these rows share the files.

        A file for each place: two in one file would keep its threads and pages awake for each other.
        """
        return setting.library.with_suffix(f".{place.turns}-among-{place.others}.db")

    @override
    async def prepare(self) -> None:
        def make(name: str, place: Place) -> Branched:
            return opened(self.setting.side, name, self.path(self.setting, place))

        self.measured = self.operation(self.setting, make)
        self.sessions = {place: await self.measured.prepare(place) for place in places(self.setting)}
        await self.sample()

    @override
    async def sample(self) -> dict[str, float]:
        return await sample(self.sessions, self.measured)


BRANCHES_ROWS: tuple[type[Branches], ...] = tuple(
    type(
        f"Branches{operation.__name__}",
        (Branches,),
        {"name": operation.title, "operation": operation, "sides": operation.sides, "__doc__": operation.__doc__},
    )
    for operation in OPERATIONS
)


class BranchesOnDisk(Row):
    """100 branches of a conversation of 2,000 items, against one copy of the items without any branch."""

    name = f"bytes on disk with {BRANCHES} branches"
    figures: ClassVar = (Figure("of 2,000 items", "MB", Target(1.2)),)
    rounds = 1  # Nothing about it varies.

    @override
    async def sample(self) -> dict[str, float]:
        path, side = self.setting.folder / "disk.db", self.setting.side
        if side == "limit":
            session = self.setting.open("disk", path)
            await session.add_items(turns_of(self.setting.items, LONG))
            session.close()
        else:
            listing = List(self.setting, lambda name, _: opened(side, name, path))
            await listing.prepare(Place(LONG, 0))
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        kept = [file for file in path.parent.glob("disk.db*") if not file.name.endswith(("-shm", "-lock"))]
        return {"of 2,000 items": sum(file.stat().st_size for file in kept) / 1e6}
