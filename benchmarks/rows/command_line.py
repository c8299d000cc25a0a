"""`sessions list` in a new process: an operator sees the first line at once, however many sessions there are.

Measured from the import of click, in the new process, to the first line at the other end of the pipe. Both read the
system's one monotonic clock.
"""

import asyncio
import os
import sys
from time import perf_counter
from typing import ClassVar

from typing_extensions import override

from benchmarks.data import ROOT
from benchmarks.row import Figure, Target
from benchmarks.rows.listing import COUNTS, Listing
from benchmarks.sides import Side

PROGRAMS: dict[Side, str] = {
    "limit": """
import sys
from time import perf_counter
sys.stderr.write(f"{perf_counter()}\\n")
import click
import sqlite3
connection = sqlite3.connect(sys.argv[1])
for row in connection.execute("SELECT * FROM sessions WHERE archived = 0 ORDER BY active_at DESC"):
    click.echo("\\t".join(map(str, row)))
    sys.stdout.flush()
""",
    "ours": """
import sys
from time import perf_counter
sys.stderr.write(f"{perf_counter()}\\n")
import click
import agent_session_store
sys.argv[1:] = ["list", f"sqlite:///{sys.argv[1]}"]
sys.exit(agent_session_store.main())
""",
}


class ListCommand(Listing):
    """The first line of a list of all sessions, in files of 100 and of 1,000,000 of them."""

    name = "sessions list"
    figures: ClassVar = tuple(Figure(f"first line, of {count:,}", "ms", Target(300, "absolute")) for count in COUNTS)
    rounds = 11
    in_quick_run = False

    @override
    async def prepare(self) -> None:
        await self.sample()

    @override
    async def sample(self) -> dict[str, float]:
        return {f"first line, of {count:,}": await self._first_line(count) for count in COUNTS}

    async def _first_line(self, count: int) -> float:
        """Milliseconds to the first session; then nobody reads on."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAMS[self.setting.side], str(self.file(self.setting, count)),
            cwd=ROOT, env=_environment(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        line = await process.stdout.readline()
        if line.startswith(b"ID\t"):
            line = await process.stdout.readline()
        ended = perf_counter()
        assert b"session " in line or b"owner" in line
        started = float(await process.stderr.readline())
        process.kill()
        await process.wait()
        return (ended - started) * 1e3


def _environment() -> dict[str, str]:
    """Let all sides keep their compiled modules, as installed packages do; the first sample makes them."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
