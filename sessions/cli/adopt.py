"""``sessions adopt URL``: conversations that the OpenAI Agents SDK wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sessions.cli.common.database import URL, on_database
from sessions.cli.common.failures import FINDINGS, OK
from sessions.cli.common.inert import escaped
from sessions.cli.common.progress import progress
from sessions.cli.common.receipts import JSON, named_counts, write_receipt

if TYPE_CHECKING:
    from sessions.store.store import Store


@click.command(short_help="Take over the conversations of the OpenAI Agents SDK.")
@URL
@JSON
@on_database(creates="tables")
async def adopt(store: Store, *, as_json: bool) -> int:
    """Copy all sessions that the OpenAI Agents SDK wrote into this database, so that they are listed.

    The SDK's tables are not changed. After an interruption, run it again. The exit code is 1 if sessions were skipped;
    the output says why.
    """
    with progress("Adopting") as far:
        done = await store.adopt(progress=lambda so_far: far(f"{so_far.sessions:,} sessions"))
    record = vars(done) | {"skipped": [vars(one) for one in done.skipped]}
    lines = [
        f"Taken over: {named_counts(record, without=['already'])}.",
        *([f"Already here: {done.already:,}."] if done.already else []),
        *(f"Skipped {escaped(repr(one.session_id))}: {one.reason}." for one in done.skipped),
    ]
    write_receipt(record, lines, as_json=as_json)
    return FINDINGS if done.skipped else OK
