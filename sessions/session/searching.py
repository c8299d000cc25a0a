"""Searching a session: the entries of a branch that have all words of a query."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sessions.clock import as_near_time
from sessions.session.part import SessionPart
from sessions.validation import check_branch_name, check_count

if TYPE_CHECKING:
    from sessions.log.search.looking import Hit
    from sessions.types.search import SearchHit, SearchPage

MOST: Final = 10_000
"""About how many entries one call looks at."""
_AT_ONCE: Final = 2_000
"""About how many of them in one transaction."""

_CURSOR: Final = re.compile(r"p([0-9]{1,18})")


class Searching(SessionPart):
    """Searching."""

    async def search(
        self, query: str, *, branch: str | None = None, limit: int = 20, after: str | None = None
    ) -> SearchPage:
        """Return the latest entries of a branch that have all words of a query, the latest first.

        Example: ``page = await session.search("refund order 4711")``

        Words are compared whole, without case, accents written in any form; Chinese, Japanese, Korean and Thai need no
        spaces. A compound as ``user-id`` is also found by its parts. Searched are messages, calls with their arguments,
        outputs and reasoning; not annotations. Encrypted sessions are searched, too.

        A call looks at some 10,000 entries at most, and returns the hits among them; with many more entries, go on with
        the cursor. `Store.index` makes the words of entries, so that most need not be read.

        Args:
            query: Words, in any order.
            branch: The branch; the current one unless named.
            limit: The maximum number of hits.
            after: The `cursor` of the previous page.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: The query has no word, or more than 64; or another argument is out of range.
            UnknownBranchError: The session has no such branch.
            MissingKeyError: The session is encrypted, and was opened without a key.
            DecryptionError: It is encrypted with another key, or a stored entry was altered.
            StoreError: The database refused the operation.
            SessionClosedError: The session has been closed.
        """
        from sessions.log.search.looking import search_branch
        from sessions.log.words import LEFT_TIP
        from sessions.text_search.query import Query
        from sessions.types.search import SearchPage

        wanted, limit = Query(query), check_count(limit, "limit", least=1)
        before = _parse(after)
        handle = self._handle
        named = handle.pinned if branch is None else check_branch_name(branch, "branch")
        hits: list[Hit] = []
        looked = unreadable = 0
        while True:
            conversation = handle.conversation
            left, most = limit - len(hits), min(_AT_ONCE, MOST - looked)
            here = before
            found = await handle.read(
                lambda tx: search_branch(tx, conversation, named, wanted, before=here, limit=left, most=most)  # noqa: B023
            )
            hits += found.hits
            looked += found.entries
            unreadable += found.unreadable
            before = found.rest
            if before is None or len(hits) >= limit or looked >= MOST:
                break
        shown = [
            shown_hit(hit, self.session_id, None if hit.branch.startswith(LEFT_TIP) else str(hit.branch))
            for hit in hits
        ]
        return SearchPage(shown, None if before is None else f"p{before}", skipped=unreadable)


def shown_hit(hit: Hit, session_id: str, branch: str | None) -> SearchHit:
    """Return a hit as users get it."""
    from sessions.types.search import SearchHit

    row = hit.row
    return SearchHit(
        session_id=session_id,
        entry_id=hit.id,
        branch=branch,
        position=row.position,
        turn=row.turn,
        kind=row.kind,
        author=row.author,
        created_at=as_near_time(row.created_at),
        snippet=hit.cut.text,
        highlights=hit.cut.highlights,
        score=hit.score,
    )


def _parse(after: object) -> int | None:
    if after is None:
        return None
    found = _CURSOR.fullmatch(after) if isinstance(after, str) else None
    if found is None:
        raise ValueError(
            "after must be the cursor of a page of this session's search. Nothing was read. Use "
            "search(…, after=page.cursor)."
        )
    return int(found[1])
