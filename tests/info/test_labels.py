"""Owners as they are stored: every owner has one text, texts sort by label, and a prefix is a range."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.labels import below_owner, decode_owner, encode_owner

_LABEL = st.text(st.sampled_from("ab\x01\x02\x03é😀 ."), min_size=1, max_size=5)
_PATH = st.lists(_LABEL, min_size=1, max_size=4).map(tuple)


@given(_PATH)
def test_an_owner_comes_back(path: tuple[str, ...]) -> None:
    encoded = encode_owner(path)
    assert decode_owner(encoded) == decode_owner(encoded.encode()) == (path[0] if len(path) == 1 else path)
    assert "\0" not in encoded


@given(_PATH, _PATH)
def test_stored_owners_sort_label_by_label_and_a_prefix_is_a_range(one: tuple[str, ...], two: tuple[str, ...]) -> None:
    """Fails without: labels.py, any of the two escapes."""
    as_bytes = [label.encode() for label in one], [label.encode() for label in two]
    assert (encode_owner(one).encode() < encode_owner(two).encode()) == (as_bytes[0] < as_bytes[1])
    low, high = below_owner(encode_owner(one))
    assert (low.encode() <= encode_owner(two).encode() < high.encode()) == (two[: len(one)] == one)


@pytest.mark.parametrize("owner", ["", (), ("a", ""), "a\0", ("a",) * 17, "a" * 1024, ("é" * 600,), "\ud800"])
def test_owners_that_cannot_be_stored_are_refused(owner: Any) -> None:
    with pytest.raises(ValueError, match="owner"):
        encode_owner(owner)


@pytest.mark.parametrize("owner", [None, 1, b"a", {"a"}, ("a", 1)])
def test_what_is_no_owner_is_refused(owner: Any) -> None:
    with pytest.raises(TypeError, match="owner"):
        encode_owner(owner)
