"""``sessions migrate URL``: our tables in a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sessions.cli.common.database import URL, on_database
from sessions.cli.common.receipts import write_line
from sessions.cli.migrating import migrate as make_tables

if TYPE_CHECKING:
    from sessions.cli.common.database import Database


@click.command(short_help="Make or update the tables of a server's database.")
@URL
@on_database(keys=False, opened=False)
async def migrate(database: Database) -> None:
    """Make our tables in a database on a server, or bring them up to date. It may run as often as you like.

    In a SQLite file the tables are made at the first operation.
    """
    try:
        done = await make_tables(
            database.found, dict(database.connect_arg), database.table_prefix, database.schema, database.wait
        )
    except (TypeError, ValueError) as error:
        # A driver raises TypeError for an option that it does not know.
        raise click.UsageError(str(error)) from None
    write_line(done)
