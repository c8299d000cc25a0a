"""Blocks: neighbouring entries of a segment, whose words are kept in one row, so that most entries need not be read.

A block is `BLOCK` ids of one segment, so appends fill it and no change moves it. Its row has the hashes of all words of
its entries (`text_search/rows.py`); in an encrypted session, encrypted, and bound to the block. A search reads the
entries of the blocks that may have all its words, and of those without words, of which nothing is known.

An entry that is removed or corrected takes the words of its block with it (`log/core/entry_rows.py`).
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from sessions.clock import MINUTE
from sessions.errors import DecryptionError
from sessions.items.kinds import PLACEHOLDER
from sessions.items.searched import searched_texts
from sessions.log.core.reader import UNREADABLE
from sessions.log.encryption.payloads import EncryptedPayloads
from sessions.log.statements.search import BLOCK
from sessions.log.words import MARK, EntryRow
from sessions.text_search.rows import HASH_BYTES, hash_of, pack_hashes
from sessions.text_search.words import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sessions.db.transaction import Row as AnyRow
    from sessions.log.core.reader import Reader
    from sessions.log.encryption.payloads import Payloads

_SOON: Final = 10 * MINUTE
"""An entry that expires within this time leaves its block without words.

Upkeep removes expired entries without locking their session, so an entry may be gone between the transaction that reads
it and the one that stores its words.
"""

_encode: Final = msgspec.json.Encoder().encode


class Made(NamedTuple):
    """The words of a block.

    Attributes:
        id: The first id that an entry of the block can have.
        sealed: 1 if the words are encrypted.
        words: Their hashes; ``None`` if they cannot be kept.
    """

    id: int
    sealed: int
    words: bytes | None


def block_of(entry: int) -> int:
    """Return the block that an entry belongs to."""
    return entry - entry % BLOCK


def by_block(rows: Iterable[AnyRow]) -> Iterator[tuple[int, list[AnyRow]]]:
    """Yield the blocks of entries, which are sorted, with the entries of each."""
    for block, found in groupby(rows, lambda row: block_of(row[0])):
        yield block, list(found)


def make_words(block: int, rows: Sequence[AnyRow], reader: Reader, now: int) -> Made:
    """Return the words of a block's entries.

    Args:
        block: The block.
        rows: All its entries, also those that have expired.
        reader: How they are read.
        now: The time, in microseconds since 1970, UTC.

    Raises:
        DecryptionError: An entry was altered.
    """
    entries = [EntryRow._make(row) for row in rows]
    if any(row.expires_at is not None and row.expires_at < now + _SOON for row in entries):
        return Made(block, 0, None)
    texts = (text for row in entries for text in texts_of(row, reader))
    hashes = pack_hashes({hash_of(word) for word in {word for text in texts for word in words_of(text)}})
    key = reader.session_key
    if isinstance(key, EncryptedPayloads):
        return Made(block, 1, key.encrypt_words(hashes, _bound(block)))
    return Made(block, 0, hashes)


def texts_of(row: EntryRow, reader: Reader) -> list[str]:
    """Return the texts of an entry that a search looks at; none of one that users have not said, or that is unreadable.

    Raises:
        DecryptionError: It was altered.
    """
    if not is_searched(row.kind):
        return []
    item = reader.open_or_unreadable(row)
    return [] if item is UNREADABLE else searched_texts(item)


def is_searched(kind: str) -> bool:
    """Tell whether entries of a kind are searched: not what describes the conversation, nor a missing output."""
    return not kind.startswith(MARK) and kind != PLACEHOLDER


class BlockRow(NamedTuple):
    """A block as a search finds it.

    Attributes:
        id: The first id that an entry of the block can have.
        words: Its words, if it is still to be looked whether it may have those that are wanted.
        sealed: 1 if they are encrypted.
    """

    id: int
    words: bytes | None
    sealed: int

    @property
    def is_open(self) -> bool:
        """Whether it can be looked at without a key."""
        return not self.sealed

    def may_have(self, wanted: Sequence[int], key: Payloads | None = None) -> bool:
        """Tell whether the block may have all wanted words. One that was altered tells nothing."""
        if self.words is None:
            return True
        hashes = bytes(self.words)
        if self.sealed:
            if not isinstance(key, EncryptedPayloads):
                return True
            try:
                hashes = key.open_words(hashes, _bound(self.id))
            except DecryptionError:
                return True
        return all(_has(hashes, each) for each in wanted)


def _has(hashes: bytes, wanted: int) -> bool:
    sought = wanted.to_bytes(HASH_BYTES, "little")
    at = hashes.find(sought)
    while at >= 0 and at % HASH_BYTES:
        at = hashes.find(sought, at + 1)
    return at >= 0


def narrowing(wanted: Sequence[int], most: int) -> dict[str, Any]:
    """Return the parameters of statements that narrow a search by some of the wanted words."""
    return {f"h{number}": each.to_bytes(HASH_BYTES, "little") for number, each in enumerate(wanted[:most])}


def _bound(block: int) -> bytes:
    """Return the associated data of a block's words."""
    return bytes(_encode(("words", block)))
