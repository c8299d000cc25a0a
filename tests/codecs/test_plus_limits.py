"""Depth and time: what is made up to exhaust them is refused."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from sessions import UndecodableItemError
from sessions.codecs.json import JSONCodec
from sessions.codecs.plus.codec import PlusCodec

from .plus_values import OWN, codec

NESTS = {
    "tuples": ('{"~tuple":[', "]}"),
    "frozensets": ('{"~frozenset":[', "]}"),
    "escapes": ('{"~~x":', "}"),
    "unknown": ('{"~x":', "}"),
    "lists": ("[", "]"),
    "objects": ('{"~Plain":{"value":', "}}"),
    "models": ('{"~Model":{"value":1,"inner":', "}}"),
    "errors": ('{"~ValueError":{"args":[', "]}}"),
}


# Fails without: codecs/plus/codec.py, `except RecursionError:` in `_read`
@pytest.mark.parametrize("levels", [100, 150, 300, 1000, 5000, 100_000])
@pytest.mark.parametrize(("before", "after"), NESTS.values(), ids=NESTS.keys())
def test_what_is_nested_deeply_is_an_item_or_a_value_error(before: str, after: str, levels: int) -> None:
    payload = f'{{"~a":1,"b":{before * levels}null{after * levels}}}'.encode()
    for read in (codec.decode, lambda payload: codec.decode_all([payload])[0], JSONCodec().decode):
        with suppress(ValueError):
            assert type(read(payload)) is dict


@dataclass(frozen=True)
class Fixed:
    value: Any


LISTED = PlusCodec([Fixed, *OWN])
SAME_HASH = [(2**61 - 1) * factor for factor in range(20_000)]


def alike(levels: int, number: int) -> Any:
    """Return a set of two sets of two … of which many have the same hash and nearly the same elements."""
    if not levels:
        return number * (2**61 - 1)
    return {"~frozenset": [alike(levels - 1, number + 1), alike(levels - 1, number)]}


LARGE: dict[str, tuple[Any, bool]] = {
    "colliding numbers": ({"~set": SAME_HASH}, False),
    "colliding decimals": ({"~frozenset": [{"~decimal": str(number)} for number in SAME_HASH]}, False),
    "colliding tuples": ({"~set": [{"~tuple": [number]} for number in SAME_HASH]}, False),
    "colliding nested sets": ({"~set": [alike(12, 1), alike(12, 2)]}, False),
    "colliding in tuples": ({"~set": [{"~tuple": [alike(12, number)]} for number in (1, 2)]}, False),
    "colliding in objects": ({"~set": [{"~Fixed": {"value": alike(12, number)}} for number in (1, 2)]}, False),
    "points": ({"~set": [{"~tuple": [x, y]} for x in range(-16, 16) for y in range(-16, 16)]}, True),
    "as many as may be": ({"~set": list(range(1024))}, True),
    "one more": ({"~set": list(range(1025))}, False),
    "of text, any number": ({"~set": [1, *(f"{number}" for number in range(200_000))]}, True),
    "digits": ({"~decimal": "9" * 1_000_000}, True),
    "exponents in a set": (
        {"~set": [{"~decimal": "1E+999999999999999999"}, {"~decimal": "1E-999999999999999999"}, 1]},
        True,
    ),
    "repeated flags": ({"~Permission": ["READ"] * 200_000}, True),
}


# Fails without: codecs/plus/values.py, `if _is_large(elements):`; codecs/plus/tags.py, `if is_set and in_set:`
@pytest.mark.parametrize(("form", "is_read"), LARGE.values(), ids=LARGE.keys())
def test_what_would_take_the_square_of_its_length_is_refused(form: Any, *, is_read: bool) -> None:
    payload = json.dumps({"value": form}).encode()
    if is_read:
        assert type(LISTED.decode(payload)["value"]) is not dict
    else:
        with pytest.raises(UndecodableItemError):
            LISTED.decode(payload)


def test_an_integer_of_a_million_digits_is_an_error() -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - Python's own limit says it, in JSON's words
        codec.decode(b'{"a":{"~timedelta":[' + b"9" * 1_000_000 + b",0,0]}}")
