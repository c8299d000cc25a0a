"""``sessions erase URL``: sessions, or all of an owner, for good, with receipts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click

from sessions.cli.common.asking import YES, confirm
from sessions.cli.common.database import URL, on_database
from sessions.cli.common.failures import OK
from sessions.cli.common.inert import escaped
from sessions.cli.common.progress import progress
from sessions.cli.common.receipts import JSON, code_of, counted, left_to_do, named_counts, write_line
from sessions.cli.common.rows import as_text, write_json
from sessions.cli.common.stopping import telling

if TYPE_CHECKING:
    from sessions.store.store import Store
    from sessions.types.receipts import ErasureReceipt
    from sessions.types.retention import OwnerErasure

ACTOR: Final = click.option("--actor", help="Who has it done, for the audit.")
NO_SCRUB: Final = click.option(
    "--no-scrub", is_flag=True, help="Leave the bytes in free pages of the files, for `sessions vacuum`."
)


_AGAIN: Final = "Run it again for the rest; `sessions vacuum` removes the bytes."


@click.command(short_help="Erase sessions for good.")
@URL
@click.argument("session_ids", metavar="[ID]...", nargs=-1)
@click.option(
    "--owner", multiple=True, metavar="LABEL", help="Erase all of this owner; repeat it for an owner of several labels."
)
@click.option("--below", is_flag=True, help="Also all of owners whose labels begin with these.")
@ACTOR
@NO_SCRUB
@YES
@JSON
@on_database(keys=False)
async def erase(
    store: Store,
    *,
    session_ids: tuple[str, ...],
    owner: tuple[str, ...],
    below: bool,
    actor: str | None,
    no_scrub: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Erase sessions, or everything of an owner, from every table, and the bytes from the files.

    Each receipt counts the removed rows, and lists remaining work. No key is needed. Backups are not covered.
    """
    if bool(session_ids) == bool(owner):
        raise click.UsageError("give IDs or --owner, and not both. Nothing was done.")
    if below and not owner:
        raise click.UsageError("--below needs --owner. Nothing was done.")
    how: dict[str, Any] = {"actor": actor}
    if owner:
        whose = escaped(repr(as_text(owner, whole=True)))
        confirm(f"Erase all sessions of {whose}{' and of all owners below it' * below} for good?", yes=yes)
        so_far: OwnerErasure | None = None

        def note(done: OwnerErasure) -> None:
            nonlocal so_far
            so_far = done
            far(counted(done.sessions, "session"))

        with telling(lambda: _before(so_far)), progress("Erasing") as far:
            receipt = await store.erase_owner(owner, below=below, scrub=not no_scrub, progress=note, **how)
        _write_of_owner(receipt, as_json=as_json)
        return code_of(receipt.pending, scrub=not no_scrub)
    ids = list(dict.fromkeys(session_ids))
    confirm(f"Erase {', '.join(escaped(repr(session_id)) for session_id in ids)} for good?", yes=yes)
    number, code = 0, OK
    with telling(lambda: _AGAIN if number > 1 else None):
        for number, session_id in enumerate(ids, 1):
            # The bytes go once, after the last one.
            is_last = number == len(ids)
            erased = await store.erase(session_id, scrub=is_last and not no_scrub, **how)
            _write(erased if is_last or no_scrub else replace(erased, pending=()), as_json=as_json)
            code = code_of(erased.pending, scrub=is_last and not no_scrub)
    return code


def write_left(pending: tuple[str, ...]) -> None:
    """Write a receipt's remaining work."""
    for sentence in left_to_do(pending):
        write_line(f"  left to do: {sentence}")


def _write(receipt: ErasureReceipt, *, as_json: bool) -> None:
    counts: dict[str, Any] = vars(receipt)
    if as_json:
        write_json(counts)
        return
    name = escaped(repr(receipt.session_id))
    write_line(f"Erased {name}: {named_counts(counts)}." if receipt.existed else f"There was no session {name}.")
    write_left(receipt.pending)


def _write_of_owner(receipt: OwnerErasure, *, as_json: bool) -> None:
    if as_json:
        write_json(vars(receipt))
        return
    write_line(_counts(receipt))
    write_left(receipt.pending)


def _before(receipt: OwnerErasure | None) -> str | None:
    return None if receipt is None else f"Before that: {_counts(receipt)} {_AGAIN}"


def _counts(receipt: OwnerErasure) -> str:
    rows = "; ".join(named_counts(counts) for counts in receipt.rows.values())
    return f"Erased {counted(receipt.sessions, 'session')} of {as_text(receipt.owner, whole=True)}: {rows}."
