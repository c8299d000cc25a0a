"""Candidates: sessions in the order of a list, with the blocks that may have all words of a query."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from sessions.log.core.reader import unlock
from sessions.log.search.blocks import BlockRow, narrowing
from sessions.log.statements.search import MAX_NARROWED, candidates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.lifetime.catalog import Filter
    from sessions.text_search.query import Query


class Candidate(NamedTuple):
    """A session with blocks to look at.

    Attributes:
        session: Its internal id.
        active: When it was last active.
        session_id: The id that users give.
        wrapped_keys: Its wrapped keys; ``None`` if it is not encrypted.
        blocks: Its blocks that may have the words, the last one first.
    """

    session: int
    active: int
    session_id: str
    wrapped_keys: bytes | None
    blocks: list[BlockRow]

    def to_look_at(self, conversation: Conversation, query: Query) -> list[int]:
        """Return the blocks that may have all words, the last one first.

        Raises:
            MissingKeyError: The session is encrypted, and there is no key.
            DecryptionError: It is encrypted with another key.
            KeyWanted: Its keys have to be fetched first.
        """
        key = unlock(conversation, self.wrapped_keys)
        return [block.id for block in self.blocks if block.is_open or block.may_have(query.hashes, key)]


class Candidates(NamedTuple):
    """A page of sessions.

    Attributes:
        sessions: Those with blocks to look at.
        last: The activity and the internal id of the last session that was looked at; ``None`` if it was the last one
            of all.
        rows: How many rows were read.
    """

    sessions: list[Candidate]
    last: tuple[int, int] | None
    rows: int


def find_candidates(tx: Transaction, wanted: Filter, place: Mapping[str, int], query: Query, count: int) -> Candidates:
    """Look through the words of the next `count` sessions, the latest first.

    Args:
        tx: A transaction.
        wanted: Which sessions.
        place: The place in the order: `active` and `before`, as in a list of sessions.
        query: The words.
        count: How many sessions.
    """
    statement = candidates(wanted.shape, len(query.hashes[:MAX_NARROWED]))
    rows = tx.all(statement, count=count, **place, **wanted.values, **narrowing(query.hashes, MAX_NARROWED))
    found: list[Candidate] = []
    number, last = 0, (0, 0)
    for (session, active, session_id, keys), group in groupby(rows, lambda row: row[:4]):
        number, last = number + 1, (active, session)
        rows_of = (BlockRow(*row[4:]) for row in group if row[4] is not None)
        blocks = [block for block in rows_of if block.sealed or block.may_have(query.hashes)]
        if blocks:
            found.append(Candidate(session, active, session_id, None if keys is None else bytes(keys), blocks))
    return Candidates(found, last if number == count else None, len(rows))
