"""Workloads asked of each side: bytes, milliseconds and processor time."""

from __future__ import annotations

import gc
from statistics import median
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any, Final

from benchmarks.measured import LIMIT, OURS, Measured
from benchmarks.on_checkpoints.workloads import CHAT, DOCUMENT, FILES, PLAIN, SERDE, TWICE, WINDOW, noted
from benchmarks.row import Target
from sessions.checkpoints.values import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.on_checkpoints.sides import OnPostgres, OnSQLite, Side
    from benchmarks.on_checkpoints.workloads import Call

Samples = dict[str, dict[str, list[float]]]

_LATE: Final = 50
_READS: Final = 20
_BYTES: Final = {
    CHAT: (1.3, 1.7),
    TWICE: (1.3, 1.7),
    PLAIN: (1.3, 1.7),
    WINDOW: (1.6, 1.6),
    FILES: (2, 2),
    DOCUMENT: (3, 3),
}


def replayed(name: str, place: Callable[[int], Any], rounds: int, *, quick: bool, on_postgres: bool) -> list[Measured]:
    """Return the figures of a workload."""
    ours, theirs = noted(name, quick=quick), noted(name, quick=quick, texts=True)
    found: Samples = {}
    with_reads = name in (CHAT, PLAIN, FILES)
    for turn in range(rounds):
        with place(turn) as sides:
            limit = sides.limit()
            _replay((LIMIT, "limit"), limit, sides, ours, found)
            saver = sides.ours()
            _replay((OURS, "ours"), saver, sides, ours, found)
            peer = sides.theirs()
            _replay((sides.peer, "theirs"), peer, sides, theirs, found)
            if with_reads:
                got = saver.saver.get_tuple({"configurable": {"thread_id": "t"}})
                limit.keep(got.checkpoint)
                read_each({LIMIT: limit, OURS: saver, sides.peer: peer}, saver.saver, found)
    targets: dict[str, Target] = {
        "bytes": Target(_BYTES[name][on_postgres]), "put, processor time beyond serializing": Target(1.5),
        "put_writes, processor time beyond serializing": Target(1.5), "read the latest": Target(1.2),
    }  # fmt: skip
    units = {"bytes": "MB"}
    return [
        Measured(f"{name}: {figure}", samples, targets.get(figure), units.get(figure, "ms"))
        for figure, samples in found.items()
    ]


def _replay(
    names: tuple[str, str], side: Side, sides: OnSQLite | OnPostgres, calls: list[Call], found: Samples
) -> None:
    name, stored = names
    empty = sides.size(stored)
    times: dict[str, list[float]] = {"put": [], "put_writes": []}
    spent: dict[str, list[float]] = {"put": [], "put_writes": []}
    for call in calls:
        beyond = _serializing(call) if name == OURS else 0.0
        begun, used = perf_counter(), process_time()
        side.do(call)
        times[call.name].append(1000 * (perf_counter() - begun))
        spent[call.name].append(1000 * (process_time() - used) - beyond)

    def note(figure: str, value: float) -> None:
        found.setdefault(figure, {}).setdefault(name, []).append(value)

    note("bytes", (sides.size(stored) - empty) / 1e6)
    note("put", median(times["put"]))
    note("put, the last 50", median(times["put"][-_LATE:]))
    note("put_writes", median(times["put_writes"]))
    if name in (LIMIT, OURS):
        for method, late in spent.items():
            note(f"{method}, processor time beyond serializing", median(late[-_LATE:]))


def _serializing(call: Call) -> float:
    """Return the milliseconds of processor time that serializing takes, which every saver does."""
    begun = process_time()
    for value in call.changed:
        SERDE.dumps_typed(value)
    return 1000 * (process_time() - begun)


def read_each(sides: dict[str, Side], saver: Any, found: Samples) -> None:
    """Note the milliseconds that reading the latest state takes each side."""
    for _ in range(_READS):
        for name, side in sides.items():
            gc.collect(0)
            begun = perf_counter()
            side.read()
            found.setdefault("read the latest", {}).setdefault(name, []).append(1000 * (perf_counter() - begun))
        # As a process that has not read it: nothing is remembered.
        saver._kept._remembered.forget(Place("t"))  # noqa: SLF001 - no method forgets
        begun = perf_counter()
        sides[OURS].read()
        found.setdefault("read the latest, a new process", {}).setdefault(OURS, []).append(
            1000 * (perf_counter() - begun)
        )
        found["read the latest, a new process"].setdefault(LIMIT, []).append(found["read the latest"][LIMIT][-1])
