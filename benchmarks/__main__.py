"""The command line: `python -m benchmarks`."""

import argparse
import asyncio
import tempfile
from pathlib import Path
from time import perf_counter

from rich.console import Console

from benchmarks import __doc__ as description
from benchmarks import report
from benchmarks.data import ROOT, default_data
from benchmarks.row import Row
from benchmarks.rows import ROWS
from benchmarks.run import Bench, Result

DOCUMENT = ROOT / "docs" / "benchmarks.md"


def arguments() -> argparse.Namespace:
    """The options, parsed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="few and short samples: does everything run?")
    parser.add_argument("--only", action="append", metavar="NAME", help="rows whose name contains NAME; repeatable")
    parser.add_argument("--data", type=Path, default=default_data(), help="the recorded messages (JSON)")
    parser.add_argument("--dir", type=Path, help="where databases are made (default: the temporary directory)")
    parser.add_argument(
        "--output",
        type=Path,
        help="the document to write (default: docs/benchmarks.md after a run of everything)",
    )
    return parser.parse_args()


def chosen(options: argparse.Namespace) -> list[type[Row]]:
    """The rows that the options ask for, in the order of the table."""
    rows = [row for row in ROWS if row.in_quick_run or not options.quick]
    if options.only:
        rows = [row for row in rows if any(name.lower() in row.name.lower() for name in options.only)]
    return rows


async def main(options: argparse.Namespace) -> None:
    """Measures, prints and writes; the databases are removed at the end."""
    console, results = Console(), list[Result]()
    started = perf_counter()
    with tempfile.TemporaryDirectory(dir=options.dir, prefix="sessions-benchmarks-") as name:
        bench = Bench(Path(name), options.data.resolve(), options.quick)
        durability = await bench.durability()
        for row in chosen(options):
            began = perf_counter()
            results += await bench.run(row)
            console.print(f"{perf_counter() - began:5.1f} s  {row.name}")
        output = options.output or (None if options.quick or options.only else DOCUMENT)
        if output:
            report.write(output, results, durability, bench)
    report.show(results, console)
    for side, text in durability.items():
        console.print(f"{side}: {text}")
    console.print(f"{perf_counter() - started:.0f} s" + (f"; written to {output}" if output else ""))


if __name__ == "__main__":
    asyncio.run(main(arguments()))
