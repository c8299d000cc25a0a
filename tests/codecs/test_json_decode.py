"""Reading payloads that somebody else wrote, or that rot has changed."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sessions.codecs.json import MAX_DEPTH, JSONCodec, ObjectTexts, decode_strictly, is_object_text

from .json_values import identical, items, nested

if TYPE_CHECKING:
    from collections.abc import Callable

codec = JSONCodec()

DEEP = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
TOKENS = [b"{", b"}", b"[", b"]", b'"', b":", b",", b"\\", b"\\u", b"d800", b"0", b"-", b"e9", b"null", b"NaN", b"\xff"]

damaged = st.builds(
    lambda item, at, byte: (text := json.dumps(item).encode())[: at % len(text)] + byte + text[at % len(text) :],
    items,
    st.integers(0),
    st.binary(min_size=1, max_size=3),
)


# Fails without: codecs/json.py, `except RecursionError:` in `decode_all` and in `_decode_lenient`
@settings(max_examples=500, deadline=None)
@given(st.binary() | st.lists(st.sampled_from(TOKENS)).map(b"".join) | damaged)
@example(DEEP)
@example(DEEP[:100_000])
@example(b'{"a":' + b"9" * 5000 + b"}")
@example(b'{"a":1e999}')
@example('{"a":1}'.encode("utf-16"))
@example(b"\xef\xbb\xbf{}")
@example(b'{"a":"\xed\xa0\x80"}')
@example(b"")
def test_any_bytes_are_an_item_or_a_value_error(payload: bytes) -> None:
    try:
        item = codec.decode(payload)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 - which one does not matter: none of them is shown
            codec.decode_all([payload])
    else:
        assert type(item) is dict
        with suppress(ValueError):
            [strictly] = codec.decode_all([payload])
            assert identical(strictly, item)


# Fails without: codecs/json.py, `if not isinstance(item, dict):` in `_decode_lenient`
@pytest.mark.parametrize("payload", [b"[]", b"[{}]", b'"{}"', b"1", b"null", b"true", b"NaN", b"[NaN]"])
def test_json_that_is_no_object_is_no_item(payload: bytes) -> None:
    with pytest.raises(ValueError, match="not an object"):
        codec.decode(payload)


# Fails without: codecs/json.py, `return _decode_lenient(payload)`
@pytest.mark.parametrize(
    "value", [math.inf, -math.inf, [math.inf, "é"], "\ud800", "\udc00\ud800", {"\ud800": 1}, 1e308 * 10], ids=ascii
)
def test_what_python_writes_and_strict_json_lacks_is_read(value: Any) -> None:
    payload = json.dumps({"before": 1, "value": value}).encode()

    assert codec.decode(payload) == {"before": 1, "value": value}
    assert math.isnan(codec.decode(json.dumps({"value": math.nan}).encode())["value"])


@pytest.mark.parametrize("levels", [MAX_DEPTH, 2 * MAX_DEPTH, 3 * MAX_DEPTH])
def test_what_another_writer_nested_deeper_than_we_would_is_read(levels: int) -> None:
    item = nested(levels, "leaf", in_lists=True)
    payload = b'{"value":' + b"[" * levels + b'"leaf"' + b"]" * levels + b"}"

    assert codec.decode(payload) == item


_FRAGMENTS = st.lists(
    st.sampled_from(["{", "}", "[", "]", ",", ":", '"', '"a"', "null", "{}", "\n", " ", "\\", JSONCodec.joint]),
    max_size=7,
)


# Fails without: codecs/json.py, `len(found) != 3 * count - 2`, `found[1::3] == found[2::3] == nulls`, `None in items`
@given(st.lists(_FRAGMENTS.map("".join), max_size=4))
@example(["{}", "", "{}{}"])
@example(["{}\n{}", "", "{}"])
@example(["null"])
@example(["{}", "null", "{}"])
@example([f"{{}}{JSONCodec.joint}{{}}"])
@example(["", f"{{}}{JSONCodec.joint}{{}}"])
@example(["", "null", "{}"])
def test_what_is_joined_is_read_as_each_by_itself(texts: list[str]) -> None:
    assert read(partial(codec.decode_joined, codec.joint.join(texts).encode(), len(texts))) == each(texts)


# Fails without: codecs/json.py, `len(items) != len(payloads)`
@given(st.lists(_FRAGMENTS.map(lambda inner: "".join(["{", *inner, "}"])), max_size=4))
@example(['{"a":{}', "{}}", "{}{}"])
@example(['{"a":"}', '{"}', "{} {}"])
@example(['{"a":[{}', "{}]}", "{}\n{}"])
def test_texts_of_objects_are_read_as_each_by_itself(texts: list[str]) -> None:
    payloads = ObjectTexts(text.encode() for text in texts)
    assert all(map(is_object_text, payloads))
    assert read(partial(codec.decode_all, payloads)) == each(texts)


def each(texts: list[str]) -> list[Any] | None:
    return read(lambda: [decode_strictly(text.encode()) for text in texts])


def read(way: Callable[[], list[Any]]) -> list[Any] | None:
    """Return what a way of reading finds; `None` if it cannot read."""
    try:
        return way()
    except ValueError:
        return None
