"""``sessions branch …``: the branches of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from sessions.cli.common.asking import YES, confirm
from sessions.cli.common.database import URL, on_database
from sessions.cli.common.inert import escaped
from sessions.cli.common.receipts import JSON, counted, write_receipt
from sessions.cli.common.rows import Column, Style, fields_of, one_page, styles, write_rows
from sessions.cli.common.sessions_by_id import ID, existing, readable

if TYPE_CHECKING:
    from sessions.store.store import Store
    from sessions.types import Branch

_NAME: Final = click.argument("name")

_COLUMNS: Final = (
    Column("name", "BRANCH", whole=True),
    Column("current", "CURRENT", spare=1),
    Column("turns", "TURNS", right=True),
    Column("items", "ITEMS", right=True),
    Column("parent", "FORKED FROM", spare=2),
    Column("fork_turn", "AT TURN", right=True, spare=3),
    Column("last_activity", "ACTIVE (UTC)", fixed=True, spare=4),
)


@click.group(short_help="List, make, switch, rename and delete branches.")
def branch() -> None:
    """List, make, switch, rename and delete the branches of a session."""


@branch.command("list")
@URL
@ID
@styles
@on_database()
async def list_(store: Store, *, session_id: str, style: Style) -> None:
    """List the branches of a session, in the order in which they were made. No key is needed."""
    from sessions.types import Branch  # noqa: PLC0415 - `--help` needs none of it

    session, _ = await readable(store, session_id)
    found = await session.branches.list()
    fields = (*fields_of(Branch), "parent")
    await write_rows(style, _COLUMNS, one_page(map(_record, found)), fields=fields)


@branch.command("create")
@URL
@ID
@_NAME
@click.option("--turn", type=click.IntRange(min=1), help="Fork before this turn.")
@click.option("--position", type=click.IntRange(min=0), help="Fork after this position; 0 is before everything.")
@click.option("--source", help="The branch to fork; the current one by default.")
@click.option("--switch", is_flag=True, help="Make it the current branch.")
@JSON
@on_database()
async def create(
    store: Store,
    *,
    session_id: str,
    name: str,
    turn: int | None,
    position: int | None,
    source: str | None,
    switch: bool,
    as_json: bool,
) -> None:
    """Make a branch at the end of another one, or at an earlier place. Nothing is copied."""
    session = await existing(store, session_id)
    made = await session.branches.create(name, turn=turn, position=position, source=source, switch=switch)
    size = f"{counted(made.turns, 'turn')} and {counted(made.items, 'item')}"
    line = f"Made branch {name!r} with {size}{', and switched to it' * switch}."
    write_receipt(_record(made), [line], as_json=as_json)


@branch.command("switch")
@URL
@ID
@_NAME
@JSON
@on_database()
async def switch_(store: Store, *, session_id: str, name: str, as_json: bool) -> None:
    """Make a branch the session's current one, for every process."""
    session = await existing(store, session_id)
    await session.branches.switch(name)
    write_receipt({"session_id": session_id, "current": name}, [f"Switched to {name!r}."], as_json=as_json)


@branch.command("rename")
@URL
@ID
@_NAME
@click.argument("new")
@JSON
@on_database()
async def rename(store: Store, *, session_id: str, name: str, new: str, as_json: bool) -> None:
    """Rename a branch."""
    session = await existing(store, session_id)
    await session.branches.rename(name, new)
    record = {"session_id": session_id, "name": new, "was": name}
    write_receipt(record, [f"Renamed {name!r} to {new!r}."], as_json=as_json)


@branch.command("delete")
@URL
@ID
@_NAME
@click.option("--force", is_flag=True, help="Delete it even if it is the current one.")
@YES
@JSON
@on_database()
async def delete(store: Store, *, session_id: str, name: str, force: bool, yes: bool, as_json: bool) -> None:
    """Delete a branch and the items that only it could see. Its usage records are kept."""
    session = await existing(store, session_id)
    confirm(f"Delete branch {escaped(repr(name))} of session {escaped(repr(session_id))} for good?", yes=yes)
    await session.branches.delete(name, force=force)
    write_receipt({"session_id": session_id, "deleted": name}, [f"Deleted branch {name!r}."], as_json=as_json)


def _record(found: Branch) -> dict[str, Any]:
    return {**vars(found), "parent": found.lineage[-1] if found.lineage else None}
