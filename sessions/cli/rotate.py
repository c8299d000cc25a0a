"""``sessions rotate URL``: new keys for encrypted sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sessions.cli.common.database import URL, on_database
from sessions.cli.common.failures import KeyProblem
from sessions.cli.common.keys import VARIABLE
from sessions.cli.common.progress import progress
from sessions.cli.common.receipts import JSON, counted, named_counts, write_receipt
from sessions.cli.common.stopping import telling
from sessions.errors import RotationIncompleteError

if TYPE_CHECKING:
    from datetime import datetime

    from sessions.cli.common.database import Database
    from sessions.types.receipts import Rotation


@click.command(short_help="Replace the keys of encrypted sessions, memories and threads.")
@URL
@click.option("--reencrypt", is_flag=True, help="Also make new data keys, and encrypt everything with them.")
@click.option(
    "--before",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z"]),
    help="With --reencrypt: only data keys older than this; to go on after an interruption, when it first began.",
)
@JSON
@on_database(opened=False)
async def rotate(database: Database, *, reencrypt: bool, before: datetime | None, as_json: bool) -> None:
    """Wrap the keys of all encrypted sessions, memories and threads with the current key, while others use them.

    Give the old keys and the new one, the new one last: --key-file 2025=old.key --key-file 2026=new.key. After an
    interruption, run it again. With --reencrypt and --allow-plain-text, what is not encrypted is encrypted.
    """
    if not reencrypt and before is not None:
        raise click.UsageError("--before needs --reencrypt")
    if not database.has_key:
        raise KeyProblem(f"no key was given. Nothing was changed. Give --key-file, {VARIABLE} or --ask-key.")
    async with database.open() as store:
        whole: Rotation | None = None

        def note(so_far: Rotation) -> None:
            nonlocal whole
            whole = so_far
            far(_examined(so_far))

        with telling(lambda: _before(whole)), progress("Rotating keys") as far:
            try:
                done = await store.rotate(reencrypt=reencrypt, before=before, progress=note)
            except RotationIncompleteError as error:
                whole = None  # The receipt says it.
                _write(error.rotation, as_json=as_json)
                raise
    _write(done, as_json=as_json)


def _examined(done: Rotation) -> str:
    others = (counted(count, one) for count, one in ((done.namespaces, "namespace"), (done.threads, "thread")) if count)
    return ", ".join((counted(done.sessions, "session"), *others))


def _before(whole: Rotation | None) -> str | None:
    return None if whole is None else f"Rotated before that: {_examined(whole)}. Run it again for the rest."


def _write(done: Rotation, *, as_json: bool) -> None:
    lines = [f"Rotated: {named_counts(vars(done), without=['plain'])}."]
    if done.plain:
        lines.append(f"Left unencrypted: {done.plain:,}. To encrypt these too, add --allow-plain-text and --reencrypt.")
    write_receipt(vars(done), lines, as_json=as_json)
