"""The items of a conversation in pages, oldest first: of a session of ours, or of any object with the four methods."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sessions.items.kinds import PLACEHOLDER
from sessions.log.context.annotations import is_mark
from sessions.log.context.answers import Answers
from sessions.log.core.heads import find_head
from sessions.log.moving.source import find_source, read_page
from sessions.waits.portal import foreign

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessions.db.transaction import Transaction
    from sessions.log.moving.source import Page, Source
    from sessions.log.words import EntryRow
    from sessions.session.handle import Handle

_ALL: Final = (1 << 31) - 1
"""More items than a session can have, in an integer that every database takes."""


class Pages:
    """Pages of items.

    Attributes:
        unreadable: How many stored items could not be read so far.
    """

    def __init__(self) -> None:
        self.unreadable = 0

    @staticmethod
    def of(items: list[Any]) -> Pages:
        """Return the pages of a list: one."""
        return _Listed(items)

    async def all(self) -> list[Any]:
        """Return all items."""
        return [item async for page in self for item in page]

    def __aiter__(self) -> AsyncIterator[list[Any]]:
        raise NotImplementedError


class _Listed(Pages):
    def __init__(self, items: list[Any]) -> None:
        super().__init__()
        self._items = items

    async def __aiter__(self) -> AsyncIterator[list[Any]]:
        yield self._items


class _OfObject(Pages):
    def __init__(self, session: Any) -> None:
        super().__init__()
        self._session = session

    async def __aiter__(self) -> AsyncIterator[list[Any]]:
        # Without an argument, some return as many as their settings say.
        limit = getattr(getattr(self._session, "session_settings", None), "limit", None)
        arguments = () if limit is None else (_ALL,)
        yield list(await foreign(partial(self._session.get_items, *arguments), "the copy"))


class _OfHandle(Pages):
    """The items of a session of ours, without annotations, and without placeholders whose outputs came."""

    def __init__(self, handle: Handle) -> None:
        super().__init__()
        self._handle = handle

    async def __aiter__(self) -> AsyncIterator[list[Any]]:
        handle = self._handle
        source = await handle.read(lambda tx: find_source(tx, handle.conversation, handle.pinned, None))
        after, version = 0, source.version
        while after < source.tip:
            page, answered = await handle.read(partial(self._read, source=source, after=after, version=version))
            shown = [row for row in page.entries if not is_mark(row.kind) and row.position not in answered]
            yield self._decoded(shown)
            after, version = page.after, page.version

    def _read(self, tx: Transaction, source: Source, after: int, version: int) -> tuple[Page, set[int]]:
        """Return a page, and the positions of placeholders for outputs that came later."""
        handle = self._handle
        page = read_page(tx, handle.conversation, source, after, version)
        placeholders = [row for row in page.entries if row.kind == PLACEHOLDER]
        head = find_head(tx, handle.conversation, handle.pinned) if placeholders else None
        if head is None:
            return page, set()
        answers, codec = Answers(tx, head), handle.codec
        return page, {
            row.position for row in reversed(placeholders) if answers.came_for(codec.decode(row.payload), row.position)
        }

    def _decoded(self, rows: list[EntryRow]) -> list[Any]:
        codec = self._handle.codec
        try:
            return codec.decode_all([row.payload for row in rows])
        except ValueError:
            pass
        items, unreadable = [], []
        for row in rows:
            try:
                items.append(codec.decode(row.payload))
            except ValueError:
                unreadable.append(row.position)
        self._handle.report(unreadable)
        self.unreadable += len(unreadable)
        return items


def of_handle(handle: Handle) -> Pages:
    """Return the items of the branch that a session of ours reads."""
    return _OfHandle(handle)


def of_object(session: Any) -> Pages:
    """Return the items of an object with the four methods."""
    return _OfObject(session)
