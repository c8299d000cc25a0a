"""``sessions purge URL``: expired items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sessions.cli.common.asking import YES, confirm
from sessions.cli.common.database import URL, on_database
from sessions.cli.common.progress import progress
from sessions.cli.common.receipts import JSON, counted, write_receipt
from sessions.cli.common.stopping import telling
from sessions.cli.common.times import Duration

if TYPE_CHECKING:
    from datetime import timedelta

    from sessions.store.store import Store


@click.command(short_help="Delete expired items.")
@URL
@click.option("--older-than", type=Duration(), help="Also items without an expiry that are older, as in 90d.")
@click.option("--empty-sessions", is_flag=True, help="Also delete sessions that are empty then, with their usage.")
@YES
@JSON
@on_database(keys=False)
async def purge(store: Store, *, older_than: timedelta | None, empty_sessions: bool, yes: bool, as_json: bool) -> None:
    """Delete expired items physically, in all sessions, in short transactions. Readers do not see them anyway.

    No key is needed. The bytes stay in free pages of the files until `sessions vacuum`.
    """
    what = "expired items" if older_than is None else f"all items older than {older_than}, and expired ones,"
    confirm(f"Delete {what}{' and empty sessions' * empty_sessions} for good?", yes=yes)
    how: dict[str, Any] = {} if older_than is None else {"older_than": older_than}
    deleted = 0

    def note(so_far: int) -> None:
        nonlocal deleted
        deleted = so_far
        far(counted(deleted, "item"))

    with telling(lambda: _before(deleted)), progress("Purging") as far:
        deleted = await store.purge_expired(empty_sessions=empty_sessions, progress=note, **how)
    write_receipt({"deleted": deleted}, [f"Deleted {counted(deleted, 'expired item')}."], as_json=as_json)


def _before(deleted: int) -> str | None:
    return f"Before that: {counted(deleted, 'expired item')} deleted. Run it again for the rest." if deleted else None
