"""Whether a session has all entries of a branch of another one: whether a copy was made before."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sessions.log.context.annotations import is_mark
from sessions.log.moving.source import SourceChanged, find_source, read_page
from sessions.store.transfer import recoder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessions.db.transaction import Transaction
    from sessions.log.moving.source import Page, Source
    from sessions.log.words import EntryRow
    from sessions.session.handle import Handle


async def has_all_of(source: Handle, target: Handle) -> int | None:
    """Return the number of items of a session, if another one begins with all its entries; ``None`` if not.

    Further entries of that one, between them or behind them, do not matter: in the source, they have expired.
    """
    recode = recoder(source.codec, target.codec, target.subject)
    theirs = _entries(target)
    try:
        count, there = 0, await anext(theirs, None)
        async for wanted in _entries(source):
            ((entry,), _) = recode([wanted], {})
            while there is not None and there.position < entry.position:
                there = await anext(theirs, None)
            if there is None or _content(there) != _content(entry):
                return None
            count += not is_mark(entry.kind)
    except SourceChanged:
        return None
    return count


def _content(entry: EntryRow) -> tuple[object, ...]:
    return entry.position, entry.kind, entry.author, entry.created_at, entry.payload


async def _entries(handle: Handle) -> AsyncIterator[EntryRow]:
    source: Source = await handle.read(lambda tx: find_source(tx, handle.conversation, handle.pinned, None))
    after, version = 0, source.version
    while after < source.tip:
        page: Page = await handle.read(partial(_read, handle=handle, source=source, after=after, version=version))
        for entry in page.entries:
            yield entry
        after, version = page.after, page.version


def _read(tx: Transaction, handle: Handle, source: Source, after: int, version: int) -> Page:
    return read_page(tx, handle.conversation, source, after, version)
