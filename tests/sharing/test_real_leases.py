"""Eight processes take leases while they are killed, and stopped beyond their leases' ends.

For ten seconds, or as many as the environment's SESSIONS_TURN_SECONDS says.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from contextlib import suppress
from itertools import count, groupby
from typing import TYPE_CHECKING, Any

import pytest

from sessions import LeaseLostError, open_store
from tests.sql.processes import CONTEXT

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess
    from pathlib import Path

    from tests.sql.servers import Postgres

PROCESSES = 8
TTL = 0.8
PARTS = 4
SECONDS = float(os.environ.get("SESSIONS_TURN_SECONDS", "10"))
HANGS_AFTER = 240.0


def take_leases(name: str, url: str, log: str, stop: str) -> None:
    """Take leases until there is a file `stop`; note in `log` what was done."""
    asyncio.run(_take_leases(name, url, log, stop))


async def _take_leases(name: str, url: str, log: str, stop: str) -> None:
    noted = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(what: str, *details: object) -> None:
        os.write(noted, (json.dumps([what, *details]) + "\n").encode())

    async with open_store(url) as store:
        session = store.session("shared")
        for number in count():
            if os.path.exists(stop):  # noqa: PTH110
                break
            try:
                async with session.lease(holder=name, ttl=TTL, timeout=HANGS_AFTER, exclusive=True) as leased:
                    note("began", number)
                    for part in range(PARTS):
                        role = "assistant" if part else "user"
                        await leased.add_items([{"role": role, "content": [name, number, part]}])
                        note("added", name, number, part)
                        await asyncio.sleep(0.01)
            except LeaseLostError:
                note("lost", name, number)
            note("ended", number)
    note("left")


class _Worker:
    """A process that takes leases, and what it noted."""

    def __init__(self, name: str, url: str, folder: Path) -> None:
        self.log = folder / f"{name}.log"
        self.log.touch()
        self.process: BaseProcess = CONTEXT.Process(
            target=take_leases, args=(name, url, str(self.log), str(folder / "stop"))
        )
        self.process.start()

    def notes(self) -> list[Any]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.endswith("]")]

    def holds(self) -> bool:
        """Tell whether it may hold a lease."""
        notes = self.notes()
        return bool(notes) and notes[-1][0] in {"began", "added"}

    def signal(self, what: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.process.pid or 0, what)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/sessions.db"
    server: Postgres = request.getfixturevalue("postgres")
    return str(request.getfixturevalue("lend")(server))


@pytest.mark.timeout(HANGS_AFTER + SECONDS)
async def test_whoever_is_stopped_beyond_the_lease_writes_nothing(url: str, tmp_path: Path) -> None:
    """Fails without: log/statements/fragments.py, `else b.lease_token = {lease}`."""
    async with open_store(url, create_tables=True) as store:
        assert await store.session("shared").get_items() == []
    chance = random.Random()  # noqa: S311 - moments are nobody's choice
    names = count()
    workers: list[_Worker] = []
    past: list[_Worker] = []
    stopped: list[tuple[float, _Worker]] = []
    try:
        workers.extend(_Worker(f"w{next(names)}", url, tmp_path) for _ in range(PROCESSES))
        began, killed = time.monotonic(), 0
        while time.monotonic() < began + SECONDS or not (killed and _suffices(workers + past)):
            assert time.monotonic() < began + SECONDS + HANGS_AFTER / 2, "nobody lost a lease, or few finished"
            time.sleep(0.1)
            for until, worker in [pair for pair in stopped if pair[0] <= time.monotonic()]:
                worker.signal(signal.SIGCONT)
                stopped.remove((until, worker))
            asleep = {worker for _, worker in stopped}
            awake = [worker for worker in workers if worker not in asleep]
            victim = next((worker for worker in awake if worker.holds()), awake[0] if awake else None)
            # On a slow machine a turn would never end, if its holder were disturbed as often for ever.
            if victim is None or chance.random() < (0.5 if time.monotonic() < began + SECONDS else 0.95):
                continue
            if chance.random() < 0.3:
                victim.signal(signal.SIGKILL)
                victim.process.join()
                killed += 1
                past.append(victim)
                workers[workers.index(victim)] = _Worker(f"w{next(names)}", url, tmp_path)
            elif len(stopped) < PROCESSES // 2:
                victim.signal(signal.SIGSTOP)
                stopped.append((time.monotonic() + TTL * chance.uniform(1.2, 2.5), victim))
        (tmp_path / "stop").touch()
        for _, worker in stopped:
            worker.signal(signal.SIGCONT)
        for worker in workers:
            worker.process.join(HANGS_AFTER / 2)
        assert [worker.process.exitcode for worker in workers] == [0] * PROCESSES
    finally:
        for worker in workers:
            worker.process.kill()
            worker.process.join()
    async with open_store(url) as store:
        found = [tuple(item["content"]) for item in await store.session("shared").get_items()]
    notes = [note for worker in workers + past for note in worker.notes()]
    _check(found, notes)


def _check(found: list[tuple[Any, ...]], notes: list[Any]) -> None:
    """Compare what is in the session with what the processes noted."""
    added = {(name, number, part) for name, number, part in (rest for what, *rest in notes if what == "added")}
    lost = {(name, number) for name, number in (rest for what, *rest in notes if what == "lost")}
    assert len(found) == len(set(found)), "something is there twice"
    assert added <= set(found), "something that was acknowledged is not there"
    turns = [(turn, [part for *_, part in items]) for turn, items in groupby(found, key=lambda item: item[:2])]
    assert len(turns) == len({turn for turn, _ in turns}), "a turn was interrupted, and went on"
    assert all(parts == list(range(len(parts))) for _, parts in turns)
    assert len([turn for turn, parts in turns if len(parts) == PARTS]) > PROCESSES
    assert lost, "nobody was fenced off"
    # What was refused is not there: all that is there of their turns was acknowledged.
    assert {item for item in found if item[:2] in lost} == {item for item in added if item[:2] in lost}


def _suffices(workers: list[_Worker]) -> bool:
    """Tell whether a lease was lost, and enough turns were written whole: a slow machine takes longer."""
    notes = [note for worker in workers for note in worker.notes()]
    whole = sum(note[0] == "added" and note[-1] == PARTS - 1 for note in notes)
    return whole > PROCESSES and any(note[0] == "lost" for note in notes)
