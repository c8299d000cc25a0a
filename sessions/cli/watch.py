"""``sessions watch URL ID``: the changes of a session, as they happen."""

from __future__ import annotations

import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal

import click

from sessions.cli.common.database import URL, on_database
from sessions.cli.common.inert import line_of
from sessions.cli.common.rows import console, width, write_json
from sessions.cli.common.sessions_by_id import ID, readable
from sessions.cli.common.times import ago
from sessions.cli.show import said_by

if TYPE_CHECKING:
    from sessions.store.store import Store
    from sessions.types import Change


@click.command(short_help="Follow the changes of a session.")
@URL
@ID
@click.option("--after", type=click.IntRange(min=0), metavar="VERSION", help="Begin after this version; 0 for all.")
@click.option("-n", "--limit", type=click.IntRange(min=1), help="End after so many changes.")
@click.option("--nl", "--json", "style", flag_value="nl", default=None, help="Write JSON lines: a change each.")
@on_database()
async def watch(
    store: Store, *, session_id: str, after: int | None, limit: int | None, style: Literal["nl"] | None
) -> None:
    """Follow a session: each change is a line as it happens, from any process, until Ctrl-C."""
    session, hidden = await readable(store, session_id)
    count = 0
    async with aclosing(session.watch(after)) as changes:
        async for change in changes:
            if style is None:
                _line(change)
            else:
                write_json(_record(change, hidden=hidden))
            sys.stdout.flush()
            count += 1
            if count == limit:
                return


def _record(change: Change, *, hidden: bool) -> dict[str, Any]:
    return {**vars(change), "items": None if hidden else change.items, "encrypted": hidden}


def _line(change: Change) -> None:
    from rich.text import Text  # noqa: PLC0415 - JSON needs none of it

    from sessions.items.calls import kind_of  # noqa: PLC0415 - as above

    screen = console()
    head = Text(f"{ago(change.created_at)} ", "dim")
    head.append(f"{change.version:>5} ", "dim").append(line_of(change.kind), "bold")
    if change.branch is not None:
        head.append(f" {line_of(change.branch)}", "cyan")
    wide = width()
    screen.print(head, soft_wrap=wide is None)
    for position, item in zip(change.positions, change.items, strict=True):
        kind = kind_of(item)
        said = " ".join(said_by(item, kind))
        text = Text(f"{position:>8} ", "dim").append(f"{line_of(kind)}: ").append(line_of(said))
        if wide is not None:
            text.truncate(wide, overflow="ellipsis")
        screen.print(text, soft_wrap=wide is None)
