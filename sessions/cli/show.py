"""``sessions show URL ID``: a conversation, to be read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import click

from sessions.cli.common.database import URL, on_database
from sessions.cli.common.inert import escaped, json_of, line_of, lines_of
from sessions.cli.common.rows import (
    Column,
    Style,
    as_json,
    as_plain,
    as_text,
    console,
    fields_of,
    styles,
    width,
    write_rows,
)
from sessions.cli.common.sessions_by_id import BRANCH, ID, find, readable
from sessions.cli.common.times import ago

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from rich.console import Console
    from rich.text import Text

    from sessions.session.base import LogSession
    from sessions.store.store import Store
    from sessions.types import Entry
    from sessions.types.info import SessionInfo

_PAGE: Final = 200
_MOST: Final = 2000
"""Characters of a tool's arguments or output that are shown; ``--raw`` has all."""

_INDENT: Final = 5
_LABEL: Final = 11
_LEAST: Final = 10
"""Columns that a text has at least, however narrow the terminal is."""

_COLUMNS: Final = (
    Column("position", "POSITION", right=True),
    Column("turn", "TURN", right=True),
    Column("kind", "KIND"),
    Column("author", "AUTHOR"),
    Column("created_at", "CREATED (UTC)", fixed=True),
)
_STYLES: Final = {"user": "bold green", "assistant": "bold cyan"}


@click.command(short_help="Show a conversation.")
@URL
@ID
@BRANCH
@click.option("--turn", type=click.IntRange(min=0), help="Only this turn.")
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="Only the last N entries.")
@click.option("--kind", multiple=True, help="Only entries of this kind, as user or tool_call; may be repeated.")
@click.option("--raw", is_flag=True, help="Write the items alone, as they were added: a JSON line each.")
@styles
@on_database()
async def show(
    store: Store,
    *,
    session_id: str,
    branch: str | None,
    turn: int | None,
    last: int | None,
    kind: tuple[str, ...],
    raw: bool,
    style: Style,
) -> None:
    """Show a conversation as it is read on a branch, oldest first.

    In an encrypted session without its key, "(encrypted)" stands for each content. Control characters in messages are
    not passed on to the terminal; --raw and --json write them as escapes.
    """
    session, hidden = await readable(store, session_id, branch)

    turns, kinds = set[int](), set[str]()

    async def pages() -> AsyncIterator[list[Entry]]:
        async for page in _entries(session, last):
            found = [entry for entry in page if (turn is None or entry.turn == turn)]
            turns.update(entry.turn for entry in found)
            kinds.update(entry.kind for entry in found)
            yield [entry for entry in found if not kind or entry.kind in kind]

    if raw:
        async for page in pages():
            for entry in page:
                click.echo(as_json(entry.item))
    elif style == "table":
        screen = console()
        _heading(screen, await find(store, session_id), hidden=hidden)
        await _entries_of(screen, pages())
    else:
        from sessions.types import Entry  # noqa: PLC0415 - `--help` needs none of it

        fields = (*fields_of(Entry), "encrypted")
        await write_rows(style, _COLUMNS, _records(pages(), hidden=hidden), fields=fields)
    of = "" if last is None else f" among the last {last:,}"
    if turn is not None and turn not in turns:
        raise click.UsageError(f"the branch has no entry of turn {turn}{of}. `sessions tree` has the turns.")
    _check_kinds(kind, kinds, of if turn is None else f" in turn {turn}{of}")


def _check_kinds(wanted: tuple[str, ...], found: set[str], where: str) -> None:
    """See that kinds are no typos. Entries of an unknown shape have their own word as their kind.

    Raises:
        UsageError: One is neither of a known kind nor of one that is there.
    """
    from sessions.items.kinds import ALL  # noqa: PLC0415 - `--help` needs none of it

    for one in wanted:
        if one not in ALL and one not in found:
            there = f"It has {', '.join(sorted(found))}." if found else "It has no entries."
            raise click.UsageError(f"the branch has no entry of kind {escaped(repr(one))}{where}. {line_of(there)}")


async def _entries_of(screen: Console, pages: AsyncIterator[list[Entry]]) -> None:
    at = -1
    async for page in pages:
        for entry in page:
            if entry.turn != at:
                _rule(screen, entry)
                at = entry.turn
            _entry(screen, entry)


async def _entries(session: LogSession, last: int | None) -> AsyncIterator[list[Entry]]:
    if last is not None:
        yield await session.entries(last)
        return
    after = 0
    while page := await session.entries(_PAGE, after=after):
        yield page
        after = page[-1].position


async def _records(pages: AsyncIterator[list[Entry]], *, hidden: bool) -> AsyncIterator[list[dict[str, Any]]]:
    async for page in pages:
        yield [record_of(entry, hidden=hidden) for entry in page]


def record_of(entry: Entry, *, hidden: bool = False) -> dict[str, Any]:
    """Return an entry as a record of a listing."""
    return {**vars(entry), "item": None if hidden else entry.item, "encrypted": hidden}


def _heading(screen: Console, info: SessionInfo, *, hidden: bool) -> None:
    from rich.text import Text  # noqa: PLC0415 - JSON needs none of it

    screen.print(Text(escaped(info.session_id), "bold"), soft_wrap=width() is None)
    facts = [
        ("title", None if hidden else info.title),
        ("owner", info.owner),
        ("tags", info.tags),
        ("items", info.item_count),
        ("created", info.created_at),
        ("active", info.active_at),
        ("archived", info.archived),
        ("metadata", json_of(info.metadata) if info.metadata else None),
        ("encrypted", "without its key, contents are not shown" if hidden else None),
    ]
    for name, value in facts:
        if text := as_text(value):
            label = Text(f"{name:<{_LABEL}}", "dim")
            for line in _wrapped(screen, Text(text), _LABEL):
                screen.print(label + line, soft_wrap=width() is None)
                label = Text(" " * _LABEL)


def _rule(screen: Console, entry: Entry) -> None:
    from rich.text import Text  # noqa: PLC0415 - as above

    title = f"turn {entry.turn}" if entry.turn else "before the first turn"
    line = f"── {title} · {ago(entry.created_at)} "
    screen.print()
    screen.print(Text(line + "─" * max(0, min(width() or 60, 80) - len(line)), "dim"), no_wrap=True, overflow="crop")


def _entry(screen: Console, entry: Entry) -> None:
    from rich.text import Text  # noqa: PLC0415 - as above

    head = Text(f"{entry.position:>4} ", "dim")
    head.append(line_of(entry.kind), _STYLES.get(entry.kind, "bold"))
    for name in (entry.tool, entry.author):
        if name:
            head.append(f" · {line_of(name)}", "dim")
    screen.print(head, soft_wrap=width() is None)
    style = "" if entry.kind in _STYLES else "dim"
    lines = [Text(line, style) for part in said_by(entry.item, entry.kind) for line in lines_of(part)]
    for line in lines:
        for piece in _wrapped(screen, line, _INDENT):
            screen.print(Text(" " * _INDENT).append_text(piece), soft_wrap=width() is None)


def _wrapped(screen: Console, line: Text, indent: int) -> Iterable[Text]:
    """Return the lines that a line needs beside an indent; in a pipe, it stays one."""
    wide = width()
    pieces = list(line.wrap(screen, max(_LEAST, wide - indent))) if wide else [line]
    for piece in pieces:
        piece.rstrip()
    return pieces


def said_by(item: Any, kind: str) -> list[str]:
    """Return the content of an item as texts to read: its text, or a tool's arguments and output."""
    from sessions.items.calls import arguments_of, text_of  # noqa: PLC0415 - as above

    parts = [text] if (text := text_of(item)) else []
    if kind == "tool_call":
        parts += [_short(arguments) for arguments in arguments_of(item)]
    elif not parts:
        for name in ("output", "summary", "content", "note", "items"):
            if value := item.get(name):
                parts.append(_short(value))
                break
    return parts


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else "" if value is None else json.dumps(as_plain(value), ensure_ascii=False)
    return text if len(text) <= _MOST else f"{text[:_MOST]} … ({len(text) - _MOST:,} more characters; see --raw)"
