"""``sessions checkpoints URL THREAD``: the checkpoints of a thread of LangGraph; and pruning them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from sessions.cli.common.asking import YES, confirm
from sessions.cli.common.database import URL, on_database
from sessions.cli.common.inert import escaped
from sessions.cli.common.receipts import JSON, counted, write_receipt
from sessions.cli.common.rows import Column, Style, styles, write_rows
from sessions.cli.common.times import Duration

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import timedelta

    from sessions.checkpoints.values import Checkpoint
    from sessions.store.store import Store
    from sessions.store.threads import ThreadStore

_PAGE: Final = 20

_COLUMNS: Final = (
    Column("checkpoint_id", "CHECKPOINT", whole=True),
    Column("ns", "NAMESPACE", spare=1),
    Column("step", "STEP", right=True),
    Column("source", "SOURCE"),
    Column("bytes", "BYTES", right=True, spare=2),
    Column("writes", "WRITES", right=True, spare=3),
    Column("channels", "CHANNELS", spare=4),
)

_FIELDS: Final = (
    "thread_id", "ns", "checkpoint_id", "parent_id", "run_id", "time", "source", "step", "channels", "bytes", "writes",
    "unreadable",
)  # fmt: skip


@click.command(short_help="List the checkpoints of a thread of LangGraph.")
@URL
@click.argument("thread_id", metavar="THREAD")
@click.option("--namespace", help="Only this namespace: '' is the graph itself. All by default.")
@click.option("-n", "--limit", type=click.IntRange(min=1), help="At most so many checkpoints; all by default.")
@styles
@on_database()
async def checkpoints(store: Store, *, thread_id: str, namespace: str | None, limit: int | None, style: Style) -> None:
    """List the checkpoints of a thread, the latest first: steps, sizes of the state, and channels, without contents."""
    from sessions.checkpoints.values import Query  # noqa: PLC0415 - `--help` needs none of it

    found = await _threads(store, thread_id)
    pages = _pages(found, Query(thread_id=thread_id, ns=namespace, limit=limit))
    await write_rows(style, _COLUMNS, pages, fields=_FIELDS, none="No checkpoints.")
    await found.aclose()


@click.command(short_help="Remove old checkpoints of threads of LangGraph.")
@URL
@click.argument("threads", metavar="THREAD...", nargs=-1, required=True)
@click.option("--keep-last", type=click.IntRange(min=1), default=1, show_default=True, help="How many stay.")
@click.option("--older-than", type=Duration(), help="Only those that are older, as in 30d.")
@click.option("--dry-run", is_flag=True, help="Remove nothing; tell what would go.")
@YES
@JSON
@on_database()
async def prune(
    store: Store,
    *,
    threads: tuple[str, ...],
    keep_last: int,
    older_than: timedelta | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove all checkpoints of threads but the latest of each namespace, and the pieces that only they need.

    Checkpoints that a channel is rebuilt from stay. Encrypted threads need their key. The bytes stay in free pages of
    the files until `sessions vacuum`.
    """
    from sessions.clock import now  # noqa: PLC0415 - as above

    ids = list(dict.fromkeys(threads))
    found = await _threads(store, *ids, lenient=False)
    if not dry_run:
        confirm(f"Prune {', '.join(escaped(repr(one)) for one in ids)} for good?", yes=yes)
    before = None if older_than is None else now() - int(older_than.total_seconds() * 1_000_000)
    pruned = await found.prune(ids, keep_last=keep_last, older_than=before, dry_run=dry_run)
    await found.aclose()
    did = "Would remove" if dry_run else "Removed"
    went = f"{counted(pruned.checkpoints, 'checkpoint')} with {counted(pruned.writes, 'write')} of tasks"
    lines = [f"{did} {went}, {pruned.bytes:,} bytes."]
    if pruned.kept:
        lines.append(f"{counted(pruned.kept, 'checkpoint')} only kept for what is rebuilt from them.")
    write_receipt({**pruned._asdict(), "dry_run": dry_run}, lines, as_json=as_json)


async def _threads(store: Store, *thread_ids: str, lenient: bool = True) -> ThreadStore:
    """Return the threads of a store.

    Raises:
        UsageError: One of these is missing.
    """
    from sessions.checkpoints.values import Query  # noqa: PLC0415 - as above
    from sessions.cli.common.threads import threads_of  # noqa: PLC0415 - as above

    found = await threads_of(store, lenient=lenient)
    for thread_id in thread_ids:
        any_of_it = Query(thread_id=thread_id, limit=1)
        if found is None or not [one async for one in found.list(any_of_it)]:
            raise click.UsageError(
                f"there is no thread {escaped(repr(thread_id))}. Nothing was changed. `sessions threads` has the ids."
            )
    assert found is not None  # noqa: S101 - each command names a thread
    return found


async def _pages(found: ThreadStore, query: Any) -> AsyncIterator[list[dict[str, Any]]]:
    page: list[dict[str, Any]] = []
    async for one in found.list(query):
        page.append(_record(one))
        if len(page) == _PAGE:
            yield page
            page = []
    yield page


def _record(one: Checkpoint) -> dict[str, Any]:
    from sessions.cli.common.threads import described  # noqa: PLC0415 - as above

    metadata, head = described(one.metadata), described(one.head)
    return {
        "thread_id": one.thread_id,
        "ns": one.ns,
        "checkpoint_id": one.checkpoint_id,
        "parent_id": one.parent_id,
        "run_id": one.run_id,
        "time": (head or {}).get("ts"),
        "source": "(encrypted)" if metadata is None else metadata.get("source"),
        "step": (metadata or {}).get("step"),
        "channels": sorted(one.values),
        "bytes": sum(len(part) for value in one.values.values() for part in value.parts),
        "writes": len(one.writes),
        "unreadable": metadata is None,
    }
