"""``sessions erase URL``: sessions, threads of LangGraph, or all of an owner, for good, with receipts."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
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
from sessions.clock import as_time, now
from sessions.types.receipts import ErasureReceipt, ThreadErasure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from sessions.db.component import Removed
    from sessions.db.transaction import Transaction
    from sessions.store.store import Store
    from sessions.store.threads import ThreadStore
    from sessions.types.retention import OwnerErasure

ACTOR: Final = click.option("--actor", help="Who has it done, for the audit.")
NO_SCRUB: Final = click.option(
    "--no-scrub", is_flag=True, help="Leave the bytes in free pages of the files, for `sessions vacuum`."
)


_THEIRS: Final = (
    "another saver of LangGraph has threads in this database, perhaps this one: delete it with saver.delete_thread(…)",
)

_AGAIN: Final = "Run it again for the rest; `sessions vacuum` removes the bytes."


@click.command(short_help="Erase sessions or threads for good.")
@URL
@click.argument("session_ids", metavar="[ID]...", nargs=-1)
@click.option("--thread", "thread_ids", multiple=True, metavar="ID", help="Erase a thread of LangGraph; repeat it.")
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
    thread_ids: tuple[str, ...],
    owner: tuple[str, ...],
    below: bool,
    actor: str | None,
    no_scrub: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Erase sessions, threads of LangGraph, or everything of an owner, from every table, and the bytes from the files.

    Each receipt counts the removed rows, and lists remaining work. No key is needed. Backups are not covered.
    """
    if [bool(session_ids), bool(thread_ids), bool(owner)].count(True) != 1:
        raise click.UsageError("give IDs, --thread or --owner, and only one of them. Nothing was done.")
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
    ids = list(dict.fromkeys(session_ids or thread_ids))
    what = "threads " * bool(thread_ids)
    confirm(f"Erase {what}{', '.join(escaped(repr(one)) for one in ids)} for good?", yes=yes)
    number, code = 0, OK
    with telling(lambda: _AGAIN if number > 1 else None):
        async with _erasing(store, is_thread=bool(thread_ids)) as erase_one:
            for number, one in enumerate(ids, 1):
                # The bytes go once, after the last one.
                is_last = number == len(ids)
                erased = await erase_one(one, scrub=is_last and not no_scrub, **how)
                _write(erased if is_last or no_scrub else replace(erased, pending=()), as_json=as_json)
                code = code_of(erased.pending, scrub=is_last and not no_scrub)
    return code


@asynccontextmanager
async def _erasing(
    store: Store, *, is_thread: bool
) -> AsyncIterator[Callable[..., Awaitable[ErasureReceipt | ThreadErasure]]]:
    """Yield the function that erases a session, or a thread."""
    if not is_thread:
        yield store.erase
        return
    from sessions.cli.common.threads import threads_of  # noqa: PLC0415 - `--help` needs none of it

    threads = await threads_of(store)
    yield partial(_no_thread, store) if threads is None else partial(_erase_thread, threads)
    if threads is not None:
        await threads.aclose()


async def _no_thread(store: Store, thread_id: str, **_: Any) -> ThreadErasure:
    """Return the receipt of a database in which no saver of ours has been: looking makes no tables."""
    from sessions.checkpoints.official_tables import are_there  # noqa: PLC0415 - as above

    is_theirs = await store._backend.read(are_there, "the store")  # noqa: SLF001 - it is one of ours
    return ThreadErasure(thread_id, as_time(now()), existed=False, rows={}, pending=_THEIRS if is_theirs else ())


async def _erase_thread(threads: ThreadStore, thread_id: str, **how: Any) -> ThreadErasure:
    from sessions.checkpoints.official_tables import removed_rows  # noqa: PLC0415 - as above

    def also(tx: Transaction, existed: bool) -> Removed:  # noqa: FBT001 - as `Also` says
        del existed
        return removed_rows(tx, thread_id)

    at = as_time(now())
    removed, pending = await threads.erase(thread_id, also=also, **how)
    return ThreadErasure(thread_id, at, any(removed.rows.values()), dict(removed.rows), tuple(pending))


def write_left(pending: tuple[str, ...]) -> None:
    """Write a receipt's remaining work."""
    for sentence in left_to_do(pending):
        write_line(f"  left to do: {sentence}")


def _write(receipt: ErasureReceipt | ThreadErasure, *, as_json: bool) -> None:
    if as_json:
        write_json(vars(receipt))
        return
    kind, one = ("", receipt.session_id) if isinstance(receipt, ErasureReceipt) else ("thread ", receipt.thread_id)
    counts: Mapping[str, Any] = vars(receipt) if isinstance(receipt, ErasureReceipt) else receipt.rows
    name = escaped(repr(one))
    there_was = f"There was no {kind or 'session '}{name}."
    write_line(f"Erased {kind}{name}: {named_counts(counts)}." if receipt.existed else there_was)
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
