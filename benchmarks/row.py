"""What a row of the table is: a workload, the figures it yields, and what they should be.

A row's class is looked at in the parent process; its instances live in the child processes, one side each.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import ClassVar, Literal

from benchmarks.data import Item, load_items
from benchmarks.sides import SIDES, Conversation, Side, opener


@dataclass(frozen=True)
class Target:
    """What a figure of ours should be.

    `cost`: ours at most `value` times that of `base`. `faster`: ours at least `value` times better than
    `base`. `absolute`: ours at most `value`, in the figure's own unit.
    """

    value: float
    kind: Literal["cost", "faster", "absolute"] = "cost"
    base: Side = "limit"

    def allows(self, value: float) -> bool:
        """Whether `value` is good enough: a cost in times of the base's or, for `absolute`, a figure of ours."""
        return value <= (1 / self.value if self.kind == "faster" else self.value)


@dataclass(frozen=True)
class Figure:
    """One number that a workload yields; `key` names it in a sample and in the table."""

    key: str
    unit: str
    target: Target | None = None
    higher_is_better: bool = False

    def cost(self, ours: float, base: float) -> float:
        """How many times the `base` ours costs; for a rate, how many times slower it is."""
        above, below = (base, ours) if self.higher_is_better else (ours, base)
        return above / below if below else 1.0 if above == below else float("inf")


@dataclass(frozen=True)
class Setting:
    """What a workload is told: whom it runs, where, on which items, and for how long."""

    side: Side
    folder: Path  # Fresh for each row and side.
    library: Path  # A database of this side that all rows share: long conversations are made once.
    data: Path
    quick: bool = False
    worker: int = 0  # Which of the row's processes this is.

    @cached_property
    def items(self) -> list[Item]:
        """The recorded messages: loaded only by those who use them, for their memory counts too."""
        return load_items(self.data)

    @cached_property
    def open(self) -> Callable[[str, Path], Conversation]:
        """Makes a session object of this side: `(session_id, path)`."""
        return opener(self.side)

    def some(self, start: int, count: int) -> list[Item]:
        """`count` items from `start` on; the recordings repeat without end."""
        return [self.items[(start + offset) % len(self.items)] for offset in range(count)]

    def pick(self, full: int, quick: int) -> int:
        """How much or long, depending on the kind of run."""
        return quick if self.quick else full


class Row:
    """A workload. Subclasses say what is prepared and what one sample is."""

    name: ClassVar[str]
    figures: ClassVar[tuple[Figure, ...]]
    sides: ClassVar[tuple[Side, ...]] = SIDES
    rounds: ClassVar[int] = 15
    processes: ClassVar[int] = 1
    pinned: ClassVar[bool] = False  # To one core.
    fresh: ClassVar[bool] = False  # A new process for each sample.
    in_quick_run: ClassVar[bool] = True

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    @classmethod
    async def fill(cls, setting: Setting) -> None:
        """Makes what the samples read, once for each side and in a process that ends before they start."""

    async def prepare(self) -> None:
        """Runs in each process before its first sample, with a warm-up where one is needed."""

    async def sample(self) -> dict[str, float]:
        """Measures once: a number for each figure's key."""
        raise NotImplementedError

    @classmethod
    def combine(cls, parts: list[dict[str, float]]) -> dict[str, float]:
        """Makes one sample of those that the row's processes took at the same time."""
        (sample,) = parts
        return sample

    def written(self) -> int:
        """How many items this process was told are on disk."""
        return 0

    async def stored(self) -> int:
        """How many items are, of all processes: compared with `written` after the last round."""
        return 0


class Stopwatch:
    """Times operations one by one; a sample is their median, so that one hiccup does not count."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.started = 0.0

    def __enter__(self) -> None:
        self.started = perf_counter()

    def __exit__(self, *_: object) -> None:
        self.times.append(perf_counter() - self.started)

    @property
    def milliseconds(self) -> float:
        """The median."""
        return median(self.times) * 1e3
