"""The results of searches in conversations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class SearchHit:
    """An entry that has all words of a query.

    Attributes:
        session_id: The session.
        entry_id: The entry: ``session.entry(id=hit.entry_id)`` reads it.
        branch: A branch that has it: the session's current one, if that has it, else ``main``, else the first by name.
            ``None`` in a search of an attempt.
        position: Its position there.
        turn: The number of its turn; 0 before the first user message.
        kind: ``user``, ``assistant``, ``tool_call`` …, as in `Entry`.
        author: The author; ``None`` if unknown.
        created_at: When it was added (UTC).
        snippet: The part of its text around the words, up to 160 characters, with ``…`` where text was left out.
        highlights: Where the snippet has words of the query: pairs of a character's number, from 0, and that of the
            character behind the last one, in order and apart from each other.
        score: How well it matches, from 0 to 1: more with more of the words, less the longer the text is. It depends on
            the query and on the entry alone.
    """

    session_id: str
    entry_id: str
    branch: str | None
    position: int
    turn: int
    kind: str
    author: str | None
    created_at: datetime
    snippet: str
    highlights: tuple[tuple[int, int], ...]
    score: float


@dataclass(frozen=True)
class SearchPage:
    """One page of a search.

    Attributes:
        hits: The hits, the latest first.
        cursor: Where the search goes on: ``search(…, after=page.cursor)``; ``None`` at its end. A page may have fewer
            hits than its limit, even none, although there are more: a call looks at a bounded number of entries.
        behind: How many of the sessions have entries that are not searched yet, because no words were made of them:
            see `Store.index`. 0 in a search of one session.
        skipped: How many of the sessions could not be searched: they are encrypted, and there is no key for them, or
            their rows are damaged. In a search of one session: how many entries could not be read.
    """

    hits: list[SearchHit]
    cursor: str | None
    behind: int = 0
    skipped: int = 0


@dataclass(frozen=True)
class Indexed:
    """The result of one call of `Store.index`.

    Attributes:
        sessions: The number of sessions whose words are up to date because of it.
        entries: The number of entries it read.
        behind: The number of sessions whose words are not up to date.
        skipped: How many of these it could not read: they are encrypted, and there is no key for them, or their rows
            are damaged.
    """

    sessions: int
    entries: int
    behind: int
    skipped: int
