"""The command line: `python -m benchmarks.on_checkpoints`."""

import argparse
import asyncio
import os
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path
from time import perf_counter

from benchmarks.data import ROOT
from benchmarks.machine import describe_machine, describe_versions
from benchmarks.on_checkpoints import __doc__ as description
from benchmarks.on_checkpoints import parts
from benchmarks.on_memories.measured import Part
from tests.sql.servers import NotInstalledError, Postgres, running_postgres

DOCUMENT = ROOT / "docs" / "benchmarks-checkpoints.md"

INTRODUCTION = """\
# Benchmarks of threads

Written by `python -m benchmarks.on_checkpoints`. [The benchmarks of sessions](benchmarks.md#how-it-is-measured) explain
the columns *ours / limit*, *target* and *met*. All databases are new and on this machine, and sync each commit to the
disk. A real graph runs once, and each side is asked what the graph asked of its saver, without `await`.

- **limit**: the least work that can do the job. A row and a commit for each call, which holds only what is new in it
  and needs no serializing: Python's `sqlite3`, psycopg with prepared statements, or for 64 tasks a pool of 15
  connections of asyncpg. A read is one row with the whole state, and LangGraph's serializer. Encrypted, it is ours in
  the clear, and AES-GCM of as many bytes.
- **ours**: `SessionSaver`.
- **SqliteSaver**, **PostgresSaver** and their asynchronous twins: LangGraph's savers.

*Bytes* are those that the workload adds to a database with empty tables. *The last 50* puts are those of the longest
state. *Processor time beyond serializing* is that of all threads in such a put, without what LangGraph's serializer
takes for the same values; waiting for the disk is not in it. *A new process* remembers nothing of the thread, so it
fetches all pieces. Messages have 500 bytes. *A page of 100 threads* is `saver.threads()`; LangGraph's savers only list
all checkpoints.

This run:
"""


class Databases:
    """New databases of each kind; servers are started when they are first asked for."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._numbers = count(1)
        self._postgres = cache(self._start_postgres)

    def new(self, kind: str) -> str:
        """Return the URL of a new database."""
        if kind == parts.SQLITE:
            return f"sqlite:///{self._folder}/ours-{next(self._numbers)}.db"
        return self._postgres().new_database()

    def _start_postgres(self) -> Postgres:
        return self._stack.enter_context(running_postgres(self._folder / "postgres", settings=()))


QUICK = "**A quick run, of short workloads and one round: it shows that everything runs. Its figures mean nothing.**"


def write(path: Path, done: list[Part], folder: Path, *, quick: bool) -> None:
    """Write the page."""
    load = os.getloadavg()[2]
    about = [
        *([QUICK, ""] if quick else []),
        f"- Date: {datetime.now(UTC):%Y-%m-%d}",
        f"- Machine: {describe_machine(folder)}",
        f"- Versions: {describe_versions()}",
        f"- Load average over 15 minutes when it ended, the benchmark's own in it: {load:.1f}",
    ]
    lines = [INTRODUCTION, *about, "", *(line for part in done for line in part.lines())]
    path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.on_checkpoints",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="short workloads and one round: does everything run?")
    parser.add_argument("--only", action="append", metavar="NAME", help="parts whose name contains NAME; repeatable")
    parser.add_argument(
        "--output", type=Path, help=f"the document to write (default after a full run: {DOCUMENT.name})"
    )
    given = parser.parse_args()
    titles = [title for title in parts.PARTS if not given.only or any(name in title for name in given.only)]
    done: list[Part] = []
    began = perf_counter()
    with tempfile.TemporaryDirectory(prefix="sessions-benchmarks-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        databases = Databases(folder, stack)
        for number, title in enumerate(titles):
            own = folder / f"part-{number}"
            own.mkdir()
            started = perf_counter()
            try:
                part = asyncio.run(parts.measure(title, parts.Place(own, databases.new, given.quick)))
            except NotInstalledError as error:
                print(f"{title} is left out: {error}")
                continue
            done.append(part)
            print(f"{perf_counter() - started:.1f} s\n" + "\n".join(part.lines()), flush=True)
        if output := given.output or (None if given.quick or given.only else DOCUMENT):
            write(output, done, folder, quick=given.quick)
    print(f"{perf_counter() - began:.0f} s in all")


if __name__ == "__main__":
    main()
