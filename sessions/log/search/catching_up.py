"""Making the words of entries that have none yet: they are read in one transaction, and stored in another.

Adding entries pays nothing for it. Sessions say up to which version their words were made, so those that
are behind are found by a comparison of two columns. If a session was changed between the two transactions, nothing is
stored for it: a removed text must not come back as words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.db.ids import ids_of
from sessions.db.lists import parts
from sessions.log.core.reader import reader_of
from sessions.log.search.blocks import block_of, by_block, make_words
from sessions.log.statements import entries as entry_statements
from sessions.log.statements import search as statements
from sessions.log.statements.search import BLOCK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.db.transaction import Row, Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.lifetime.catalog import Filter
    from sessions.log.search.blocks import Made

BYTES: Final = 1 << 20
"""Payloads of about this many bytes are read at once."""


class Behind(NamedTuple):
    """A session with entries whose words were not made.

    Attributes:
        session: Its internal id.
        session_id: The id that users give.
        version: Its version.
        words_in: The version up to which its words were made.
        wrapped_keys: Its wrapped keys; ``None`` if it is not encrypted.
    """

    session: int
    session_id: str
    version: int
    words_in: int
    wrapped_keys: bytes | None


class Gathered(NamedTuple):
    """The entries that were read of a session.

    Attributes:
        of: The session.
        blocks: Blocks with all their entries; without any if these are gone.
        entries: How many entries they have.
        is_all: Whether the words are up to date with these.
    """

    of: Behind
    blocks: list[tuple[int, list[Row]]]
    entries: int
    is_all: bool


class Words(NamedTuple):
    """The words to be stored of a session.

    Attributes:
        of: The session.
        made: The words of blocks.
        gone: Blocks without entries.
        is_all: As in `Gathered`.
    """

    of: Behind
    made: list[Made]
    gone: list[int]
    is_all: bool


class Numbers(NamedTuple):
    """How many sessions there are of some kinds.

    Attributes:
        behind: Those whose words are not up to date.
        encrypted_behind: Those of them that are encrypted.
        encrypted: Those that are encrypted.
    """

    behind: int
    encrypted_behind: int
    encrypted: int


def count_behind(tx: Transaction, wanted: Filter) -> Numbers:
    """Return how many sessions' words are not up to date."""
    return Numbers._make(map(int, tx.the(statements.count_behind(wanted.shape), **wanted.values)))


def count_encrypted(tx: Transaction, wanted: Filter) -> int:
    """Return how many sessions are encrypted."""
    return int(tx.the(statements.count_encrypted(wanted.shape), **wanted.values)[0])


def gather(tx: Transaction, wanted: Filter, before: int, most: int, *, has_key: bool) -> list[Gathered]:
    """Read entries without words: of as many sessions as have together about `most` entries, one at least.

    Args:
        tx: A transaction.
        wanted: Which sessions.
        before: Only of sessions whose internal ids are below this one; the latest made come first.
        most: The number of entries.
        has_key: Whether encrypted sessions are read, too.

    Returns:
        The entries that were read of each session; nothing if no session is left.
    """
    rows = tx.all(
        statements.behind(wanted.shape), before=before, count=statements.AT_ONCE, keyed=int(has_key), **wanted.values
    )
    behind = [Behind._make((*row, keys if keys is None else bytes(keys))) for *row, keys in rows]
    segments: dict[int, list[Row]] = {}
    for values in parts("s", statements.AT_ONCE, [one.session for one in behind]):
        for session, *rest in tx.all(statements.SEGMENTS, **values):
            segments.setdefault(session, []).append(tuple(rest))
    found: list[Gathered] = []
    budget = _Budget(most)
    for one in behind:
        found.append(_gather_one(tx, one, segments.get(one.session, []), budget))
        if budget.is_spent:
            break
    return found


class _Budget:
    """The rest to be read."""

    def __init__(self, entries: int) -> None:
        self.entries = entries
        self.bytes = BYTES

    @property
    def is_spent(self) -> bool:
        return self.entries <= 0 or self.bytes <= 0

    def take(self, sizes: Sequence[Row]) -> int:
        """Return how many of the next entries are read: whole blocks, one of them in any case."""
        taken = 0
        for _, block in by_block(sizes):
            if taken and self.is_spent:
                break
            taken += len(block)
            self.entries -= len(block)
            self.bytes -= sum(size for _, size in block)
        return taken


def _gather_one(tx: Transaction, one: Behind, segments: list[Row], budget: _Budget) -> Gathered:
    blocks: list[tuple[int, list[Row]]] = []
    is_all = True
    for (block,) in tx.all(statements.UNKNOWN_BLOCKS, session=one.session) if one.words_in else ():
        if budget.is_spent:
            is_all = False
            break
        low, high = block - 1, block + BLOCK - 1
        sizes = tx.all(statements.SIZES, low=low, high=high, count=BLOCK)
        budget.take(sizes)
        blocks.append((block, tx.all(statements.STORED, low=low, high=high) if sizes else []))
    for segment, last_version, last_block in segments:
        if last_version is None or last_version <= one.words_in:
            continue
        if budget.is_spent:
            is_all = False
            break
        first, end = _first_block(tx, one, segment, last_block), ids_of(segment)[1]
        sizes = tx.all(statements.SIZES, low=first - 1, high=end, count=max(budget.entries, BLOCK) + BLOCK)
        taken = sizes[: budget.take(sizes)]
        if taken:
            high = block_of(taken[-1][0]) + BLOCK - 1
            blocks += by_block(tx.all(statements.STORED, low=first - 1, high=high))
            is_all = is_all and tx.one(statements.SIZES, low=high, high=end, count=1) is None
    return Gathered(one, blocks, sum(len(rows) for _, rows in blocks), is_all)


def _first_block(tx: Transaction, one: Behind, segment: int, last_block: int | None) -> int:
    """Return the first block of a segment without words of all its entries.

    Blocks are made in their order, so after an interruption it is the last one there, or the next.
    """
    low, high = ids_of(segment)
    if one.words_in:
        place = {"low": 0, "high": high - low}
        (low,) = tx.the(entry_statements.VERSION_START, segment=segment, version=one.words_in + 1, **place)
    return max(block_of(int(low)), last_block or 0)


def words_of_gathered(gathered: Gathered, conversation: Conversation, now: int) -> Words:
    """Return the words of the entries that were read.

    Raises:
        MissingKeyError: The session is encrypted, and there is no key.
        DecryptionError: It is encrypted with another key, or an entry was altered.
        KeyWanted: Its keys have to be fetched first.
    """
    reader = reader_of(conversation, gathered.of.wrapped_keys)
    made = [make_words(block, rows, reader, now) for block, rows in gathered.blocks if rows]
    return Words(gathered.of, made, [block for block, rows in gathered.blocks if not rows], gathered.is_all)


def store_words(tx: Transaction, words: Sequence[Words]) -> set[int]:
    """Store the words of up to `AT_ONCE` sessions, and return those for which that was done.

    It waits for nobody: a session that is being changed is left for later.
    """
    (values,) = parts("s", statements.AT_ONCE, [one.of.session for one in words])
    locked = {
        session: (version, keys if keys is None else bytes(keys))
        for session, version, keys in tx.all(statements.LOCK_SESSIONS, **values)
    }
    done = [one for one in words if locked.get(one.of.session) == (one.of.version, one.of.wrapped_keys)]
    tx.many(statements.PUT_BLOCK, [(row.id, one.of.session, row.sealed, row.words) for one in done for row in one.made])
    for block in (block for one in done for block in one.gone):
        tx.run(statements.DELETE_BLOCK, id=block)
    tx.many(statements.NOTE_MADE, [(one.of.version, one.of.session) for one in done if one.is_all])
    return {one.of.session for one in done}
