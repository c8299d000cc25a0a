"""``sessions undo`` and ``sessions redo``: the last turns of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sessions.cli.common.database import URL, on_database
from sessions.cli.common.receipts import JSON, counted, write_receipt
from sessions.cli.common.sessions_by_id import BRANCH, ID, existing

if TYPE_CHECKING:
    from sessions.store.store import Store


@click.command(short_help="Undo the last turns of a session.")
@URL
@ID
@BRANCH
@click.option("--turns", type=click.IntRange(min=1), default=1, show_default=True, help="How many.")
@JSON
@on_database()
async def undo(store: Store, *, session_id: str, branch: str | None, turns: int, as_json: bool) -> None:
    """Undo the last turns of a session. Nothing is deleted: `sessions redo` reverts it."""
    session = await existing(store, session_id, branch)
    items = await session.undo(turns)
    _write("Undone", session_id, items, turns, "`sessions redo` reverts it.", as_json=as_json)


@click.command(short_help="Revert the last undo.")
@URL
@ID
@BRANCH
@JSON
@on_database()
async def redo(store: Store, *, session_id: str, branch: str | None, as_json: bool) -> None:
    """Revert the last undo of a session, if nothing was added since."""
    session = await existing(store, session_id, branch)
    items = await session.redo()
    _write("Redone", session_id, items, None, "", as_json=as_json)


def _write(done: str, session_id: str, items: list[Any], turns: int | None, hint: str, *, as_json: bool) -> None:
    record = {"session_id": session_id, "items": len(items), **({} if turns is None else {"turns": turns})}
    what = counted(len(items), "item") if turns is None else f"{counted(turns, 'turn')}, {counted(len(items), 'item')}"
    write_receipt(record, [f"{done}: {what}. {hint}".rstrip()], as_json=as_json)
