"""One search of a store: through the words of its sessions, and into the entries that may match."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.crypto.subject import with_keys
from sessions.errors import DamagedSessionError, DecryptionError, MissingKeyError
from sessions.log.core.heads import EVERYTHING
from sessions.log.search.candidates import find_candidates
from sessions.log.search.looking import search_blocks
from sessions.log.statements.search import BLOCK
from sessions.session.searching import shown_hit

if TYPE_CHECKING:
    from sessions.log.lifetime.catalog import Filter
    from sessions.log.search.candidates import Candidate
    from sessions.session.handle import Handle
    from sessions.text_search.query import Query
    from sessions.types.search import SearchHit

MOST: Final = 10_000
"""About how many entries one search looks at."""

_FEWEST, _MOST_SESSIONS = 32, 1024
"""How many sessions' words are looked through in the first transaction, and in the longest one."""
_MANY_ROWS: Final = 2048
"""After so many blocks in one transaction, the next one looks through fewer sessions."""
_BLOCKS: Final = 16
"""So many blocks of a session are looked at in one transaction."""

LOCKED: Final = (DamagedSessionError, DecryptionError, MissingKeyError)
"""The errors of a session that is passed over."""

_CURSOR: Final = re.compile(r"s(-?[0-9]{1,18})\.([0-9]{1,18})\.([0-9]{1,19})")


class _Place(NamedTuple):
    """A place in the order of a search.

    Attributes:
        active: Sessions that were active later are behind us.
        session: Of those that were active then, so are sessions with higher internal ids, and this one unless `entry`.
        entry: Entries of this session with ids from this one on are behind us; 0 for all.
    """

    active: int = EVERYTHING
    session: int = EVERYTHING
    entry: int = 0

    @property
    def values(self) -> dict[str, int]:
        """The place in a list of sessions, as parameters."""
        return {"active": self.active, "before": self.session + (self.entry > 0)}


class SearchRun:
    """A search that is under way.

    Args:
        any_session: A hold on some session of the store.
        query: The words.
        wanted: Which sessions.
        limit: The number of hits.
        after: The cursor of the previous page.

    Attributes:
        hits: The hits so far.
        skipped: The internal ids of sessions that could not be read.

    Raises:
        ValueError: `after` is no such cursor.
    """

    def __init__(self, any_session: Handle, query: Query, wanted: Filter, limit: int, after: str | None) -> None:
        self._any = any_session
        self._query = query
        self._wanted = wanted
        self._limit = limit
        self._place: _Place | None = _Place() if after is None else _parse(after)
        self._looked = 0
        self.hits: list[SearchHit] = []
        self.skipped = set[int]()

    @property
    def cursor(self) -> str | None:
        """Where the search goes on; ``None`` at its end."""
        return None if self._place is None else f"s{self._place.active}.{self._place.session}.{self._place.entry}"

    async def run(self) -> None:
        """Search until the page is full, or enough was looked at, or nothing is left."""
        count = _FEWEST
        while self._place is not None and not self._is_done:
            self._place, rows = await self._look_through(self._place, count)
            # Sessions may have one block, or thousands.
            count = min(2 * count, _MOST_SESSIONS) if rows < _MANY_ROWS else max(1, count // 2)

    @property
    def _is_done(self) -> bool:
        return len(self.hits) >= self._limit or self._looked >= MOST

    async def _look_through(self, place: _Place, count: int) -> tuple[_Place | None, int]:
        """Look through up to `count` sessions from a place on.

        Returns:
            The next place, ``None`` at the end; and how many rows were read.
        """
        wanted, asked = self._wanted, self._query
        found = await self._any.backend.read(
            lambda tx: find_candidates(tx, wanted, place.values, asked, count), "the store"
        )
        for one in found.sessions:
            entry = await self._look_at(one, place.entry if one.session == place.session else 0)
            if entry:
                return _Place(one.active, one.session, entry), found.rows
            if self._is_done:
                return _Place(one.active, one.session), found.rows
        return None if found.last is None else _Place(*found.last), found.rows

    async def _look_at(self, one: Candidate, before: int) -> int:
        """Look at a session's entries with ids below one, if it is not 0, and return such an id to go on; 0 at the end.

        A session that cannot be read is passed over.
        """
        handle = self._any.of_session(one.session_id)
        if one.wrapped_keys is not None and not handle.is_encrypted:
            return 0  # All sessions without a key are counted at once.
        try:
            blocks = await with_keys(lambda: one.to_look_at(handle.conversation, self._query))
            blocks = [block for block in blocks if not before or block < before]
            while blocks:
                if self._is_done:
                    return min(blocks[0] + BLOCK, before or EVERYTHING)
                some, blocks = blocks[:_BLOCKS], blocks[_BLOCKS:]
                conversation, left = handle.conversation, self._limit - len(self.hits)
                looked = await handle.read(
                    lambda tx: search_blocks(tx, conversation, some, self._query, before=before or None, limit=left)  # noqa: B023
                )
                self._looked += looked.entries
                self.hits += [shown_hit(hit, one.session_id, str(hit.branch)) for hit in looked.hits]
                if looked.rest is not None:
                    return looked.rest
        except LOCKED:
            self.skipped.add(one.session)
        return 0


def _parse(after: object) -> _Place:
    found = _CURSOR.fullmatch(after) if isinstance(after, str) else None
    if found is None:
        raise ValueError(
            "after must be the cursor of a page of a store's search. Nothing was read. Use "
            "search(…, after=page.cursor)."
        )
    return _Place(*map(int, found.groups()))
