"""The results as a table: in the terminal, and as Markdown."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.table import Table

from benchmarks import summary
from benchmarks.data import load_items
from benchmarks.limit import encode
from benchmarks.machine import describe_machine, describe_versions
from benchmarks.row import Figure, Target
from benchmarks.run import Bench, Result
from benchmarks.sides import TITLES, Side

COLUMNS = ("workload", "limit", "ours", "Agents SDK", "ours / limit", "target", "met", "SDK / ours")

TITLE = "# Benchmarks"

INTRODUCTION = """\
Written by `python -m benchmarks`. Three sides do the same work:

- **limit**: the least work that can do the job. Blocking `sqlite3`, called directly, with one table, one index, one
  statement per operation, and msgspec for the JSON. For branches it has tables of its own: a fork is one row and finds
  its turn by an index, a switch is one update, and a list is one select. Its disk space is one copy of the items
  without branches.
- **limit with group commit**: the same, with a thread that commits waiting appends together.
- **ours**: `sessions.SQLiteSession`.
- **Agents SDK**: `agents.SQLiteSession`. For branches `AdvancedSQLiteSession`, which has no undo, copies items to fork,
  and keeps the current branch in the Python object, so its switch writes nothing.

Each side has its own processes and its own file. After a warm-up the sides take turns, sample by sample (limit, ours,
SDK, limit, ours …), so noise hits all of them. The items are recorded messages of a tool-calling agent. Where several
processes write, the stored items are counted afterwards, and must be exactly the acknowledged ones.

All figures are medians.

- *ours / limit* and *SDK / ours* are ratios of cost: 2 means twice the time, or half the rate. Where the target is to
  be faster than the limit, the cell says "n x faster".
- The second line of *ours / limit* holds the quartiles of this ratio over the rounds: the range of the noise.
- *met* is "unclear" if the target lies between these quartiles, or if a side's own quartiles differ by half or more.
  Measure again on a quiet machine.
- **Compare ratios.** Absolute figures belong to one machine on one day.

This run:
"""


def describe_items(data: Path) -> str:
    """One line: which messages, how many and how long."""
    items = load_items(data)
    return (
        f"{len(items):,} messages of {data.name}, {fmean(len(encode(item)) for item in items):.0f} bytes of JSON each"
    )


def show(results: list[Result], console: Console) -> None:
    """Prints the table."""
    table = Table(*COLUMNS, title="Medians of interleaved runs")
    for column in table.columns[1:]:
        column.justify = "right"
    row = None
    for result in results:
        if result.row is not row:
            table.add_section()
            row = result.row
            table.add_row(row.name, style="bold")
        # The row's name stands above its figures: a terminal is narrower than a page.
        name, *cells = _cells(result)
        name = name.removeprefix(f"{row.name}: ")
        table.add_row(f"  {name}", *cells, style="yellow" if result.met() in {"no", "unclear"} else "")
    console.print(table)


def write(path: Path, results: list[Result], durability: dict[Side, str], bench: Bench) -> None:
    """Writes the same table with all that is needed to judge it."""
    write_document(
        path,
        TITLE,
        [
            INTRODUCTION,
            f"- Date: {datetime.now(UTC):%Y-%m-%d}",
            f"- Machine: {describe_machine(bench.folder)}",
            f"- Versions: {describe_versions()}",
            f"- Items: {describe_items(bench.data)}",
            *(f"- Durability, {TITLES[side]}: {text}" for side, text in durability.items()),
        ],
        results,
        summary.SQLITE,
    )


def write_document(
    path: Path, title: str, about: list[str], results: list[Result], picks: Sequence[summary.Pick]
) -> None:
    """Writes a document: the rows that are picked and a plot of them, how it was measured, and all results."""
    lines = [
        title,
        "",
        summary.HOW,
        "",
        *about,
        "",
        "## All results",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "| --- " + "| ---: " * (len(COLUMNS) - 1) + "|",
        *("| " + " | ".join(_cells(result, "<br>")) + " |" for result in results),
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    summary.renew(path, picks)


def _cells(result: Result, line_break: str = "\n") -> list[str]:
    figure, target = result.figure, result.figure.target
    name = f"{result.row.name}: {figure.key}" + (f", {figure.unit}" if figure.unit else "")
    if (grouped := result.of("grouped")) is not None:
        name += f"{line_break}({TITLES['grouped']}: {number(grouped)})"
    return [
        name,
        number(result.of("limit")),
        number(result.of("ours")),
        number(result.of("sdk")),
        ratio(result, line_break),
        target_text(target, figure),
        result.met() or "",
        _times(result.cost("sdk", "ours")),
    ]


def ratio(result: Result, line_break: str) -> str:
    """Ours as a multiple of the limit, with the quartiles of the rounds."""
    cost, spread = result.cost("ours", "limit"), result.spread()
    if cost is None:
        return ""
    faster = result.figure.target is not None and result.figure.target.kind == "faster"
    text = f"{1 / cost:.2f} x faster" if faster and cost else _times(cost)
    if spread is None:
        return text
    low, high = sorted(1 / bound if faster and bound else bound for bound in spread)
    return f"{text}{line_break}({low:.2f}-{high:.2f})"


def target_text(target: Target | None, figure: Figure) -> str:
    """A target as a cell."""
    match target:
        case None:
            return ""
        case Target(value, "cost", "limit"):
            return f"≤ {value:g}"
        case Target(value, "cost", base):
            return f"≤ {value:g} x {TITLES[base]}"
        case Target(value, "faster"):
            return f"≥ {value:g} x faster"
        case Target(value, _):
            return f"≤ {value:g} {figure.unit}".rstrip()


def _times(cost: float | None) -> str:
    return "" if cost is None else f"{cost:.2f}"


def number(value: float | None) -> str:
    """Three digits are all that such a measurement knows."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
