"""Rows of hashed words are read as they were written, and damaged ones are refused."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.text_search.rows import (
    count_words,
    hash_of,
    pack_counts,
    pack_hashes,
    unpack_counts,
    unpack_hashes,
)

_HASHES = st.integers(0, 2**32 - 1)


@given(st.dictionaries(_HASHES, st.integers(1, 1000)))
def test_counted_rows(counts: dict[int, int]) -> None:
    row = pack_counts(counts)
    hashes, times = unpack_counts(row)
    assert len(row) == 5 * len(counts)
    assert list(hashes) == sorted(counts)
    assert list(times) == [min(counts[each], 255) for each in sorted(counts)]


@given(st.lists(_HASHES))
def test_rows_of_hashes(hashes: list[int]) -> None:
    row = pack_hashes(hashes)
    assert list(unpack_hashes(row)) == sorted(set(hashes))


def test_the_bytes_are_the_same_on_every_machine() -> None:
    """They are in databases: CRC-32 as in zlib, the lowest byte first."""
    assert hash_of("word") == 0xC3F17511
    assert pack_counts(count_words(["word Word"])) == bytes.fromhex("1175f1c302")
    assert hash_of("lone \ud800") == hash_of("lone \ud800")


def test_counts_of_several_texts() -> None:
    assert count_words(["a b", "B c-d"]) == Counter(map(hash_of, ["a", "b", "b", "c", "d", "c-d"]))


@pytest.mark.parametrize("row", [b"1234", b"12345678900", b"1234\0", b"2222111111"])
def test_damaged_counted_rows(row: bytes) -> None:
    with pytest.raises(ValueError, match="row of"):
        unpack_counts(row)


@pytest.mark.parametrize("row", [b"123", b"22221111", b"11111111"])
def test_damaged_rows_of_hashes(row: bytes) -> None:
    with pytest.raises(ValueError, match="row of words"):
        unpack_hashes(row)
