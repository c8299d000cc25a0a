"""Pages of several tables: the databases that their parts are measured on, their command line, and their writing."""

from __future__ import annotations

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
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from benchmarks.machine import describe_machine, describe_versions
from benchmarks.measured import Measured, Part
from tests.sql.servers import MariaDB, NotInstalledError, Postgres, running_mariadb, running_postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

SQLITE: Final = "SQLite"
POSTGRES: Final = "Postgres"
MARIADB: Final = "MariaDB"


class Place(NamedTuple):
    """Where a part runs.

    Attributes:
        folder: A folder of its own.
        new_database: Returns the URL of a new database, by the name of its kind.
        quick: Whether this is a smoke run.
    """

    folder: Path
    new_database: Callable[[str], str]
    quick: bool

    def pick(self, full: int, quick: int) -> int:
        """Return a number by the kind of run."""
        return quick if self.quick else full


Run: TypeAlias = "Callable[[Place], Coroutine[Any, Any, list[Measured]]]"
"""Measures a part."""


class Page(NamedTuple):
    """A page.

    Attributes:
        path: Where it is written.
        prog: The command that writes it.
        description: What the command does.
        introduction: The text above the tables.
        parts: What measures each table, by its title, in the order of the page.
        quick: What a quick run has little of.
    """

    path: Path
    prog: str
    description: str | None
    introduction: str
    parts: Mapping[str, Run]
    quick: str

    def write(self, path: Path, done: list[Part], folder: Path, *, quick: bool) -> None:
        """Write its parts that were measured."""
        load = os.getloadavg()[2]
        warning = (
            f"**A quick run, of {self.quick} and one round: it shows that everything runs. Its figures mean nothing.**"
        )
        about = [
            *([warning, ""] if quick else []),
            f"- Date: {datetime.now(UTC):%Y-%m-%d}",
            f"- Machine: {describe_machine(folder)}",
            f"- Versions: {describe_versions()}",
            f"- Load average over 15 minutes when it ended, the benchmark's own in it: {load:.1f}",
        ]
        lines = [self.introduction, *about, "", *(line for part in done for line in part.lines())]
        path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")

    def main(self) -> None:
        """Measure, print and write, as the command line says."""
        parser = argparse.ArgumentParser(
            prog=self.prog, description=self.description, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        parser.add_argument("--quick", action="store_true", help=f"{self.quick} and one round: does everything run?")
        parser.add_argument(
            "--only", action="append", metavar="NAME", help="parts whose name contains NAME; repeatable"
        )
        parser.add_argument(
            "--output", type=Path, help=f"the document to write (default after a full run: {self.path.name})"
        )
        given = parser.parse_args()
        titles = [title for title in self.parts if not given.only or any(name in title for name in given.only)]
        done: list[Part] = []
        began = perf_counter()
        with tempfile.TemporaryDirectory(prefix="sessions-benchmarks-") as name, ExitStack() as stack:
            folder = Path(name)
            folder.chmod(0o755)
            databases = _Databases(folder, stack)
            for number, title in enumerate(titles):
                own = folder / f"part-{number}"
                own.mkdir()
                started = perf_counter()
                try:
                    part = Part(title, asyncio.run(self.parts[title](Place(own, databases.new, given.quick))))
                except NotInstalledError as error:
                    print(f"{title} is left out: {error}")
                    continue
                done.append(part)
                print(f"{perf_counter() - started:.1f} s\n" + "\n".join(part.lines()), flush=True)
            if output := given.output or (None if given.quick or given.only else self.path):
                self.write(output, done, folder, quick=given.quick)
        print(f"{perf_counter() - began:.0f} s in all")


class _Databases:
    """New databases of each kind; servers are started when they are first asked for."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._numbers = count(1)
        self._postgres = cache(self._start_postgres)
        self._mariadb = cache(self._start_mariadb)

    def new(self, kind: str) -> str:
        """Return the URL of a new database."""
        if kind == SQLITE:
            return f"sqlite:///{self._folder}/ours-{next(self._numbers)}.db"
        server = self._postgres() if kind == POSTGRES else self._mariadb()
        return server.new_database()

    def _start_postgres(self) -> Postgres:
        return self._stack.enter_context(running_postgres(self._folder / "postgres", settings=()))

    def _start_mariadb(self) -> MariaDB:
        return self._stack.enter_context(running_mariadb(self._folder / "mariadb"))
