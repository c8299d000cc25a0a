"""``sessions vacuum URL``: the bytes of deleted rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sessions.cli.common.database import URL, on_database
from sessions.cli.common.failures import FINDINGS, OK
from sessions.cli.common.progress import progress
from sessions.cli.common.receipts import JSON, left_to_do, write_receipt

if TYPE_CHECKING:
    from sessions.cli.common.database import Database


@click.command(short_help="Remove the bytes of deleted items from the files.")
@URL
@JSON
@on_database(keys=False, opened=False)
async def vacuum(database: Database, *, as_json: bool) -> int:
    """Remove the bytes of erased, deleted and purged items from the database's files.

    On SQLite the file is rewritten: writers wait about a second for each 100 MB. On servers this is the
    administrator's task, and the output says how. The exit code is 1 if something is left to do.
    """
    async with database.open() as store:
        database.check_writable()
        with progress("Rewriting"):
            pending = left_to_do(await store.scrub())
    lines = [f"Left to do: {sentence}" for sentence in pending] or ["No deleted bytes are left."]
    write_receipt({"pending": pending}, lines, as_json=as_json)
    return FINDINGS if pending else OK
