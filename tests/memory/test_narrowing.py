from __future__ import annotations

import json
import sys
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.memory.fields import MOST_ELEMENTS, DeclaredValues, bytes_of
from sessions.memory.filters import compile_filter
from sessions.memory.narrowing import narrowings_of

from .test_filters import BOUNDS, JSON, KEYS, PLUS, SCALARS, VALUES, Foreign, operators

NUMBERS: Final = {key: number for number, key in enumerate(KEYS) if "~" not in key}


def is_found(filter: dict[str, Any], value: dict[str, Any], codec: Any = JSON) -> bool:  # noqa: A002
    """Tell whether each narrowing of a filter finds one of the value's rows."""
    compiled = compile_filter(filter, codec)
    assert compiled
    rows = DeclaredValues(NUMBERS, codec).of(codec.encode_all([value])[0])
    return all(
        any(number == field and low <= row <= high for number, row in rows for low, high in ranges)
        for field, ranges in narrowings_of(compiled, NUMBERS)
    )


CONDITIONS: Final = operators(st.fixed_dictionaries({"$eq": VALUES})) | SCALARS


@pytest.mark.parametrize("codec", [JSON, PLUS, Foreign()], ids=["JSON", "plus", "foreign"])
def test_no_narrowing_leaves_out_a_match(codec: Any) -> None:
    @settings(max_examples=200, deadline=None)
    @given(
        filter=st.dictionaries(st.sampled_from(KEYS), CONDITIONS, min_size=1, max_size=2),
        value=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4),
        data=st.data(),
    )
    def check(filter: dict[str, Any], value: dict[str, Any], data: st.DataObject) -> None:  # noqa: A002
        for key, wanted in filter.items():
            # By chance alone, few values would match.
            if isinstance(wanted, dict) and "$eq" in wanted and data.draw(st.booleans()):
                value[key] = wanted["$eq"]
            elif isinstance(wanted, dict) and "$contains" in wanted:
                value[key] = [wanted["$contains"]] if data.draw(st.booleans()) else value.get(key)
        compiled = compile_filter(filter, codec)
        assert compiled
        (payload,) = codec.encode_all([value])
        if compiled.matches(payload):
            assert is_found(filter, value, codec)
            assert compiled.fragment is None or compiled.fragment in payload.decode()

    check()


@settings(max_examples=200, deadline=None)
@given(one=BOUNDS, other=BOUNDS | st.integers(-(10**400), 10**400))
def test_bytes_are_in_the_order_of_values(one: Any, other: Any) -> None:
    if type(one) is bool or type(other) is bool or one != one or other != other:  # noqa: PLR0124 - not a number
        return
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        assert bytes_of(one) <= bytes_of(other) if one <= other else bytes_of(one) >= bytes_of(other)
    if isinstance(one, str) and isinstance(other, str):
        assert bytes_of(one) <= bytes_of(other) if one <= other else bytes_of(one) >= bytes_of(other)


@pytest.mark.parametrize(
    ("filter", "value", "found"),
    [
        ({"a": "x"}, {"a": "y"}, False),
        ({"a": "x"}, {}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"a": 1.0}, True),
        ({"a": 2**60 + 1}, {"a": 2**60}, True),  # The same double: the filter decides.
        ({"a": {"$gt": 10, "$lt": 20}}, {"a": 25}, False),
        ({"a": {"$gt": 20, "$lt": 10}}, {"a": 15}, False),
        ({"a": {"$gt": "m"}}, {"a": 1}, False),
        ({"a": {"$gt": float("nan")}}, {"a": 1}, False),
        ({"a": {"$lt": float("inf")}}, {"a": 10**400}, True),
        ({"a": {"$gt": None}}, {"a": 1}, False),
        ({"a": {"$in": ["x", "y"]}}, {"a": "z"}, False),
        ({"a": {"$in": [str(number) for number in range(1000)]}}, {"a": "z"}, True),
        ({"a": {"$contains": "x"}}, {"a": ["y"]}, False),
        ({"a": {"$contains": "x"}}, {"a": "x"}, False),
        ({"a": {"$contains": "x"}}, {"a": list("abcdefghij") * 20}, False),
        ({"a": {"$contains": "x"}}, {"a": [str(number) for number in range(MOST_ELEMENTS + 1)]}, True),
        ({"a": {"$ne": "x"}}, {}, True),
        ({"$or": [{"a": 1}, {"b": 1}]}, {}, True),
        ({"$and": [{"a": 1}, {"b": 1}]}, {"a": 1}, False),
        ({"a": "x" * 1000}, {"a": "x" * 999}, True),
    ],
)
def test_narrowings_leave_out_what_they_can(filter: Any, value: dict[str, Any], found: bool) -> None:  # noqa: A002, FBT001
    assert is_found(filter, value) == found


def test_rows_are_bounded() -> None:
    value = {"a": "😀" * 1000, "b": [float(number) for number in range(1000)], "": sys.maxsize**99, "é": {"x": 1}}
    rows = DeclaredValues(NUMBERS, JSON).of(JSON.encode_all([value])[0])
    assert max(len(row) for _, row in rows) <= 191
    assert len(rows) == 5
    assert len(rows) == len(set(rows))


@settings(max_examples=200, deadline=None)
@given(
    wanted=st.text(st.characters(codec="ascii"), min_size=1) | st.integers(-(2**60), 2**60),
    is_float=st.booleans(),
)
def test_a_fragment_is_in_all_that_matches_whoever_wrote_it(wanted: Any, *, is_float: bool) -> None:
    """Fails without: memory/filters/fragments.py, `_AS_IT_IS`, `_HIGHEST`."""
    value = float(wanted) if is_float and type(wanted) is int else wanted
    for filter, stored in (({"a": wanted}, {"a": value}), ({"a": {"$contains": wanted}}, {"a": [0, value]})):  # noqa: A001
        compiled = compile_filter(filter, JSON)
        assert compiled
        for payload in (msgspec.json.encode(stored), json.dumps(stored, indent=1).encode()):
            if compiled.matches(payload):
                assert compiled.fragment is None or compiled.fragment in payload.decode()


def test_the_longest_fragment_is_looked_for() -> None:
    def fragment(given: dict[str, Any], codec: Any = JSON) -> str | None:
        compiled = compile_filter(given, codec)
        return compiled.fragment if compiled else None

    assert fragment({"a": "text", "b": {"$contains": "a longer one"}, "c": 7_000}) == '"a longer one"'
    assert fragment({"$and": [{"a": 7_000}, {"b": 70}]}) == "7000"
    for none in (
        {"a": "caf\u00e9"},
        {"a": "a/b"},
        {"a": 7},
        {"a": True},
        {"a": {"$ne": "text"}},
        {"$or": [{"a": "text"}]},
    ):
        assert fragment(none) is None
    assert fragment({"a": "text"}, Foreign()) is None
