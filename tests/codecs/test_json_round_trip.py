"""What was put in is what is read back, for every JSON value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from sessions.codecs.json import MAX_DEPTH, JSONCodec

from .json_values import identical, items, nested

codec = JSONCodec()


# Fails without: codecs/json.py, `msgspec.json.Decoder(dict[str, Any])`
@settings(max_examples=200, deadline=None)
@given(items)
def test_every_json_object_comes_back(item: dict[str, Any]) -> None:
    [payload] = codec.encode_all([item])

    assert identical(codec.decode(payload), item)
    assert [identical(back, item) for back in codec.decode_all([payload])] == [True]
    assert identical(json.loads(payload.decode("utf-8")), item), "another reader of JSON sees the same"


@pytest.mark.parametrize("leaf", ["text", 1, [], {}], ids=["text", "number", "list", "dict"])
@pytest.mark.parametrize("in_lists", [True, False], ids=["in lists", "in dicts"])
def test_nesting_up_to_the_limit_comes_back(leaf: Any, *, in_lists: bool) -> None:
    around_it = MAX_DEPTH - 1 if isinstance(leaf, (str, int)) else MAX_DEPTH - 2  # The item itself is a level too.
    item = nested(around_it, leaf, in_lists=in_lists)

    [payload] = codec.encode_all([item])

    assert codec.decode(payload) == codec.decode_all([payload])[0] == item


@pytest.mark.parametrize(
    "number",
    [2**53 + 1, 2**63, 2**64, -(2**64), 10**400, -(10**4000), 5e-324, 1.7976931348623157e308, -0.0, 1e23, 0.1 + 0.2],
    ids=repr,
)
def test_numbers_keep_every_digit(number: float) -> None:
    [payload] = codec.encode_all([{"n": number}])

    assert identical(codec.decode(payload), {"n": number})


@pytest.mark.parametrize(
    "text",
    ["", "\0", "a\0b", "\x01\x1f\x7f", "\u2028\u2029", "\ufeff", "\uffff", "\U0001f600\U0010ffff", '\\"/\b\f\n\r\t'],
    ids=ascii,
)
def test_texts_come_back_as_values_and_as_keys(text: str) -> None:
    item = {text: text, "in a list": [text], "in a dict": {text: {text: None}}}

    [payload] = codec.encode_all([item])

    assert codec.decode(payload) == item
