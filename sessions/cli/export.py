"""``sessions export URL``: sessions in a file, or in a pipe."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sessions.cli.common.database import URL, on_database
from sessions.cli.common.progress import progress
from sessions.cli.common.receipts import JSON, counted, write_receipt
from sessions.cli.common.stopping import telling
from sessions.cli.list import BELOW, OWNER

if TYPE_CHECKING:
    from sessions.store.store import Store
    from sessions.types.exports import Exported, ExportFormat


@click.command(short_help="Write sessions to a file or a pipe.")
@URL
@click.argument("session_ids", metavar="[ID]...", nargs=-1)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="The file; a pipe by default.")
@click.option(
    "--format", "format_", type=click.Choice(["jsonl", "markdown"]), default="jsonl", show_default=True,
    help="JSON lines lose nothing of a session and can be imported; Markdown is for people.",
)  # fmt: skip
@OWNER
@BELOW
@click.option("--memories", is_flag=True, help="Write memories, too: all, or those of --owner or --below.")
@click.option("--plain", is_flag=True, help="Write encrypted sessions and memories as plain text.")
@click.option("--resume", is_flag=True, help="Go on with a file that an interrupted export left.")
@JSON
@on_database()
async def export(
    store: Store,
    *,
    session_ids: tuple[str, ...],
    output: Path | None,
    format_: ExportFormat,
    owner: tuple[str, ...],
    below: tuple[str, ...],
    memories: bool,
    plain: bool,
    resume: bool,
    as_json: bool,
) -> None:
    """Export all sessions, those with an ID, or an owner's. A file is readable by its owner alone (mode 0600).

    Others may read and write meanwhile. `sessions import` reads the file again.
    """
    wanted: dict[str, Any] = {"ids": session_ids or None, "format": format_, "plain": plain, "memories": memories}
    if owner:
        wanted["owner"] = owner
    if below:
        wanted["below"] = below
    if output is None:
        if resume:
            raise click.UsageError("--resume needs the file that an interrupted export left: --output FILE.")
        if as_json:
            raise click.UsageError("--json needs --output FILE: the export itself goes to the pipe.")
        async for piece in store.export_lines(**wanted):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return
    whole = 0

    def note(so_far: Exported) -> None:
        nonlocal whole
        whole = so_far.sessions
        far(_counts(so_far))

    with telling(lambda: _before(output, whole)), progress("Exporting") as far:
        done = await store.export_sessions(output, resume=resume, progress=note, **wanted)
    write_receipt(vars(done), [f"Exported to {output}: {_counts(done)}."], as_json=as_json)


def _before(output: Path, whole: int) -> str | None:
    partial = Path(f"{output}.partial")
    if not whole or not partial.exists():
        return None
    return f"Exported before that: {counted(whole, 'session')}, in {partial}. Run it again with --resume."


def _counts(done: Exported) -> str:
    memories = f"{counted(done.memories, 'memory', 'memories')}, " if done.memories else ""
    entries = counted(done.entries, "entry", "entries")
    return f"{counted(done.sessions, 'session')}, {entries}, {memories}{done.size:,} bytes"
