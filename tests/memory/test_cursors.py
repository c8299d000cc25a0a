from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.memory.cursors import cursor_of, place_of

NUMBERS = st.integers(min_value=0, max_value=2**35)


@given(st.dictionaries(NUMBERS, NUMBERS), st.sampled_from(["", "a\x01", "é\x01b\x01"]))
def test_a_cursor_is_read_back(versions: dict[int, int], path: str) -> None:
    assert place_of(path, cursor_of(path, versions)) == versions


@given(st.text() | st.binary().map(lambda written: written.decode("latin-1")))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="after is no cursor"):
        place_of("", text)


def test_a_cursor_of_another_prefix_and_a_cut_one_are_refused() -> None:
    cursor = cursor_of("a\x01", {1: 5, 300: 70_000})
    for path, text in (("b\x01", cursor), ("a\x01", cursor[:-4]), ("a\x01", cursor[4:])):
        with pytest.raises(ValueError, match="after is no cursor"):
            place_of(path, text)


def test_ten_thousand_namespaces_are_a_few_kilobytes() -> None:
    assert len(cursor_of("", dict.fromkeys(range(1, 10001), 10))) < 1000
