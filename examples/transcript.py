"""Who said what, for a terminal of any width or a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agents.items import (
    ItemHelpers,
    MessageOutputItem,
    ToolCallItem,
    ToolCallOutputItem,
)
from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from agents.items import RunItem

# Lines longer than this are hard to read, however wide the terminal is.
WIDEST = 100
INDENT = 11
STYLES = {"user": "bold cyan", "triage": "bold green", "billing": "bold magenta", "bookings": "bold yellow"}

console = Console(highlight=False)
console.width = min(console.width, WIDEST)


def say(who: str, text: str, *, style: str = "") -> None:
    """Print one line of the conversation, its text indented to the right of the speaker."""
    name = f"{who:>{INDENT - 2}}  "
    for line in Text(text, style).wrap(console, console.width - INDENT):
        line.rstrip()
        console.print(Text.assemble((name, STYLES.get(who, "dim")), line))
        name = " " * INDENT


def note(text: str) -> None:
    """Print what happens, as opposed to what is said."""
    say("demo", text, style="italic")


def shorten(text: str, length: int = 150) -> str:
    """The beginning of a long text, and how long it was."""
    if len(text) <= length:
        return text or "(nothing)"
    return f"{text[:length].rstrip()} ... ({len(text):,} characters)"


def show(items: list[RunItem]) -> None:
    """Print what a run added to the conversation."""
    for item in items:
        if isinstance(item, MessageOutputItem):
            say(item.agent.name, ItemHelpers.text_message_output(item))
        elif isinstance(item, ToolCallItem):
            arguments = json.loads(getattr(item.raw_item, "arguments", "{}"))
            listed = ", ".join(f"{name}={shorten(repr(value), 80)}" for name, value in arguments.items())
            say(item.agent.name, f"calls {item.tool_name}({listed})", style="dim")
        elif isinstance(item, ToolCallOutputItem):
            say("tool", shorten(str(item.output)), style="dim")


def show_removed(item: dict[str, Any]) -> None:
    """Print a stored item that is no longer part of the conversation."""
    content = item.get("content") or item.get("output") or item.get("name", "")
    text = content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)
    say("removed", f"{item.get('role', item.get('type'))}: {shorten(text)}", style="dim")


def heading(text: str) -> None:
    """Print a rule with a title."""
    console.print()
    console.rule(Text(text, "bold"), align="left", style="dim")
