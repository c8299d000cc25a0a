"""Figures of several sides, and their table."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Mapping
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from benchmarks import report
from benchmarks.row import Figure, Row, Target
from benchmarks.run import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

Work: TypeAlias = Callable[[int], Awaitable[object]]
"""An operation; the number tells which memory it is about."""

Side: TypeAlias = Mapping[str, Work]
"""The operations of a side, by the names of their figures."""

LIMIT = "limit"
OURS = "ours"
_BRIEF = 3


class Measured(NamedTuple):
    """A figure of several sides.

    Attributes:
        name: Its name.
        samples: The samples of each side, in the order of the rounds.
        target: The target of ours.
        unit: Its unit.
    """

    name: str
    samples: dict[str, list[float]]
    target: Target | None = None
    unit: str = "ms"

    def cells(self, peers: Sequence[str]) -> list[str]:
        """Return its row of a table."""
        own = {side: self.samples[side] for side in (LIMIT, OURS) if side in self.samples}
        row = type(self.name, (Row,), {"name": self.name})
        result = Result(row, Figure(self.name, self.unit, self.target), own)  # type: ignore[arg-type] # both are sides
        shown = [report.number(median(self.samples[side])) if side in self.samples else "" for side in peers]
        return [
            f"{self.name}, {self.unit}" if self.unit else self.name,
            report.number(result.of("limit")),
            report.number(result.of("ours")),
            *shown,
            report.ratio(result, "<br>"),
            report.target_text(self.target, result.figure),
            result.met() or "",
        ]


class Part(NamedTuple):
    """A part of the page.

    Attributes:
        title: Its heading.
        figures: Its figures.
    """

    title: str
    figures: list[Measured]

    def lines(self) -> list[str]:
        """Return it in Markdown."""
        peers = list(dict.fromkeys(side for one in self.figures for side in one.samples if side not in (LIMIT, OURS)))
        columns = ["workload", LIMIT, OURS, *peers, "ours / limit", "target", "met"]
        rows = [one.cells(peers) for one in self.figures]
        return [
            f"## {self.title}",
            "",
            "| " + " | ".join(columns) + " |",
            "| --- " + "| ---: " * (len(columns) - 1) + "|",
            *("| " + " | ".join(cells) + " |" for cells in rows),
            "",
        ]


async def milliseconds(work: Work, times: int = 1, first: int = 0) -> float:
    """Return the median of the milliseconds of an operation, which is done one time after the other."""
    taken = []
    for number in range(first, first + times):
        began = perf_counter()
        await work(number)
        taken.append(1_000 * (perf_counter() - began))
    return median(taken)


async def interleaved(
    sides: Mapping[str, Side], rounds: int, times: Mapping[str, int] | None = None, brief: frozenset[str] = frozenset()
) -> dict[str, dict[str, list[float]]]:
    """Measure the operations of all sides, which take turns round by round.

    Args:
        sides: The sides.
        rounds: The number of rounds; one more is left out of the figures.
        times: How often an operation is done in a round; once if not given.
        brief: Sides of which the first three rounds are enough, as they take seconds.

    Returns:
        The samples by figure and side.
    """
    found: dict[str, dict[str, list[float]]] = {}
    for turn in range(rounds + 1):
        for figure in dict.fromkeys(name for side in sides.values() for name in side):
            for name, side in sides.items():
                if figure not in side or (name in brief and turn > _BRIEF):
                    continue
                gc.collect()
                count = (times or {}).get(figure, 1)
                taken = await milliseconds(side[figure], count, turn * count)
                if turn:
                    found.setdefault(figure, {}).setdefault(name, []).append(taken)
    return found
