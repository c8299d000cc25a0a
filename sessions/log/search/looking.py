"""Looking for the words of a query in entries: on a branch, from its end backwards, or in blocks of a session.

The entries decide. Blocks only tell which entries need not be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.db.ids import POSITIONS, ids_of, owner_of, position_of
from sessions.items.searched import searched_texts
from sessions.log.core.damage import read_segments, read_tips
from sessions.log.core.entry_ids import EntryId
from sessions.log.core.heads import MAIN, find_head, lineage
from sessions.log.core.lineages import stretches_of
from sessions.log.core.reader import UNREADABLE
from sessions.log.search.blocks import BlockRow, block_of, is_searched, narrowing
from sessions.log.statements import entries as entry_statements
from sessions.log.statements import search as statements
from sessions.log.statements.search import BLOCK, MAX_NARROWED
from sessions.log.words import EntryRow
from sessions.text_search.snippet import snippet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.heads import Head, Stretch
    from sessions.log.core.reader import Reader
    from sessions.text_search.query import Query
    from sessions.text_search.snippet import Cut

PAGE: Final = 256
"""Entries looked at in one statement."""


class Hit(NamedTuple):
    """An entry with all words of a query.

    Attributes:
        row: The entry.
        branch: A branch that has it.
        score: How well it matches.
        cut: The part of its text around the words.
    """

    row: EntryRow
    branch: str
    score: float
    cut: Cut

    @property
    def id(self) -> str:
        """The entry's id that users see."""
        return EntryId(self.row.id, self.row.version).text


class Looked(NamedTuple):
    """The hits.

    Attributes:
        hits: The hits, the latest first.
        entries: How many entries were looked at.
        unreadable: How many of these cannot be read.
        rest: Where to go on: before this position, or this entry; ``None`` if nothing is left.
    """

    hits: list[Hit]
    entries: int = 0
    unreadable: int = 0
    rest: int | None = None


class _Looking:
    """A search that is under way, over entries from the latest on."""

    def __init__(self, query: Query, reader: Reader, limit: int) -> None:
        self.query = query
        self.reader = reader
        self.limit = limit
        self.hits: list[Hit] = []
        self.entries = 0
        self.unreadable = 0

    @property
    def is_full(self) -> bool:
        return len(self.hits) >= self.limit

    def look(self, row: EntryRow, branch: str) -> None:
        """Look at an entry.

        Raises:
            DecryptionError: It was altered.
        """
        self.entries += 1
        if not is_searched(row.kind):
            return
        item = self.reader.open_or_unreadable(row)
        if item is UNREADABLE:
            self.unreadable += 1
            return
        texts = searched_texts(item)
        score = self.query.matches(texts)
        if score:
            self.hits.append(Hit(row, branch, score, snippet(texts, self.query)))

    def result(self, rest: int | None) -> Looked:
        return Looked(self.hits, self.entries, self.unreadable, rest)


def search_branch(
    tx: Transaction,
    conversation: Conversation,
    branch: str | None,
    query: Query,
    *,
    before: int | None,
    limit: int,
    most: int,
) -> Looked:
    """Return the latest hits on a branch, the current one unless named.

    Args:
        tx: A transaction.
        conversation: The session.
        branch: The branch.
        query: The words.
        before: Only entries before this position.
        limit: The number of hits.
        most: About how many entries are looked at.

    Raises:
        UnknownBranchError: The session has no such branch.
        MissingKeyError: The session is encrypted, and was opened without a key.
        DecryptionError: It is encrypted with another key, or an entry was altered.
        DamagedSessionError: Its rows contradict each other.
    """
    head = find_head(tx, conversation, branch)
    if head is None:
        return Looked([])
    looking = _Looking(query, head.reader, limit)
    end = head.tip if before is None else min(head.tip, before - 1)
    for stretch in lineage(tx, head):
        low, high = stretch.ids(high=min(stretch.high, end)).values()
        passed = _blocks_without(tx, head, stretch, query) if high - low > BLOCK else set()
        while low < high:
            if block_of(high) in passed:
                high = block_of(high) - 1
                continue
            if looking.entries >= most:
                return looking.result(position_of(high) + 1)
            first = _run_of_blocks(high, low, passed)
            values = {"low": first - 1, "high": high, "count": PAGE, **head.reader.visible}
            rows = tx.all(entry_statements.ENTRIES_BACKWARD, **values)
            for row in map(EntryRow._make, rows):
                looking.look(row, head.branch)
                if looking.is_full:
                    return looking.result(row.position)
            high = rows[-1][0] - 1 if len(rows) == PAGE else first - 1
    return looking.result(None)


def _run_of_blocks(high: int, low: int, passed: set[int]) -> int:
    """Return the first id of the entries to read together: up to `high`, beyond `low`, and of no block to pass over."""
    first = block_of(high)
    while first - 1 > low and high - first < PAGE and first - BLOCK not in passed:
        first -= BLOCK
    return max(first, low + 1)


def _blocks_without(tx: Transaction, head: Head, stretch: Stretch, query: Query) -> set[int]:
    """Return blocks of a stretch that have not all words, up to the first entry whose words were not made."""
    (made,) = tx.the(statements.MADE_UP_TO, session=head.session)
    if not made:
        return set()
    low, _ = ids_of(stretch.segment)
    # Without a new entry, it is the first id of the next block.
    place = {"low": stretch.low, "high": min(block_of(stretch.high) + BLOCK, POSITIONS - 1)}
    (new,) = tx.the(entry_statements.VERSION_START, segment=stretch.segment, version=made + 1, **place)
    hashes = query.hashes[:MAX_NARROWED]
    found = tx.all(
        statements.without(len(hashes)), low=low + stretch.low - BLOCK, high=block_of(int(new)) - 1,
        **narrowing(hashes, MAX_NARROWED),
    )  # fmt: skip
    key = head.reader.session_key
    blocks = (BlockRow(*row) for row in found)
    return {block.id for block in blocks if block.words is None or not block.may_have(query.hashes, key)}


def search_blocks(
    tx: Transaction, conversation: Conversation, blocks: Sequence[int], query: Query, *, before: int | None, limit: int
) -> Looked:
    """Return the latest hits in some blocks of a session, on whichever branch has them.

    Args:
        tx: A transaction.
        conversation: The session.
        blocks: The blocks, the last one first.
        query: The words.
        before: Only entries with ids below this one.
        limit: The number of hits.

    Raises:
        MissingKeyError: The session is encrypted, and was opened without a key.
        DecryptionError: It is encrypted with another key, or an entry was altered.
        DamagedSessionError: Its rows contradict each other.
    """
    head = find_head(tx, conversation)
    if head is None:
        return Looked([])
    looking = _Looking(query, head.reader, limit)
    branches = _Branches(tx, head)
    for block in blocks:
        high = block + BLOCK - 1 if before is None else min(block + BLOCK, before) - 1
        if high < block:
            continue
        values = {"low": block - 1, "high": high, "count": BLOCK, **head.reader.visible}
        for row in map(EntryRow._make, tx.all(entry_statements.ENTRIES_BACKWARD, **values)):
            branch = branches.of(row.id)
            if branch is not None:
                looking.look(row, branch)
                if looking.is_full:
                    return looking.result(row.id)
    return looking.result(None)


class _Branches:
    """The branches of a session, to find one that has an entry: the current one first, then ``main``, then by name."""

    def __init__(self, tx: Transaction, head: Head) -> None:
        origins = read_segments(tx, head.session)
        tips = [
            (name, segment, tip)
            for name, segment, tip, _, left_by, *_ in read_tips(tx, head.session, origins)
            if left_by is None
        ]
        tips.sort(key=lambda tip: (tip[0] != head.branch, tip[0] != MAIN, tip[0]))
        self._ways: list[tuple[str, dict[int, Stretch]]] = [
            (name, {stretch.segment: stretch for stretch in stretches_of(origins, segment, tip)})
            for name, segment, tip in tips
        ]

    def of(self, entry: int) -> str | None:
        """Return a branch that has an entry; ``None`` if none has: it is on a way that was left."""
        segment, position = owner_of(entry), position_of(entry)
        for name, stretches in self._ways:
            stretch = stretches.get(segment)
            if stretch is not None and stretch.low < position <= stretch.high:
                return name
        return None
