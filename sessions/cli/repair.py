"""``sessions repair URL ID``: the items of a session that no provider accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from sessions.cli.common.database import URL, on_database
from sessions.cli.common.failures import FINDINGS, OK
from sessions.cli.common.rows import Column, Style, fields_of, one_page, styles, write_rows
from sessions.cli.common.running import say
from sessions.cli.common.sessions_by_id import BRANCH, ID, existing

if TYPE_CHECKING:
    from sessions.store.store import Store

_COLUMNS: Final = (
    Column("position", "POSITION", right=True),
    Column("kind", "PROBLEM", whole=True),
    Column("call_id", "CALL", whole=True),
    Column("repair", "REPAIR", spare=1),
)

_REPAIRS: Final = {
    "open_call": "gets an output that says that none was recorded",
    "unanswerable_call": "the answer that contains it is removed",
    "orphan_call": "the answer that contains it is removed",
    "displaced_output": "is moved behind its call",
    "repeated_output": "is removed",
    "orphan_output": "is removed",
    "lone_reasoning": "is removed",
}


@click.command(short_help="Find, and repair, items that providers refuse.")
@URL
@ID
@BRANCH
@click.option("--apply", is_flag=True, help="Repair the branch; without it, nothing is changed.")
@click.option("--text", help="The text of an output that is added.")
@styles
@on_database()
async def repair(
    store: Store, *, session_id: str, branch: str | None, apply: bool, text: str | None, style: Style
) -> int:
    """Find the items of a session that no provider accepts, as a crash leaves them.

    The exit code is 1 if there are some and they are not repaired. Use --apply while no run is at work. The previous
    version stays available as an alternative answer.
    """
    from sessions.items.repair import Damage  # noqa: PLC0415 - `--help` needs none of it

    session = await existing(store, session_id, branch)
    report = await session.repair(apply=apply, text=text)
    fields = (*fields_of(Damage), "repair", "repaired")
    records = [_record(damage, repaired=report.repaired) for damage in report.damages]
    await write_rows(style, _COLUMNS, one_page(records), fields=fields, none="No damage was found.")
    if report.repaired:
        say(f"Repaired: {len(records)}.")
    elif records:
        say("Nothing was changed. Add --apply to repair it.")
        return FINDINGS
    return OK


def _record(damage: Any, *, repaired: bool) -> dict[str, Any]:
    return {**vars(damage), "repair": _REPAIRS.get(damage.kind), "repaired": repaired}
