"""Subclasses of JSON's types pass where they equal the plain value that is read back."""

from __future__ import annotations

import json
from collections import Counter, OrderedDict, defaultdict
from enum import Enum, IntEnum, StrEnum
from typing import Any, Self

import pytest

from sessions import InvalidItemError
from sessions.codecs.json import JSONCodec

from .json_values import identical

codec = JSONCodec()


class Role(str, Enum):  # noqa: UP042 - many frameworks still write it so
    USER = "user"


class Kind(StrEnum):
    MESSAGE = "message"


class Priority(IntEnum):
    HIGH = 3


class Loud(str):
    __slots__ = ()

    def __str__(self) -> str:
        return self.upper()


class Metres(float):
    pass


class Count(int):
    def __repr__(self) -> str:
        return "many"


class Labelled(str, Enum):  # noqa: UP042
    """A text whose `value` is something else."""

    def __new__(cls, text: str, value: int) -> Self:
        member = str.__new__(cls, text)
        member._value_ = value
        return member

    ONE = ("one", 1)


class Items(list[Any]):
    pass


# Fails without: codecs/json.py, `_encode = msgspec.json.Encoder(enc_hook=as_plain).encode`
@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Role.USER, "user"),
        (Kind.MESSAGE, "message"),
        (Priority.HIGH, 3),
        (Loud("quiet"), "quiet"),
        (Labelled.ONE, "one"),
        (Metres(1.5), 1.5),
        (Metres(-0.0), -0.0),
        (Count(7), 7),
        (Count(10**40), 10**40),
        (True, True),
        (Items([Items(), Role.USER]), [[], "user"]),
        (OrderedDict(b=1, a=Items([1])), {"b": 1, "a": [1]}),
        (defaultdict(list, {"a": [1]}), {"a": [1]}),
        (Counter({"a": 0}), {"a": 0}),
        ({Role.USER: 1, Loud("k"): 2}, {"user": 1, "k": 2}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_subclasses_come_back_as_plain_values(value: Any, plain: Any) -> None:
    items = [{"value": value}, OrderedDict(value=[value])]

    payloads = codec.encode_all(items)

    expected: list[dict[str, Any]] = [{"value": plain}, {"value": [plain]}]
    assert all(map(identical, codec.decode_all(payloads), expected))
    assert all(map(identical, map(json.loads, payloads), expected))
    assert codec.digest(items) == codec.digest(expected), "a retry may carry what was read back"


class Deaf(str):
    """Never equal to what would be read back in its place."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


# Fails without: codecs/json.py, `if plain == value:`
@pytest.mark.parametrize("value", [Metres("nan"), Metres("inf"), Deaf("a")], ids=["nan", "inf", "unequal"])
def test_a_subclass_that_would_not_equal_what_is_read_back_is_refused(value: Any) -> None:
    with pytest.raises(InvalidItemError, match=r"^items\[0\]\['value'\]"):
        codec.encode_all([{"value": value}])
