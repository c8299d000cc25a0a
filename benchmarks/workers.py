"""The parent's view of the child processes."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, replace
from typing import Any, Self

from benchmarks.data import ROOT
from benchmarks.row import Row, Setting


class Worker:
    """One child process, for one side of one row."""

    def __init__(self, process: asyncio.subprocess.Process, row: str, setting: Setting) -> None:
        self.process = process
        self.row = row
        self.setting = setting

    @classmethod
    @asynccontextmanager
    async def start(cls, row: str, setting: Setting) -> AsyncIterator[Self]:
        """Starts the process and, on leaving, lets it end by closing its input."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.child", cwd=ROOT, stdin=pipe, stdout=pipe
        )
        assert process.stdin
        try:
            worker = cls(process, row, setting)
            await worker.ask("load")
            yield worker
        finally:
            process.stdin.close()
            await process.wait()

    async def ask(self, what: str) -> Any:
        """Sends one request of `benchmarks.child` and waits for its answer."""
        assert self.process.stdin
        assert self.process.stdout
        request = {"what": what, "row": self.row, "setting": asdict(self.setting)}
        self.process.stdin.write(json.dumps(request, default=str).encode() + b"\n")
        answer = await self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.setting.side} failed at {what} of {self.row!r}; its error is above.")
        return json.loads(answer)


class Team:
    """All processes of one side of a row."""

    def __init__(self, row: type[Row], workers: list[Worker]) -> None:
        self.row = row
        self.workers = workers

    @classmethod
    @asynccontextmanager
    async def start(cls, row: type[Row], setting: Setting) -> AsyncIterator[Self]:
        """Starts and prepares the processes; on leaving, lets them end."""
        async with AsyncExitStack() as stack:
            starts = (
                stack.enter_async_context(Worker.start(row.name, replace(setting, worker=number)))
                for number in range(row.processes)
            )
            team = cls(row, await asyncio.gather(*starts))
            # One after the other: that many processes making the same tables is another benchmark.
            for worker in team.workers:
                await worker.ask("prepare")
            yield team

    async def sample(self) -> dict[str, float]:
        """All processes sample at the same time."""
        return self.row.combine(await asyncio.gather(*(worker.ask("sample") for worker in self.workers)))

    async def check(self) -> None:
        """Whether all that was acknowledged is stored, and nothing else."""
        written = sum([await worker.ask("written") for worker in self.workers])
        stored = await self.workers[0].ask("stored")
        if written != stored:
            side = self.workers[0].setting.side
            raise RuntimeError(f"{side} in {self.row.name!r}: {written} items were acknowledged, {stored} are stored.")
