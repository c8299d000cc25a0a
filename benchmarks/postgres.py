"""The Postgres rows: `python -m benchmarks.postgres [--quick] [--only NAME]… [--output FILE]`.

Three sides on one server of its own, with durability on: the limit (raw asyncpg with a pool of 15, one prepared
statement an operation, one table), ours (`SQLAlchemySession` over an engine with a pool of 15), and the OpenAI Agents
SDK's `SQLAlchemySession` over an engine of the same kind. They take turns sample by sample.
"""

import argparse
import asyncio
import gc
import os
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from time import perf_counter

from rich.console import Console

from benchmarks import report, summary
from benchmarks.data import ROOT, default_data, load_items
from benchmarks.machine import describe_machine, describe_versions
from benchmarks.on_postgres import branches, listing, many, processes
from benchmarks.on_postgres.sides import connected, execute, make_limits_table
from benchmarks.on_postgres.workloads import WORKLOADS
from benchmarks.row import Row
from benchmarks.rows.branches import OPERATIONS
from benchmarks.rows.listing import Listing
from benchmarks.run import Result
from benchmarks.sides import SIDES
from tests.sql.servers import running_postgres

DOCUMENT = ROOT / "docs" / "benchmarks-postgres.md"

TITLE = "# Benchmarks on Postgres"

INTRODUCTION = """\
Written by `python -m benchmarks.postgres`. [The benchmarks on SQLite](benchmarks.md#how-it-is-measured) explain the
columns. All sides use one server on the same machine, with `fsync` and `synchronous_commit` on:

- **limit**: asyncpg, called directly, with a pool of 15 connections, one table, and one prepared statement per
  operation. For branches it has tables of its own (`benchmarks/branching.py`).
- **ours**: `sessions.SQLAlchemySession` over an engine with a pool of 15.
- **Agents SDK**: its `SQLAlchemySession` over an engine with a pool of 15. It has no branches on Postgres.

The rows "among 10 million entries" compare 100,000 sessions of 100 entries, in random order, with 100 sessions. They
use the system's Postgres, which compiles statements.

This run:
"""


def wanted(name: str, only: list[str]) -> bool:
    """Whether a row was asked for."""
    return not only or any(part in name for part in only)


async def measure(url: str, *, only: list[str], quick: bool, console: Console) -> list[Result]:
    """All workloads, each side in turn."""
    results: list[Result] = []
    await make_limits_table(url)
    async with AsyncExitStack() as stack:
        items = load_items(default_data())
        benches = [await stack.enter_async_context(connected(side, url, items, quick=quick)) for side in SIDES]
        for name, figure, workload in WORKLOADS:
            if not wanted(name, only) or (quick and "100,000" in name):
                continue
            began = perf_counter()
            result = Result(type(name, (Row,), {"name": name}), figure)
            for bench in benches:
                await workload(bench)
            # What autovacuum would do at the expense of one side: plans are made for what is there now.
            await execute(url, "VACUUM ANALYZE")
            for _ in range(3 if quick else 15):
                for bench in benches:
                    # What earlier samples left is not collected at this one's expense.
                    gc.collect()
                    result.samples.setdefault(bench.side, []).append(await workload(bench))
            results.append(result)
            console.print(f"{perf_counter() - began:5.1f} s  {name}")
    if wanted(processes.Processes.name, only):
        results += await processes.measure(url, quick=quick)
    return results


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.postgres", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few and short samples: does everything run?")
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="rows whose name contains NAME; repeatable"
    )
    parser.add_argument(
        "--output", type=Path, help=f"the document to write (default after a full run: {DOCUMENT.name})"
    )
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="sessions-benchmarks-") as folder:
        Path(folder).chmod(0o755)
        with running_postgres(Path(folder) / "postgres", settings=()) as server:
            url = server.new_database()
            results = asyncio.run(measure(url, only=options.only, quick=options.quick, console=console))
            if operations := [kind for kind in OPERATIONS if wanted(kind.title, options.only)]:
                results += asyncio.run(
                    branches.measure(server.new_database, operations, quick=options.quick, console=console)
                )
            if wanted(Listing.name, options.only) and not options.quick:
                results += asyncio.run(listing.measure(server.new_database, console=console))
            if any(wanted(kind.name, options.only) for kind in listing.TREES):
                results += asyncio.run(listing.measure_trees(server.new_database(), console=console))
        if wanted(many.TITLE, options.only):
            results += asyncio.run(many.measure(load_items(default_data()), quick=options.quick, console=console))
        report.show(results, console)
        if output := options.output or (None if options.quick or options.only else DOCUMENT):
            load = f"Load average over 15 minutes when it ended, the benchmark's own in it: {os.getloadavg()[2]:.1f}"
            about = [describe_machine(Path(folder)), describe_versions(), report.describe_items(default_data()), load]
            report.write_document(
                output, TITLE, [INTRODUCTION, *(f"- {line}" for line in about)], results, summary.POSTGRES
            )


if __name__ == "__main__":
    main()
