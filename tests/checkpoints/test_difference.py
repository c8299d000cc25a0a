"""Values as parts, and versions as differences: any sequence of versions reads as it was written, and cheaply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.checkpoints.difference import Known, applied, difference, piece_of, resolved, whole
from sessions.checkpoints.parts import decode, encode, single
from sessions.checkpoints.splices import cut, spliced
from sessions.checkpoints.values import DICT, LIST, ONE, Value

if TYPE_CHECKING:
    from collections.abc import Sequence


def dumps(value: Any) -> tuple[str, bytes]:
    if value is None:
        return "null", b""
    if isinstance(value, bytes):
        return "bytes", value
    return ("own-format" if value == "own" else "msgpack"), msgspec.msgpack.encode(value)


def loads(typed: tuple[str, bytes]) -> Any:
    kind, data = typed
    return None if kind == "null" else data if kind == "bytes" else msgspec.msgpack.decode(data)


_WORDS = st.sampled_from([b"alpha ", b"beta ", b"gamma ", b"delta ", b"0123456789" * 20])
_TEXTS = st.lists(_WORDS, max_size=40).map(b"".join)
_SCALARS = st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.text(max_size=70) | st.just("own")
_OBJECTS = st.recursive(
    _SCALARS | st.binary(max_size=9) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=4), inner, max_size=5),
    max_leaves=12,
)
_VALUES = st.sampled_from([LIST, DICT]).flatmap(
    lambda shape: st.lists(_TEXTS.map(lambda part: b"\0\0\0\1k\0" + part), max_size=6).map(lambda p: Value(shape, p))
) | _TEXTS.map(lambda part: Value(ONE, [b"\0" + part]))


def _without_bytes(value: Any) -> bool:
    """msgpack of the test's own has no bytes within others."""
    if isinstance(value, dict):
        return not any(isinstance(item, bytes) or not _without_bytes(item) for item in value.values())
    return not isinstance(value, list) or all(_without_bytes(item) for item in value)


@given(st.lists(_SCALARS, max_size=200) | _OBJECTS)
def test_an_object_comes_back_from_its_parts(value: Any) -> None:
    assert decode(encode(value, dumps), loads) == value
    assert decode(single(value, dumps), loads) == value


_ITEMS = st.dictionaries(st.text(max_size=4), _OBJECTS, max_size=3) | st.lists(_OBJECTS, max_size=2)


@given(st.lists(_ITEMS, max_size=9))
def test_a_list_that_is_serialized_at_once_has_the_parts_of_its_items(values: list[Any]) -> None:
    """Fails without: checkpoints/parts.py, `_split`."""
    calls: list[object] = []

    def counted(value: Any) -> tuple[str, bytes]:
        calls.append(value)
        return dumps(value)

    found = encode(values, counted)
    assert len(calls) == (1 if len(values) > 3 else max(1, len(values)))
    if values:
        assert found == Value(LIST, [b"\0" + dumps(value)[1] for value in values])


@given(st.lists(_ITEMS, max_size=40), st.lists(_ITEMS, max_size=40), st.integers(0, 1))
def test_a_list_that_grew_has_the_same_parts_and_shares_those_that_it_had(
    old: list[Any], added: list[Any], gone: int
) -> None:
    """Fails without: checkpoints/parts.py, `_grown`."""
    before = encode(old, dumps)
    values = [*old[gone:], *added]
    found = encode(values, dumps, before)
    assert found == encode(values, dumps)
    assert decode(found, loads) == values
    if not gone and before.data is not None and found.data is not None:
        assert all(one is other for one, other in zip(before.parts, found.parts, strict=False))


@pytest.mark.parametrize("length", [15, 16, 65_535, 65_536])
def test_a_list_grows_beyond_the_lengths_that_msgpack_writes_otherwise(length: int) -> None:
    """Fails without: checkpoints/parts.py, `_HEADS`."""
    values = [[number] for number in range(length + 1)]
    before = encode(values[:length], dumps)
    found = encode(values, dumps, before)
    assert found == encode(values, dumps)
    assert found.parts[0] is before.parts[0]
    assert found != encode(values[1:], dumps, before)


def test_a_long_list_of_numbers_has_few_parts() -> None:
    assert len(encode(list(range(1000)), dumps).parts) == 16
    assert len(encode([{"a": 1}, 1, 2, {"b": 1}, 3], dumps).parts) == 4


@given(st.lists(_VALUES, min_size=1, max_size=30))
def test_any_versions_are_read_as_they_were_written(values: Sequence[Value]) -> None:
    known: Known | None = None
    pieces: list[bytes] = []
    for value in values:
        made = piece_of(known, value)
        if made is not None:
            pieces = [made.payload] if made.is_whole else [*pieces, made.payload]
            known = made.known
        found = resolved([], pieces)
        assert found.value == value
        assert known is not None
        assert (found.full, found.stored, found.rows, found.copied) == (
            known.full, known.stored, known.rows, known.copied,
        )  # fmt: skip
        assert found.stored <= 3 * found.full + 4096 + len(whole(value))
        assert found.rows <= max(64, len(value.parts))


@given(_TEXTS, _TEXTS, st.integers(0, 500))
def test_cuts_make_the_new_part(old: bytes, new: bytes, at: int) -> None:
    for one, other in ((old, new), (old, old[:at] + new[:50] + old[at:])):
        splice = cut(one, other, 0)
        if splice is not None:
            assert spliced([one], splice) == other
            assert len(msgspec.msgpack.encode(splice)) < len(other)


def test_a_small_change_of_a_large_text_is_small() -> None:
    """A length is written before the text that it measures."""
    text = "".join(f"line {number}\n" for number in range(20_000))
    changed = text[:90_000] + "new" * 20 + text[90_000:]
    old, new = (encode({"title": "t", "text": body}, dumps) for body in (text, changed))
    found = difference(old, new)
    assert found is not None
    assert len(found[0]) < 250


def test_a_growing_list_costs_its_new_items() -> None:
    known, stored = None, 0
    for count in range(1, 400):
        made = piece_of(known, encode([{"text": f"message {number} " * 30} for number in range(count)], dumps))
        assert made is not None
        known, stored = made.known, stored + len(made.payload)
    assert known is not None
    assert known.rows == 399
    assert stored < 1.05 * known.full + 20 * 399


@settings(max_examples=300)
@given(
    _VALUES,
    st.binary(max_size=20)
    | st.tuples(
        st.integers(-1, 4),
        st.lists(st.tuples(st.integers(-2, 9), st.integers(-2, 9)), max_size=3),
        st.lists(st.binary(max_size=4) | st.lists(st.integers(-2, 700) | st.binary(max_size=2)), max_size=3),
    ).map(msgspec.msgpack.encode),
)
def test_a_damaged_piece_is_a_value_error(base: Value, payload: bytes) -> None:
    try:
        made = applied(base, payload)
    except ValueError:
        return
    assert made.shape == base.shape
    assert all(isinstance(part, bytes) for part in made.parts)


@pytest.mark.parametrize("parts", [[b"\xc8abc"], [b""], [b"\xfe\xc1"], [b"\0\0", b"\xff"]])
def test_damaged_parts_are_a_value_error(parts: list[bytes]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of msgspec, or of ours
        decode(Value(LIST, parts), loads)
