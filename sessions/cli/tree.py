"""``sessions tree URL ID``: the turns and branches of a session, drawn."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from sessions.cli.common.database import URL, on_database
from sessions.cli.common.rows import console, width, write_json
from sessions.cli.common.sessions_by_id import BRANCH, ID, readable

if TYPE_CHECKING:
    from sessions.store.store import Store

_PIPE_WIDTH = 100


@click.command(short_help="Draw the turns and branches of a session.")
@URL
@ID
@BRANCH
@click.option("--max-turns", type=click.IntRange(min=1), default=1000, show_default=True, help="Read at most so many.")
@click.option("--mermaid", "shape", flag_value="mermaid", help="Write a flow chart for Markdown.")
@click.option("--html", "shape", flag_value="html", help="Write HTML that loads nothing.")
@click.option("--json", "shape", flag_value="json", help="Write the tree as JSON.")
@on_database()
async def tree(store: Store, *, session_id: str, branch: str | None, max_turns: int, shape: str | None) -> None:
    """Draw the turns and branches of a session, undone turns and alternative answers among them."""
    session, _ = await readable(store, session_id, branch)
    found = await session.tree(max_turns=max_turns)
    if shape == "mermaid":
        click.echo(found.to_mermaid())
    elif shape == "html":
        click.echo(found.to_html())
    elif shape == "json":
        write_json(asdict(found))
    else:
        screen = console()
        screen.width = width() or _PIPE_WIDTH
        screen.print(found)
