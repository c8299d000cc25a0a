"""Who said what, a line each, for a terminal of any width or a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from sessions import text_of

if TYPE_CHECKING:
    from sessions import Entry

# Lines longer than this are hard to read, however wide the terminal is.
WIDEST = 100
STYLES = {"customer": "bold cyan", "triage": "bold green", "billing": "bold magenta", "bookings": "bold yellow"}

console = Console(highlight=False)
console.width = min(console.width, WIDEST)


def show(entry: Entry) -> None:
    """Print an entry: its turn, who added it, and what it says. What tools return is left out."""
    who = entry.author or "customer"
    if entry.kind == "handover":
        _line("", who, f"hands over to {entry.item['to']}: {entry.item['note']}", "italic dim")
    elif entry.kind == "tool_call":
        arguments = ", ".join(f"{name}={value!r}" for name, value in json.loads(entry.item["arguments"]).items())
        _line("", who, f"calls {entry.tool}({arguments})", "dim")
    elif text := text_of(entry.item):
        _line(str(entry.turn) if entry.kind == "user" else "", who, text, "")


def _line(turn: str, who: str, text: str, style: str) -> None:
    _fit(Text.assemble(f"{turn:>2} ", (f"{who:<10}", STYLES.get(who, "dim")), (" ".join(text.split()), style)))


def step(name: str, text: str) -> None:
    """Print what was done, and what it does."""
    _fit(Text.assemble((f"{name:<18}", "bold"), " ".join(text.split())))


def _fit(line: Text) -> None:
    console.print(line, no_wrap=True, overflow="ellipsis")


def heading(text: str) -> None:
    """Print a rule with a title."""
    console.rule(Text(text, "bold"), align="left", style="dim")
