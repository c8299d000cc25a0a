"""The digest tells whether a retry carries the items that the key stands for."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.codecs.json import JSONCodec

from .json_values import identical, items

if TYPE_CHECKING:
    from hypothesis.strategies import DataObject

codec = JSONCodec()


def shuffled(data: DataObject, value: Any) -> Any:
    """Return `value` with the keys of its dictionaries in another order."""
    if isinstance(value, dict):
        return {key: shuffled(data, value[key]) for key in data.draw(st.permutations(list(value)))}
    return [shuffled(data, child) for child in value] if isinstance(value, list) else value


def in_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: in_order(value[key]) for key in sorted(value)}
    return [in_order(child) for child in value] if isinstance(value, list) else value


# Fails without: codecs/json.py, `order="sorted"`
@settings(max_examples=100, deadline=None)
@given(st.lists(items, max_size=4), st.data())
def test_the_order_of_keys_does_not_matter(batch: list[dict[str, Any]], data: DataObject) -> None:
    assert codec.digest(shuffled(data, batch)) == codec.digest(batch)


@settings(max_examples=100, deadline=None)
@given(st.lists(items, max_size=4), st.lists(items, max_size=4))
def test_other_items_have_another_digest(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    assert (codec.digest(one) == codec.digest(other)) == identical(in_order(one), in_order(other))


def test_what_was_read_back_has_the_digest_of_what_was_put_in() -> None:
    batch: list[dict[str, Any]] = [{"b": [1, 1.0, 2**70], "a": "é\0"}, {}]

    assert codec.digest(codec.decode_all(codec.encode_all(batch))) == codec.digest(batch)


# Fails without: codecs/json.py, `digest.update(len(payload).to_bytes(8, "big"))`
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([{}], []),
        ([{}, {}], [{}]),
        ([{"a": 1}, {"b": 2}], [{"b": 2}, {"a": 1}]),
        ([{"a": 1}], [{"a": 1.0}]),
        ([{"a": 1}], [{"a": True}]),
        ([{"a": "1"}], [{"a": 1}]),
        ([{"a": None}], [{}]),
        ([{"a": 0.0}], [{"a": -0.0}]),
        ([{"a": "é"}], [{"a": "e\u0301"}]),
        ([{"a": [[], [1]]}], [{"a": [[1], []]}]),
    ],
)
def test_lists_that_look_alike_differ(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    assert codec.digest(one) != codec.digest(other)


def test_the_digest_is_made_as_documented() -> None:
    """A retry may come from another version of this package, so it never changes."""
    payload = '{"a":"é","b":[1,2.5,null]}'.encode()

    assert codec.digest([{"b": [1, 2.5, None], "a": "é"}]) == sha256(len(payload).to_bytes(8, "big") + payload).digest()
