"""The head of a results document: six rows that matter most, the rows where we are slower, and a plot.

All is made from the document's own table, so `python -m benchmarks.summary` can renew the heads without measuring.
"""

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from benchmarks.data import ROOT

HOW = "## How it is measured"
"""The heading that follows a document's head."""


class Pick(NamedTuple):
    """A row of the head: its name there, and its workload in the table below, without the line on group commit."""

    title: str
    workload: str


SQLITE = (
    Pick("An agent's turn in a conversation of 2,000 items", "agent turn at 2,000 items: read all, add 2-4, ms"),
    Pick(
        "A web service with 64 concurrent requests",
        "web pattern, 64 tasks: new object, last 20, add 2, requests/s",
    ),
    Pick(
        "4 processes appending to 1,000 sessions",
        "4 processes x 16 tasks appending, 1,000 sessions: items added, items/s",
    ),
    Pick("Reading 10,000 items", "read all: of 10,000, ms"),
    Pick("The same agent's turn, encrypted", "encrypted: agent turn at 2,000 items: read all, add 2-4, ms"),
    Pick("A branch off a conversation of 1,000 turns", "fork before the last turn: 1,000 turns, ms"),
)
POSTGRES = (
    Pick("An agent's turn in a conversation of 2,000 items", "agent turn at 2,000 items: read all, add 3, ms"),
    Pick(
        "A web service with 64 concurrent requests",
        "web pattern, 64 tasks: new object, last 20, add 2, requests/s",
    ),
    Pick(
        "4 processes appending to one session each",
        "4 processes x 16 tasks appending, one session each: items added, items/s",
    ),
    Pick("Reading 10,000 items", "read 10,000: all, ms"),
    Pick("The latest 50 of 100,000 items", "last 50 of 100,000: last 50, ms"),
    Pick("The same agent's turn, encrypted", "encrypted: agent turn at 2,000 items: read all, add 3, ms"),
)
DOCUMENTS = {ROOT / "docs" / "benchmarks.md": SQLITE, ROOT / "docs" / "benchmarks-postgres.md": POSTGRES}


class Line(NamedTuple):
    """A row of a document's table.

    Attributes:
        workload: Its first cell's first line.
        limit: The limit's figure, as it is written; empty if it was not measured.
        ours: Ours.
        sdk: The Agents SDK's.
        faster: How many times as fast as the SDK ours is.
        to_limit: How many times as long as the limit ours takes.
    """

    workload: str
    limit: str
    ours: str
    sdk: str
    faster: float | None
    to_limit: float | None


def read_table(document: str) -> list[Line]:
    """Return the rows of a document's table of results."""
    _, _, text = document.partition("\n| workload | limit |")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()[2:] if line]
    return [_line(cells) for cells in rows if len(cells) == 8]


def _line(cells: list[str]) -> Line:
    workload, limit, ours, sdk = (cell.partition("<br>")[0] for cell in cells[:4])
    found = re.match(r"([\d.]+)( x faster)?", cells[4])
    ratio = float(found[1]) if found else None
    if found and found[2] and ratio:
        ratio = 1 / ratio
    return Line(workload, limit, ours, sdk, float(cells[7]) if cells[7] else None, ratio)


def renew(path: Path, picks: Sequence[Pick]) -> None:
    """Write a document's head anew from its table, and its plot beside it."""
    document = path.read_text(encoding="utf-8")
    title, _, rest = document.partition("\n")
    _, _, body = rest.partition(f"{HOW}\n")
    lines = read_table(document)
    found = {line.workload: line for line in lines}
    chosen = [(pick, found[pick.workload]) for pick in picks if pick.workload in found and found[pick.workload].faster]
    plot = path.with_suffix(".svg")
    head = _head(chosen, lines, plot.name) if chosen else ""
    path.write_text(f"{title}\n\n{head}{HOW}\n{body}", encoding="utf-8")
    if chosen:
        plot.write_text(draw(chosen), encoding="utf-8")


def _head(chosen: list[tuple[Pick, Line]], lines: list[Line], plot: str) -> str:
    text = (
        "How fast `sessions` is, compared with the OpenAI Agents SDK's own session and with the limit, the least work\n"
        "that can do the job.\n\n"
        "| workload | Agents SDK | sessions | limit | times as fast as the SDK |\n"
        "| --- | ---: | ---: | ---: | ---: |\n"
    )
    for pick, line in chosen:
        unit = line.workload.rpartition(", ")[2]
        figures = " | ".join(f"{figure} {unit}" for figure in (line.sdk, line.ours, line.limit))
        text += f"| {pick.title} | {figures} | {line.faster:.1f} |\n"
    text += f"\n![Time relative to the Agents SDK, in bars; the table above has the figures]({plot})\n\n"
    slower = [line for line in lines if line.faster and line.faster < 1 and line.workload.endswith((", ms", "/s"))]
    if slower:
        text += "The SDK is faster here:\n\n| workload | Agents SDK | sessions |\n| --- | ---: | ---: |\n"
        text += "".join(f"| {line.workload} | {line.sdk} | {line.ours} |\n" for line in slower) + "\n"
    return text


_WIDTH, _LEFT, _BAR, _GAP = 920, 380, 16, 14
_STYLE = """\
text{fill:#57606a}.sdk{fill:#afb8c1}.ours{fill:#0969da}.limit{stroke:#bc4c00;stroke-width:3}
@media(prefers-color-scheme:dark){text{fill:#adbac7}.sdk{fill:#545d68}.ours{fill:#539bf5}.limit{stroke:#f0883e}}"""


def draw(chosen: list[tuple[Pick, Line]]) -> str:
    """Return the plot as SVG that loads nothing: times as shares of the SDK's, with a line at the limit's."""
    height = 48 + len(chosen) * (2 * _BAR + _GAP)
    shares = [_shares(line) for _, line in chosen]
    full = (_WIDTH - _LEFT - 120) / max(1.0, *(share for pair in shares for share in pair))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"',
        '  role="img" font-family="sans-serif" font-size="14">',
        "<title>Time relative to the Agents SDK</title>",
        f"<style>{_STYLE}</style>",
        _bar("sdk", _LEFT, 14, _BAR),
        _text(_LEFT + 24, 27, "Agents SDK"),
        _bar("ours", _LEFT + 130, 14, _BAR),
        _text(_LEFT + 154, 27, "sessions"),
        _mark(_LEFT + 238, 14),
        _text(_LEFT + 250, 27, "limit"),
        _text(_LEFT + 310, 27, "(time: shorter is faster)"),
    ]
    for number, ((pick, line), (ours, limit)) in enumerate(zip(chosen, shares, strict=True)):
        top = 48 + number * (2 * _BAR + _GAP)
        beside = _LEFT + max(ours, limit) * full + 10
        parts += [
            _text(_LEFT - 12, top + _BAR + 5, pick.title, anchor="end"),
            _bar("sdk", _LEFT, top, full),
            _bar("ours", _LEFT, top + _BAR, max(1, ours * full)),
            _mark(_LEFT + limit * full, top + _BAR),
            _text(beside, top + 2 * _BAR - 3, f"{line.faster:.1f} times as fast"),
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _bar(side: str, left: float, top: float, width: float) -> str:
    return f'<rect class="{side}" x="{left:.0f}" y="{top:.0f}" width="{width:.0f}" height="{_BAR}"/>'


def _mark(at: float, top: float) -> str:
    return f'<line class="limit" x1="{at:.0f}" y1="{top - 2:.0f}" x2="{at:.0f}" y2="{top + _BAR + 2:.0f}"/>'


def _text(left: float, base: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{left:.0f}" y="{base:.0f}" text-anchor="{anchor}">{escape(text)}</text>'


def _shares(line: Line) -> tuple[float, float]:
    """Return the time that ours and the limit take, as shares of the SDK's."""
    ours = 1 / line.faster if line.faster else 0.0
    return ours, ours / line.to_limit if line.to_limit else 0.0


if __name__ == "__main__":
    for document, picks in DOCUMENTS.items():
        renew(document, picks)
