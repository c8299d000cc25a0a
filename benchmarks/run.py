"""Interleaved runs: each round takes one sample of each side, so that noise hits all sides alike."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Literal, TypeAlias

from benchmarks.row import Figure, Row, Setting
from benchmarks.sides import SIDES, Side
from benchmarks.workers import Team, Worker

STEADY = 1.5
"""How far apart the quartiles of a side's own rounds may lie for its median to mean something."""

Verdict: TypeAlias = Literal["yes", "no", "unclear"]


@dataclass
class Result:
    """One figure's samples, by side and in the order of the rounds."""

    row: type[Row]
    figure: Figure
    samples: dict[Side, list[float]] = field(default_factory=dict)

    def of(self, side: Side) -> float | None:
        """The median of a side's samples."""
        return median(self.samples[side]) if side in self.samples else None

    def cost(self, side: Side, base: Side) -> float | None:
        """How many times as much as `base` a `side` costs: the quotient of the medians."""
        above, below = self.of(side), self.of(base)
        return None if above is None or below is None else self.figure.cost(above, below)

    def spread(self, base: Side = "limit") -> tuple[float, float] | None:
        """The quartiles of ours / `base`, round by round: how far the noise reaches."""
        pairs = zip(self.samples.get("ours", []), self.samples.get(base, []), strict=False)
        return _quartiles([self.figure.cost(ours, other) for ours, other in pairs])

    def met(self) -> Verdict | None:
        """Whether ours reaches the target, where there is one.

        Unclear if the target lies within the quartiles, or if the rounds of a side differ too much by themselves: a
        neighbour on the same core makes 0.2 ms into the 4 ms of a scheduler's slice, and not for all sides alike.
        """
        target, ours = self.figure.target, self.of("ours")
        if target is None or ours is None:
            return None
        if target.kind == "absolute":
            value, spread = ours, _quartiles(self.samples["ours"])
        else:
            cost = self.cost("ours", target.base)
            if cost is None:
                return None
            value, spread = cost, self.spread(target.base)
        concerned: tuple[Side, ...] = ("ours",) if target.kind == "absolute" else ("ours", target.base)
        if any(self._disturbed(side) for side in concerned):
            return "unclear"
        verdicts = {target.allows(each) for each in (value, *(spread or ()))}
        if len(verdicts) > 1:
            return "unclear"
        return "yes" if True in verdicts else "no"

    def _disturbed(self, side: Side) -> bool:
        low, high = _quartiles(self.samples[side]) or (0, 0)
        return high > STEADY * low


def _quartiles(values: list[float]) -> tuple[float, float] | None:
    if len(values) < 3:
        return None
    low, _, high = quantiles(values, n=4, method="inclusive")
    return low, high


@dataclass(frozen=True)
class Bench:
    """Where and on what everything runs."""

    folder: Path
    data: Path
    quick: bool

    def setting(self, row: type[Row], side: Side) -> Setting:
        """What the processes of one side of `row` are told."""
        folder = self.folder / "".join(letter if letter.isalnum() else "-" for letter in row.name) / side
        folder.mkdir(parents=True, exist_ok=True)
        return Setting(side, folder, self.folder / f"library-{side}.db", self.data, self.quick)

    async def run(self, row: type[Row]) -> list[Result]:
        """Measures one row on all its sides."""
        settings = {side: self.setting(row, side) for side in row.sides}
        if row.fill.__func__ is not Row.fill.__func__:  # type: ignore[attr-defined]
            await asyncio.gather(*(_fill(row, setting) for setting in settings.values()))
        rounds = 1 if self.quick else row.rounds
        take = self._fresh if row.fresh else self._kept
        samples = await take(row, settings, rounds)
        shutil.rmtree(settings["ours"].folder.parent)
        return list(_results(row, samples))

    async def _kept(self, row: type[Row], settings: dict[Side, Setting], rounds: int) -> "Samples":
        samples: Samples = {side: [] for side in settings}
        async with AsyncExitStack() as stack:
            starts = (stack.enter_async_context(Team.start(row, setting)) for setting in settings.values())
            teams = dict(zip(settings, await asyncio.gather(*starts), strict=True))
            for _ in range(rounds):
                for side, team in teams.items():
                    samples[side].append(await team.sample())
            for team in teams.values():
                await team.check()
        return samples

    async def _fresh(self, row: type[Row], settings: dict[Side, Setting], rounds: int) -> "Samples":
        samples: Samples = {side: [] for side in settings}
        for _ in range(rounds):
            for side, setting in settings.items():
                async with Team.start(row, setting) as team:
                    samples[side].append(await team.sample())
        return samples

    async def durability(self) -> dict[Side, str]:
        """How each side keeps its promise that what was acknowledged is on disk."""
        found: dict[Side, str] = {}
        for side in SIDES:
            folder = self.folder / "durability" / side
            folder.mkdir(parents=True)
            setting = Setting(side, folder, folder / "library.db", self.data)
            async with Worker.start("", setting) as worker:
                found[side] = await worker.ask("durability")
        return found


Samples = dict[Side, list[dict[str, float]]]


async def _fill(row: type[Row], setting: Setting) -> None:
    async with Worker.start(row.name, setting) as worker:
        await worker.ask("fill")


def _results(row: type[Row], samples: Samples) -> Iterator[Result]:
    for figure in row.figures:
        found = {
            side: [sample[figure.key] for sample in taken if figure.key in sample] for side, taken in samples.items()
        }
        measured = {side: values for side, values in found.items() if values}
        if measured:  # A quick run leaves out the longest.
            yield Result(row, figure, measured)
