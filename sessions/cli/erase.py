"""``sessions erase URL ID…``: sessions for good, with receipts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sessions.cli.common.asking import YES, confirm
from sessions.cli.common.database import URL, on_database
from sessions.cli.common.inert import escaped
from sessions.cli.common.receipts import JSON, left_to_do, named_counts, write_line, write_receipt
from sessions.cli.common.rows import write_json

if TYPE_CHECKING:
    from sessions.store.store import Store
    from sessions.types import ErasureReceipt


@click.command(short_help="Erase sessions for good.")
@URL
@click.argument("session_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--no-scrub", is_flag=True, help="Leave the bytes in free pages of the files, for `sessions vacuum`.")
@YES
@JSON
@on_database(keys=False)
async def erase(store: Store, *, session_ids: tuple[str, ...], no_scrub: bool, yes: bool, as_json: bool) -> None:
    """Erase sessions from every table, and their bytes from the files, as far as that can be done from here.

    Each receipt counts the removed rows, and says what is left to do. No key is needed. Backups are not covered.
    """
    named = ", ".join(escaped(repr(session_id)) for session_id in session_ids)
    confirm(f"Erase {named} for good?", yes=yes)
    for session_id in session_ids:
        # The bytes go once, after the last one.
        is_last = session_id == session_ids[-1]
        receipt = await store.erase(session_id, scrub=is_last and not no_scrub)
        if not is_last and not no_scrub:
            receipt = _without_pending(receipt)
        if as_json:
            write_json(vars(receipt))
        else:
            _write(receipt)


def _without_pending(receipt: ErasureReceipt) -> ErasureReceipt:
    """Return a receipt without the note that the files are not scrubbed: they are, in a moment."""
    from dataclasses import replace  # noqa: PLC0415 - rarely needed

    return replace(receipt, pending=())


def _write(receipt: ErasureReceipt) -> None:
    counts: dict[str, Any] = vars(receipt)
    name = escaped(repr(receipt.session_id))
    removed = f"Erased {name}: {named_counts(counts)}." if receipt.existed else f"There was no session {name}."
    write_receipt(counts, [removed], as_json=False)
    for sentence in left_to_do(receipt.pending):
        write_line(f"  left to do: {sentence}")
