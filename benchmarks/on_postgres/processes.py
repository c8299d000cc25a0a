"""Four processes with sixteen tasks each append to one database for a while, as fast as they can.

Each task keeps a session of its own. Afterwards the items are counted: all that were acknowledged are there.
`python -m benchmarks.on_postgres.processes SIDE URL NUMBER` is one of the processes: it takes a sample for each line of
its input, which says for how many seconds, and ends with it.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from time import perf_counter
from typing import ClassVar

from benchmarks.data import ROOT, default_data, load_items
from benchmarks.on_postgres.sides import Bench, connected
from benchmarks.row import Figure, Row, Target
from benchmarks.rows.processes import ITEMS, PROCESSES, TASKS, ProcessesOneSessionEach
from benchmarks.run import Result
from benchmarks.sides import SIDES, Side


class Processes(Row):
    """What the table says of it."""

    name = f"{PROCESSES} processes x {TASKS} tasks appending, one session each"
    figures: ClassVar = (
        Figure("items added", "items/s", Target(1), higher_is_better=True),
        Figure("worst wait", "ms"),
        Figure("smallest share / largest", "", higher_is_better=True),
    )


async def measure(url: str, *, quick: bool) -> list[Result]:
    """Each side in turn, all of its processes at once."""
    results = {figure.key: Result(Processes, figure) for figure in Processes.figures}
    async with AsyncExitStack() as stack:
        teams: dict[Side, list[asyncio.subprocess.Process]] = {side: [] for side in SIDES}
        for side, team in teams.items():
            team += [await stack.enter_async_context(_started(side, url, number)) for number in range(PROCESSES)]
        added = dict.fromkeys(SIDES, 0.0)
        for turn in range(2 if quick else 6):
            for side, team in teams.items():
                parts = await asyncio.gather(*(_ask(worker, 0.3 if quick else 2.0) for worker in team))
                added[side] += sum(part["added"] for part in parts)
                if turn:  # The first is the warm-up.
                    sample = ProcessesOneSessionEach.combine(parts)
                    for key, result in results.items():
                        result.samples.setdefault(side, []).append(sample[key])
    for side in SIDES:
        async with connected(side, url, [], quick=quick) as bench:
            names = [_name(number, task) for number in range(PROCESSES) for task in range(TASKS)]
            stored = sum([len(await bench.make(name).get_items()) for name in names])
        if stored != added[side]:
            raise RuntimeError(f"{side}: {added[side]:.0f} items were acknowledged, {stored} are stored.")
    return list(results.values())


@asynccontextmanager
async def _started(side: Side, url: str, number: int) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "benchmarks.on_postgres.processes", side, url, str(number)]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe)
    assert process.stdin
    try:
        yield process
    finally:
        process.stdin.close()
        await process.wait()


async def _ask(process: asyncio.subprocess.Process, seconds: float) -> dict[str, float]:
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"{seconds}\n".encode())
    answer: dict[str, float] = json.loads(await process.stdout.readline())
    return answer


def _name(number: int, task: int) -> str:
    return f"chat-{number}-{task}"


async def _sample(bench: Bench, number: int, seconds: float) -> dict[str, float]:
    """For `ProcessesOneSessionEach.combine`."""
    started = perf_counter()
    done, worst = [0] * TASKS, [0.0] * TASKS

    async def append(task: int) -> None:
        session = bench.make(_name(number, task))
        now = perf_counter()
        while now < started + seconds:
            await session.add_items(bench.some(done[task] * ITEMS, ITEMS))
            done[task] += 1
            before, now = now, perf_counter()
            worst[task] = max(worst[task], now - before)

    await asyncio.gather(*map(append, range(TASKS)))
    return {"added": sum(done) * ITEMS, "seconds": perf_counter() - started, "worst": max(worst), "refused": 0}


async def _work(side: Side, url: str, number: int) -> None:
    async with connected(side, url, load_items(default_data()), quick=False) as bench:
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await _sample(bench, number, float(line))), flush=True)


if __name__ == "__main__":
    (_side,) = (side for side in SIDES if side == sys.argv[1])
    asyncio.run(_work(_side, sys.argv[2], int(sys.argv[3])))
