"""``sessions import URL FILE``: sessions of an export."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sessions.cli.common.database import URL, on_database
from sessions.cli.common.progress import progress
from sessions.cli.common.receipts import JSON, counted, write_receipt
from sessions.cli.common.stopping import telling

if TYPE_CHECKING:
    from sessions.store.store import Store
    from sessions.types.exports import Imported


@click.command("import", short_help="Read sessions and memories from an export.")
@URL
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--skip-existing", is_flag=True, help="Leave out sessions and memories that are here; without it, that is an error."
)
@JSON
@on_database(creates="file")
async def import_(store: Store, *, file: Path, skip_existing: bool, as_json: bool) -> None:
    """Import the sessions and memories of an export; a FILE of - is the standard input.

    Each session is there when it is whole. A file with a wrong line imports nothing. With a key, the imported sessions
    are encrypted. After an interruption, run it again with --skip-existing.
    """
    source = sys.stdin.buffer if str(file) == "-" else file
    whole = 0

    def note(so_far: Imported) -> None:
        nonlocal whole
        whole = so_far.sessions
        far(_counts(so_far))

    with telling(lambda: _before(whole)), progress("Importing") as far:
        done = await store.import_sessions(source, on_exists="skip" if skip_existing else "error", progress=note)
    write_receipt(vars(done), [f"Imported: {_counts(done)}."], as_json=as_json)


def _before(whole: int) -> str | None:
    return f"Imported before that: {counted(whole, 'session')}. Run it again with --skip-existing." if whole else None


def _counts(done: Imported) -> str:
    text = f"{counted(done.sessions, 'session')}, {counted(done.entries, 'entry', 'entries')}"
    if done.memories:
        text += f", {counted(done.memories, 'memory', 'memories')}"
    skipped = [f"{done.skipped:,}"] if done.skipped else []
    if done.memories_skipped:
        skipped.append(counted(done.memories_skipped, "memory", "memories"))
    return f"{text}; {' and '.join(skipped)} skipped" if skipped else text
