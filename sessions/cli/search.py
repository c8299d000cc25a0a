"""``sessions search URL WORDS``: the entries that have all of some words; and ``sessions index URL``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from sessions.cli.common.database import URL, on_database
from sessions.cli.common.progress import progress
from sessions.cli.common.receipts import JSON, counted, write_receipt
from sessions.cli.common.rows import Column, Style, fields_of, one_page, styles, write_rows
from sessions.cli.common.running import say
from sessions.cli.common.times import When
from sessions.cli.list import BELOW, OWNER, filters

if TYPE_CHECKING:
    from sessions.store.store import Store
    from sessions.types.search import SearchPage

_AT_ONCE: Final = 10_000
"""Entries whose words are made between two words about the progress."""

_COLUMNS: Final = (
    Column("session_id", "ID", whole=True),
    Column("position", "POSITION", right=True, spare=3),
    Column("kind", "KIND", spare=2),
    Column("created_at", "ADDED (UTC)", fixed=True, spare=1),
    Column("snippet", "TEXT"),
)


@click.command(short_help="Find items by their words.")
@URL
@click.argument("words", nargs=-1, required=True)
@click.option("--session", "session_id", metavar="ID", help="Only in this session.")
@click.option("--branch", metavar="NAME", help="Only on this branch of --session; its current one by default.")
@OWNER
@BELOW
@click.option("--tag", help="Only sessions with this tag.")
@click.option("--archived/--not-archived", default=None, help="Only archived sessions, or only others.")
@click.option("--since", type=When(), help="Only sessions changed since a day, a time, or as in 7d.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many items.")
@click.option("--after", metavar="CURSOR", help="Go on where a search has stopped.")
@click.option("--no-index", is_flag=True, help="Write nothing: search the words that are indexed.")
@styles
@on_database()
async def search(
    store: Store,
    *,
    words: tuple[str, ...],
    style: Style,
    session_id: str | None,
    branch: str | None,
    limit: int,
    after: str | None,
    no_index: bool,
    **wanted: Any,
) -> None:
    """Find the items that have all of some words, the latest first.

    Words are compared whole and without case. Items of all sessions are found by an index of their words, which the
    command first brings up to date for some items; `sessions index` does it for all. Encrypted sessions need the key.
    """
    query = " ".join(words)
    chosen = filters(**wanted)
    if session_id is None:
        if branch is not None:
            raise click.UsageError("--branch needs --session. Nothing was read.")
        if no_index:
            chosen["catch_up"] = 0
        page = await store.search(query, limit=limit, after=after, **chosen)
    else:
        if chosen:
            raise click.UsageError(f"--session cannot be combined with --{next(iter(chosen))}. Nothing was read.")
        page = await store.session(session_id).search(query, branch=branch, limit=limit, after=after)
    from sessions.types.search import SearchHit  # noqa: PLC0415 - `--help` needs none of it

    records = one_page(map(vars, page.hits))
    await write_rows(style, _COLUMNS, records, fields=fields_of(SearchHit), none="No such items.")
    _say_what_is_missing(page)


def _say_what_is_missing(page: SearchPage) -> None:
    if page.behind:
        say(f"{counted(page.behind, 'session')} not searched completely: run `sessions index`.")
    if page.skipped:
        say(f"{page.skipped:,} not searched, because it is encrypted or damaged: give the key.")
    if page.cursor is not None:
        say(f"Go on with --after {page.cursor}.")


@click.command(short_help="Index the words of items, for searches.")
@URL
@OWNER
@BELOW
@JSON
@on_database()
async def index(store: Store, *, as_json: bool, **wanted: Any) -> None:
    """Index the words of all items that are not indexed yet, in short transactions beside other callers.

    Searches do so for some items. An interrupted run goes on where it stopped. Encrypted sessions need the key; the
    index of their words is encrypted, too.
    """
    chosen = filters(**wanted)
    sessions = entries = 0
    with progress("Indexing") as far:
        while True:
            done = await store.index(entries=_AT_ONCE, **chosen)
            sessions, entries = sessions + done.sessions, entries + done.entries
            far(f"{sessions:,} sessions, {entries:,} items; {done.behind:,} sessions are left")
            if not done.entries:
                break
    record = {"sessions": sessions, "entries": entries, "behind": done.behind, "skipped": done.skipped}
    lines = [f"Indexed: {counted(sessions, 'session')}, {counted(entries, 'item')}."]
    if done.behind:
        lines.append(f"{counted(done.behind, 'session')} changed meanwhile: run it again.")
    if done.skipped:
        lines.append(f"{counted(done.skipped, 'session')} skipped: encrypted with another key, or damaged.")
    write_receipt(record, lines, as_json=as_json)
