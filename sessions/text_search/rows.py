"""Rows of hashed words: all words of some texts in a few bytes each.

A row has the CRC-32 of each word's UTF-8, sorted, as integers of four bytes, the lowest first; a counted row has one
byte for each behind them, which says how often the text has the word, 255 at most. Two words with one hash look like
one: of 10,000 words, a query's word meets another one by mistake in one case of 400,000.
"""

from __future__ import annotations

import sys
from array import array
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from zlib import crc32

from sessions.text_search.words import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HASH_BYTES: Final = 4
_MOST: Final = 255
_SWAPPED: Final = sys.byteorder != "little"


def hash_of(word: str) -> int:
    """Return the hash that stands for a word, of 32 bits."""
    return crc32(word.encode(errors="surrogatepass"))


def count_words(texts: Iterable[str]) -> Counter[int]:
    """Return how often the texts have each word, by its hash."""
    return Counter([hash_of(word) for text in texts for word in words_of(text)])


def pack_counts(counts: Mapping[int, int]) -> bytes:
    """Return a counted row: five bytes for each word.

    Example: ``pack_counts(count_words(["to be or not to be"]))``.
    """
    return pack_hashes(counts) + bytes([min(counts[each], _MOST) for each in sorted(counts)])


def unpack_counts(row: bytes) -> tuple[array[int], bytes]:
    """Return the hashes of a counted row, which rise, and how often each is there.

    Raises:
        ValueError: It is not such a row.
    """
    count, rest = divmod(len(row), HASH_BYTES + 1)
    if rest:
        raise ValueError(f"a row of counted words has {len(row)} bytes, which five do not divide")
    hashes, counts = unpack_hashes(row[: count * HASH_BYTES]), bytes(row[count * HASH_BYTES :])
    if 0 in counts:
        raise ValueError("a row of counted words has a word that is there 0 times")
    return hashes, counts


def pack_hashes(hashes: Iterable[int]) -> bytes:
    """Return a row without counts: four bytes for each hash, each once."""
    numbers = array("I", sorted(set(hashes)))
    if _SWAPPED:
        numbers.byteswap()
    return numbers.tobytes()


def unpack_hashes(row: bytes) -> array[int]:
    """Return the hashes of a row without counts; they rise.

    Raises:
        ValueError: It is not such a row.
    """
    if len(row) % HASH_BYTES:
        raise ValueError(f"a row of words has {len(row)} bytes, which four do not divide")
    hashes = array("I", bytes(row))
    if _SWAPPED:
        hashes.byteswap()
    if any(first >= second for first, second in pairwise(hashes)):
        raise ValueError("the hashes of a row of words do not rise")
    return hashes
