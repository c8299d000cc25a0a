from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.codecs.json import JSONCodec
from sessions.codecs.plus.codec import PlusCodec
from sessions.errors import InvalidFilterError
from sessions.memory.filters import compile_filter
from sessions.testing.memory.filter_model import matches

JSON: Final = JSONCodec()
PLUS: Final = PlusCodec()


class Foreign:
    """A codec whose payloads are no JSON."""

    def encode_all(self, items: Any) -> list[bytes]:
        return [b"!" + json.dumps(item).encode() for item in items]

    def decode_all(self, payloads: Any) -> list[Any]:
        return [self.decode(payload) for payload in payloads]

    def decode(self, payload: bytes) -> Any:
        return json.loads(payload[1:])

    def digest(self, items: Any) -> bytes:
        raise NotImplementedError


def is_match(filter: Any, value: dict[str, Any], codec: Any = JSON) -> bool:  # noqa: A002 - as users write it
    compiled = compile_filter(filter, codec)
    return compiled is None or compiled.matches(codec.encode_all([value])[0])


KEYS: Final = [
    "a",
    "b",
    "a.b",
    "a.b.a",
    "",
    ".",
    "b.",
    "~a",
    "~~a",
    "~date",
    'q"',
    "back\\slash",
    "nul\0",
    "é",
    "😀",
    " a",
]
SCALARS: Final = (
    st.sampled_from(
        [None, True, False, 0, 1, 1.0, -0.0, 2**60, 2**60 + 1, 10**30, 1e30, 0.1, "1", "", "a", "nul\0", "é", "ä"]
    )
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=3)
)
VALUES: Final = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=8,
)
OBJECTS: Final = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5)
BOUNDS: Final = SCALARS | st.sampled_from([float("inf"), float("-inf"), float("nan")])


def operators(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    choices = {
        **dict.fromkeys(["$eq", "$ne", "$contains"], VALUES),
        **dict.fromkeys(["$gt", "$gte", "$lt", "$lte"], BOUNDS),
        **dict.fromkeys(["$in", "$nin"], st.lists(VALUES, max_size=3)),
        "$exists": st.booleans(),
        "$not": inner,
        "$and": st.lists(inner, max_size=2),
        "$or": st.lists(inner, max_size=2),
    }
    one = st.sampled_from(sorted(choices)).flatmap(lambda name: st.tuples(st.just(name), choices[name]))
    return st.lists(one, min_size=1, max_size=2).map(dict)


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    joined = {"$not": inner, "$and": st.lists(inner, max_size=2), "$or": st.lists(inner, max_size=2)}
    one = st.sampled_from(sorted(joined)).flatmap(lambda name: st.fixed_dictionaries({name: joined[name]}))
    return one | st.dictionaries(st.sampled_from(KEYS), SCALARS | operators(inner) | inner, max_size=2)


FILTERS: Final = st.recursive(
    st.dictionaries(st.sampled_from(KEYS), SCALARS | st.lists(VALUES, max_size=2), max_size=2), objects, max_leaves=4
)


@pytest.mark.parametrize("codec", [JSON, PLUS, Foreign()], ids=["JSON", "plus", "foreign"])
def test_a_filter_means_what_the_model_says(codec: Any) -> None:
    @settings(max_examples=200, deadline=None)
    @given(filter=FILTERS, value=OBJECTS)
    def check(filter: dict[str, Any], value: dict[str, Any]) -> None:  # noqa: A002 - as users write it
        assert is_match(filter, value, codec) == matches(filter, value)

    check()


@settings(max_examples=100, deadline=None)
@given(filter=FILTERS, value=OBJECTS)
def test_what_matches_has_all_that_the_filter_needs(filter: dict[str, Any], value: dict[str, Any]) -> None:  # noqa: A002
    compiled = compile_filter(filter, JSON)
    if compiled is not None and compiled.matches(JSON.encode_all([value])[0]):
        for need in compiled.needs:
            assert is_match({need.key: {need.operator: need.operand}}, value)


@pytest.mark.parametrize(
    ("filter", "value", "expected"),
    [
        ({"n": {"$gte": 10}}, {"n": 9}, False),
        ({"n": {"$gte": 10}}, {"n": 100}, True),
        ({"n": {"$gte": 10}}, {"n": "10"}, False),
        ({"n": {"$gte": 10}}, {}, False),
        ({"n": 1}, {"n": 1.0}, True),
        ({"n": 1}, {"n": True}, False),
        ({"n": True}, {"n": 1}, False),
        ({"n": None}, {"n": None}, True),
        ({"n": None}, {}, False),
        ({"n": {"$ne": 10}}, {}, True),
        ({"n": {"$ne": 10}}, {"n": None}, True),
        ({"user": {"name": "x"}}, {"user": {"name": "x", "age": 1}}, True),
        ({"user": {"$eq": {"name": "x"}}}, {"user": {"name": "x", "age": 1}}, False),
        ({"user": {}}, {"user": {"name": "x"}}, True),
        ({"user": {}}, {"user": "x"}, False),
        ({"user.name": "x"}, {"user": {"name": "x"}}, True),
        ({"user.name": "x"}, {"user.name": "y", "user": {"name": "x"}}, False),
        ({"user.0": "x"}, {"user": ["x"]}, False),
        ({"n": 2**60 + 1}, {"n": 2**60}, False),
        ({"n": 2**60}, {"n": float(2**60)}, True),
        ({"n": 2**60 + 1}, {"n": float(2**60)}, False),
        ({"n": {"$lt": float("inf")}}, {"n": 10**400}, True),
        ({"n": {"$lt": float("nan")}}, {"n": 1}, False),
        ({"n": float("nan")}, {"n": 1}, False),
        ({"t": "nul\0"}, {"t": "nul\0"}, True),
        ({"my key": 1}, {"my key": 1}, True),
        ({"a'; drop table x; --": 1}, {"a'; drop table x; --": 1}, True),
        ({"t": "e\u0301"}, {"t": "é"}, False),
        ({"t": {"$in": (None, "x", [1, True])}}, {"t": [1, True]}, True),
        ({"t": {"$in": [[1, True]]}}, {"t": [1, 1]}, False),
        ({"t": {"$contains": 1}}, {"t": [True]}, False),
        ({"t": {"$contains": "x"}}, {"t": "xyz"}, False),
        ({"t": {"$not": {"$gt": 1}}}, {}, True),
        ({"$or": []}, {}, False),
        ({"$and": []}, {}, True),
        ({}, {}, True),
        (None, {}, True),
    ],
)
def test_cases_of_the_documentation(filter: Any, value: dict[str, Any], expected: bool) -> None:  # noqa: A002, FBT001
    assert is_match(filter, value) == expected


@pytest.mark.parametrize(
    ("filter", "place"),
    [
        ({"$gt": 1}, "filter['$gt']"),
        ({"$where": "1"}, "filter['$where']"),
        ({"a": {"$regex": "x"}}, "filter['a']['$regex']"),
        ({"a": {"$gt": 1, "b": 2}}, "filter['a']"),
        ({"a": 1, "$or": [{"b": 1}]}, "filter"),
        ({"a": {"$in": "xy"}}, "filter['a']['$in']"),
        ({"a": {"$in": [1, object()]}}, "filter['a']['$in'][1]"),
        ({"a": {"$exists": 1}}, "filter['a']['$exists']"),
        ({"a": {"$not": 1}}, "filter['a']['$not']"),
        ({"$and": [{"a": 1}, 2]}, "filter['$and'][1]"),
        ({"$not": [{"a": 1}]}, "filter['$not']"),
        ({"a": {"b": {"$eq": b"x"}}}, "filter['a']['b']['$eq']"),
        ({"a": "\ud800"}, "filter['a']"),
        ({"\ud800": 1}, "filter['\\ud800']"),
        ({"a": {1: 2}}, "filter['a']"),
        ({"a": [float("nan")]}, "filter['a'][0]"),
        ({"a": 10**5000}, "filter['a']"),
    ],
)
def test_anything_else_is_refused_with_its_place(filter: Any, place: str) -> None:  # noqa: A002
    with pytest.raises(InvalidFilterError) as raised:
        compile_filter(filter, JSON)
    assert str(raised.value).startswith(f"{place} ")
    assert "Nothing was read." in str(raised.value)


@pytest.mark.parametrize("given", [[], "a", 1, b"", object()])
def test_only_a_dictionary_is_a_filter(given: Any) -> None:
    with pytest.raises(TypeError, match="filter must be a dictionary"):
        compile_filter(given, JSON)


def test_depth_and_number_of_conditions_are_bounded() -> None:
    def nested(levels: int) -> dict[str, Any]:
        return {"a": 1} if levels == 1 else {"$not": nested(levels - 1)}

    assert compile_filter(nested(16), JSON)
    with pytest.raises(InvalidFilterError, match="deeper than 16"):
        compile_filter(nested(17), JSON)
    endless: dict[str, Any] = {}
    endless["a"] = endless
    with pytest.raises(InvalidFilterError, match="deeper than 16"):
        compile_filter(endless, JSON)
    many = [{f"field {number}": number} for number in range(257)]
    assert is_match({"$and": many[:256]}, {f"field {number}": number for number in range(256)})
    refused: list[list[dict[str, Any]]] = [many, [{}] * 257, [{"$or": []}] * 257, [{"$or": [{"$and": []}] * 257}]]
    for conditions in refused:
        with pytest.raises(InvalidFilterError, match="256"):
            compile_filter({"$or": conditions}, JSON)
    assert is_match({"n": {"$in": list(range(100_000))}}, {"n": 99_999})


def test_a_deep_value_is_compared_to_its_bottom() -> None:
    def nested(bottom: Any) -> Any:
        value = bottom
        for _ in range(120):
            value = [{"": value}]
        return value

    assert is_match({"a": nested(1)}, {"a": nested(1.0)})
    assert not is_match({"a": nested(1)}, {"a": nested(bottom=True)})


def test_a_later_change_of_the_callers_filter_changes_nothing() -> None:
    operands = ["x"]
    compiled = compile_filter({"a": {"$in": operands}, "b": {"$eq": operands}}, JSON)
    operands.append("y")
    assert compiled
    assert not compiled.matches(b'{"a":"y","b":["x"]}')
    assert compiled.matches(b'{"a":"x","b":["x"]}')


def test_other_values_compare_in_their_stored_form_and_order() -> None:
    value = {
        "day": date(2026, 1, 2),
        "at": datetime(2026, 1, 2, tzinfo=UTC),
        "price": Decimal("9.50"),
        "pair": ("x", 1),
        "set": {"x", "y"},
        "own": {"~date": "2026-01-02"},
        "odd": Decimal("NaN"),
    }
    yes = [
        {"day": date(2026, 1, 2)},
        {"day": {"$gt": date(2025, 12, 31), "$lte": date(2026, 1, 2)}},
        {"at": {"$lt": datetime(2026, 1, 2, 0, 0, 1, tzinfo=UTC)}},
        {"price": {"$gt": Decimal("9.4")}},
        {"price": {"$in": [Decimal("9.50")]}},
        {"pair": {"$contains": "x"}},
        {"set": {"$contains": "y"}},
        {"set": {"y", "x"}},
        {"own.~date": "2026-01-02"},
        {"own": {"~date": "2026-01-02"}},
    ]
    no = [
        {"day": "2026-01-02"},
        {"day.~date": "2026-01-02"},
        {"day": {"$gt": datetime(2025, 1, 1, tzinfo=UTC)}},
        {"at": {"$lt": datetime(2027, 1, 1)}},  # noqa: DTZ001 - it has no zone
        {"at": {"$gt": 0}},
        {"price": {"$gt": 1}},
        {"odd": {"$gt": Decimal(0)}},
        {"pair": ["x", 1]},
        {"pair": {"$contains": True}},
        {"own": date(2026, 1, 2)},
        {"day": {}},
    ]
    assert [is_match(each, value, PLUS) for each in yes] == [True] * len(yes)
    assert [is_match(each, value, PLUS) for each in no] == [False] * len(no)


def test_errors_show_places_and_no_contents() -> None:
    class Secret:
        def __repr__(self) -> str:
            raise AssertionError

    with pytest.raises(InvalidFilterError) as raised:
        compile_filter({"a": {"$eq": {"token": Secret(), "text": "hunter2"}}}, JSON)
    assert "hunter2" not in str(raised.value)
    assert "filter['a']['$eq']['token']" in str(raised.value)


def test_a_payload_that_is_no_object_is_an_error() -> None:
    for filter_ in ({"a": 1}, {'q"': 1}):
        compiled = compile_filter(filter_, JSON)
        assert compiled
        with pytest.raises(ValueError, match=r"object|Struct|malformed|expected"):
            compiled.matches(b"[1]")
