"""A conversation as Markdown, for people to read.

Everything that was said is in a fenced block, and all other words from the database are escaped. So
contents are never taken for Markdown or HTML.
"""

from __future__ import annotations

import json
import re
from html import escape
from typing import TYPE_CHECKING, Any, Final

from sessions.items.calls import text_of
from sessions.items.kinds import ASSISTANT, DEVELOPER, SYSTEM, USER
from sessions.items.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sessions.types import Entry
    from sessions.types.info import SessionInfo

_MESSAGES: Final = frozenset({USER, ASSISTANT, SYSTEM, DEVELOPER})
_PUNCTUATION: Final = re.compile(r"([!-/:-@\[-`{-~])")
_FENCES: Final = re.compile("`{3,}")
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LONGEST: Final = 200


def heading_of(info: SessionInfo, branch: str) -> str:
    """Return the beginning of a session's text: its title, owner, times and tags."""
    lines = [
        f"# {escaped(info.title or info.session_id)}",
        "",
        f"- Session: {escaped(info.session_id)}",
        f"- Branch: {escaped(branch)}",
        f"- Created: {_time(info.created_at)}",
        f"- Last changed: {_time(info.updated_at)}",
    ]
    if info.owner is not None:
        owner = info.owner if isinstance(info.owner, str) else " / ".join(info.owner)
        lines.append(f"- Owner: {escaped(owner)}")
    if info.tags:
        lines.append(f"- Tags: {', '.join(map(escaped, info.tags))}")
    if info.archived:
        lines.append("- Archived")
    return "\n".join(lines) + "\n"


def text_of_entry(entry: Entry, turn: int | None) -> str:
    """Return an entry's text; before the first one of a turn, its heading.

    Args:
        entry: The entry.
        turn: The turn of the entry before; ``None`` for the first entry.
    """
    return "\n".join(_lines(entry, turn)) + "\n"


def escaped(text: str) -> str:
    """Return the beginning of a text in one line, in which Markdown and HTML mean nothing."""
    return _PUNCTUATION.sub(r"\\\1", one_line(text, _LONGEST))


def fenced(text: str, language: str = "text") -> str:
    """Return a text in a block that it cannot end. Characters that steer terminals or turn texts are replaced."""
    shown = _CONTROLS.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
    fence = "`" * max([3, *(len(found) + 1 for found in _FENCES.findall(shown))])
    return f"{fence}{language}\n{shown}{'' if shown.endswith(chr(10)) else chr(10)}{fence}"


def _lines(entry: Entry, turn: int | None) -> Iterator[str]:
    if entry.turn != turn:
        yield ""
        yield f"## Turn {entry.turn}" if entry.turn else "## Before the first turn"
    yield ""
    by = f" · {escaped(entry.author)}" if entry.author else ""
    if entry.kind in _MESSAGES and (text := text_of(entry.item)):
        yield f"**{escaped(entry.kind)}**{by} · {_time(entry.created_at)}"
        yield ""
        yield fenced(text)
        return
    tool = f" {entry.tool}" if entry.tool else ""
    author = f" · {entry.author}" if entry.author else ""
    summary = escape(one_line(f"{entry.kind}{tool}{author}", _LONGEST))
    # The blank line ends the HTML, so that the fence is a fence.
    yield f"<details><summary>{summary} · {_time(entry.created_at)}</summary>"
    yield ""
    yield fenced(_as_json(entry.item), "json")
    yield ""
    yield "</details>"


def _as_json(item: Any) -> str:
    return json.dumps(item, ensure_ascii=False, indent=2, default=str)


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
