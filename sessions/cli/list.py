"""``sessions list URL``: the sessions of a database, the latest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from sessions.cli.common.database import URL, on_database
from sessions.cli.common.rows import Column, Style, styles, write_rows
from sessions.cli.common.times import When

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import date

    from sessions.cli.common.database import Database
    from sessions.store.store import Store
    from sessions.types.info import SessionInfo

_FIRST: Final = 50
"""Sessions of the first page, which is on the terminal before the next is read."""
_PAGE: Final = 1000

COLUMNS: Final = (
    Column("session_id", "ID", whole=True),
    Column("title", "TITLE"),
    Column("owner", "OWNER", spare=2),
    Column("item_count", "ITEMS", right=True, spare=1),
    Column("active_at", "ACTIVE (UTC)", fixed=True),
    Column("tags", "TAGS", spare=3),
)

FIELDS: Final = (
    "session_id", "title", "owner", "tags", "archived", "item_count", "created_at", "updated_at", "active_at",
    "metadata", "unreadable", "cursor",
)  # fmt: skip

OWNER: Final = click.option(
    "--owner", multiple=True, metavar="LABEL", help="Only this owner's; repeat it for an owner of several labels."
)
BELOW: Final = click.option(
    "--below", multiple=True, metavar="LABEL", help="Only owners whose labels begin with these."
)


@click.command("list", short_help="List the sessions, the latest first.")
@URL
@OWNER
@BELOW
@click.option("--tag", help="Only sessions with this tag.")
@click.option("--archived/--not-archived", default=None, help="Only archived sessions, or only others.")
@click.option("--since", type=When(), help="Only sessions changed since a day, a time, or as in 7d.")
@click.option(
    "--sort", type=click.Choice(["active", "created"]), default="active", show_default=True, help="The order."
)
@click.option("-n", "--limit", type=click.IntRange(min=1), help="At most so many sessions; all by default.")
@click.option("--after", metavar="CURSOR", help="Go on after the session with this cursor, which --json has.")
@styles
@on_database(opened=False)
async def list_(
    database: Database, *, style: Style, limit: int | None, after: str | None, sort: str, **wanted: Any
) -> None:
    """List the sessions of a database, the latest first, as they are read.

    Titles and tags of encrypted sessions need the key; their other columns do not. With a key, those of sessions that
    are not encrypted need --allow-plain-text.
    """
    hidden = "(encrypted)"
    if database.has_key:
        hidden = "(unreadable with this key)" if database.allow_plain_text else "(another key, or not encrypted)"
    async with database.open() as store:
        pages = _pages(store, limit, after, order=sort, **filters(**wanted))
        await write_rows(style, COLUMNS, _records(pages, hidden), fields=FIELDS, none="No sessions.")


def filters(
    owner: tuple[str, ...],
    below: tuple[str, ...],
    tag: str | None = None,
    archived: bool | None = None,  # noqa: FBT001 - click passes it by name
    since: date | None = None,
) -> dict[str, Any]:
    """Return the options of a filter as the arguments of `Store.sessions`."""
    given = {"owner": owner or None, "below": below or None, "tag": tag, "archived": archived, "since": since}
    return {name: value for name, value in given.items() if value is not None}


def record_of(info: SessionInfo, hidden: str) -> dict[str, Any]:
    """Return a session as a record of a listing; `hidden` is in place of a title that cannot be read."""
    record = {name: getattr(info, name) for name in FIELDS}
    return record | {"title": hidden} if info.unreadable else record


async def _records(pages: AsyncIterator[list[SessionInfo]], hidden: str) -> AsyncIterator[list[dict[str, Any]]]:
    async for page in pages:
        yield [record_of(info, hidden) for info in page]


async def _pages(store: Store, limit: int | None, after: str | None, **wanted: Any) -> AsyncIterator[list[SessionInfo]]:
    left, size = limit, _FIRST
    while left is None or left > 0:
        count = size if left is None else min(left, size)
        page = await store.sessions(limit=count, after=after, **wanted)
        if page:
            yield page
            after = page[-1].cursor
        if len(page) < count:
            return
        left, size = None if left is None else left - len(page), _PAGE
