"""``sessions stats URL``: the numbers of a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sessions.cli.common.database import URL, on_database
from sessions.cli.common.receipts import JSON, write_receipt
from sessions.cli.common.rows import as_text

if TYPE_CHECKING:
    from sessions.store.store import Store


@click.command(short_help="Count sessions, items, memories, threads and bytes.")
@URL
@JSON
@on_database(keys=False)
async def stats(store: Store, *, as_json: bool) -> None:
    """Count the sessions, entries, memories, threads and bytes of a database, row by row. No key is needed."""
    found = await store.stats()
    lines = [f"{name.replace('_', ' '):<11} {as_text(value)}" for name, value in vars(found).items()]
    write_receipt(vars(found), lines, as_json=as_json)
