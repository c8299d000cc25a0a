"""The command line: `python -m benchmarks.on_memories`."""

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
from benchmarks.on_memories import __doc__ as description
from benchmarks.on_memories import parts
from benchmarks.on_memories.measured import Part
from tests.sql.servers import MariaDB, NotInstalledError, Postgres, running_mariadb, running_postgres

DOCUMENT = ROOT / "docs" / "benchmarks-memories.md"

INTRODUCTION = """\
# Benchmarks of memories

Written by `python -m benchmarks.on_memories`. [The benchmarks of sessions](benchmarks.md#how-it-is-measured) explain
the columns *ours / limit*, *target* and *met*. All databases are new and on this machine. SQLite and Postgres sync each
commit to the disk, MariaDB does not.

- **limit**: the least work that can do the job. By key: one table and one statement an operation, with Python's own
  `sqlite3`, or a pool of 15 connections of asyncpg or aiomysql. Filters: `json_extract` on SQLite, `jsonb` on Postgres,
  and an index of the expression where ours has a declared field. Searches: numpy in memory, one product of all vectors
  and the query, and the ten largest. The longest wait of a reader: the same reader for as long without a search.
- **ours**: `store.memories`.
- **InMemoryStore**, **SqliteStore**, **PostgresStore**: LangGraph's stores. SqliteStore compares the query with every
  vector (sqlite-vec). PostgresStore uses the approximate index that it makes by default (pgvector, HNSW). Where nothing
  is searched by meaning, their asynchronous classes are measured.

The sides take turns, round by round, and all figures are medians of the rounds. Memories by key have 300 bytes; those
that are searched have a text of 40 words and one vector each, in clusters. *By both* is by meaning and by words. *The
first search* fills the cache of a process.

This run:
"""


class Databases:
    """New databases of each kind; servers are started when they are first asked for."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._numbers = count(1)
        self._postgres = cache(self._start_postgres)
        self._mariadb = cache(self._start_mariadb)

    def new(self, kind: str) -> str:
        """Return the URL of a new database."""
        if kind == parts.SQLITE:
            return f"sqlite:///{self._folder}/ours-{next(self._numbers)}.db"
        server = self._postgres() if kind == parts.POSTGRES else self._mariadb()
        return server.new_database()

    def _start_postgres(self) -> Postgres:
        return self._stack.enter_context(running_postgres(self._folder / "postgres", settings=()))

    def _start_mariadb(self) -> MariaDB:
        return self._stack.enter_context(running_mariadb(self._folder / "mariadb"))


QUICK = "**A quick run, of few memories and one round: it shows that everything runs. Its figures mean nothing.**"


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
        prog="python -m benchmarks.on_memories",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="few memories and one round: does everything run?")
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
