"""``sessions threads URL``: the threads of LangGraph in a database, the newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from sessions.cli.common.database import URL, on_database
from sessions.cli.common.rows import Column, Style, styles, write_rows
from sessions.cli.list import BELOW, OWNER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessions.checkpoints.values import ThreadRow
    from sessions.store.store import Store
    from sessions.store.threads import ThreadStore

_PAGE: Final = 100

_COLUMNS: Final = (
    Column("thread_id", "THREAD", whole=True),
    Column("owner", "OWNER", spare=2),
    Column("step", "STEP", right=True, spare=1),
    Column("source", "SOURCE", spare=3),
    Column("updated_at", "UPDATED (UTC)", fixed=True),
    Column("expires_at", "EXPIRES (UTC)", fixed=True, spare=4),
)

_FIELDS: Final = (
    "thread_id", "owner", "created_at", "updated_at", "expires_at", "checkpoint_id", "source", "step", "namespaces",
    "unreadable", "cursor",
)  # fmt: skip


@click.command(short_help="List the threads of LangGraph, the newest first.")
@URL
@OWNER
@BELOW
@click.option("--prefix", default="", help="Only threads whose ids begin with it.")
@click.option("--expired", is_flag=True, help="Those that have expired and are not purged yet, instead of the others.")
@click.option("-n", "--limit", type=click.IntRange(min=1), help="At most so many threads; all by default.")
@click.option("--after", metavar="CURSOR", help="Go on after the thread with this cursor, which --json has.")
@styles
@on_database()
async def threads(
    store: Store,
    *,
    style: Style,
    owner: tuple[str, ...],
    below: tuple[str, ...],
    limit: int | None,
    after: str | None,
    **wanted: Any,
) -> None:
    """List the threads that savers of LangGraph have in a database, the newest first, without their states.

    The step of encrypted threads needs the key; their other columns do not.
    """
    # What LangGraph's part imports is not needed for the help.
    from sessions.cli.common.threads import threads_of  # noqa: PLC0415

    found = await threads_of(store)
    owners = _owners(owner, below)
    if found is None:
        await write_rows(style, _COLUMNS, _none(), fields=_FIELDS, none="No threads.")
        return
    pages = _pages(found, limit, after, owners=owners, **wanted)
    await write_rows(style, _COLUMNS, pages, fields=_FIELDS, none="No threads.")
    await found.aclose()


def _owners(owner: tuple[str, ...], below: tuple[str, ...]) -> tuple[str, str] | None:
    from sessions.labels import below_owner, encode_owner  # noqa: PLC0415 - as above
    from sessions.types.retention import one_owner  # noqa: PLC0415 - as above

    if owner and below:
        raise click.UsageError("--owner and --below exclude each other. Nothing was read. Give one of them.")
    if owner:
        return one_owner(encode_owner(owner))
    return below_owner(encode_owner(below, "below")) if below else None


async def _none() -> AsyncIterator[list[dict[str, Any]]]:
    yield []


async def _pages(
    found: ThreadStore, limit: int | None, after: str | None, **wanted: Any
) -> AsyncIterator[list[dict[str, Any]]]:
    left = limit
    while left is None or left > 0:
        count = _PAGE if left is None else min(left, _PAGE)
        page = await found.threads(limit=count, after=after, **wanted)
        yield [_record(row) for row in page]
        if len(page) < count:
            return
        after = page[-1].cursor
        left = None if left is None else left - len(page)


def _record(row: ThreadRow) -> dict[str, Any]:
    from sessions.cli.common.threads import described  # noqa: PLC0415 - as above
    from sessions.clock import as_near_time  # noqa: PLC0415 - as above
    from sessions.labels import decode_owner  # noqa: PLC0415 - as above

    metadata = described(row.metadata)
    unreadable = metadata is None and row.checkpoint_id is not None
    return {
        "thread_id": row.thread_id,
        "owner": decode_owner(row.owner),
        "created_at": as_near_time(row.created_at),
        "updated_at": as_near_time(row.updated_at),
        "expires_at": None if row.ttl is None else as_near_time(row.updated_at + row.ttl),
        "checkpoint_id": row.checkpoint_id,
        "source": "(encrypted)" if unreadable else (metadata or {}).get("source"),
        "step": (metadata or {}).get("step"),
        "namespaces": row.namespaces,
        "unreadable": unreadable,
        "cursor": row.cursor,
    }
