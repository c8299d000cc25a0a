"""Which lists of classes a codec takes."""

from __future__ import annotations

from dataclasses import InitVar, dataclass
from enum import Enum
from typing import Any
from uuid import UUID

import pytest

from sessions.codecs.plus.codec import PlusCodec


@dataclass
class Order:
    number: int


class Shadow:
    class Order(Enum):
        A = 1


# Fails without: codecs/plus/codec.py, `if name in tags:`
@pytest.mark.parametrize(
    ("types", "why"),
    [
        (
            [Order, Shadow.Order],
            r"the tag 'Order' of .*Shadow\.Order is already the tag of .*\.Order\. .* Choose another one",
        ),
        ([Order, Order], r"the tag 'Order' of .*\.Order is already the tag of"),
        ({"set": Order}, r"the tag 'set' of .*\.Order is already the tag of builtins\.set\."),
        ({"path": Order}, r"the tag 'path' of .*\.Order is already the tag of"),
        ({"": Order}, "must be printable text"),
        ({"~x": Order}, "does not begin with '~'"),
        ({"a\n": Order}, "must be printable text"),
        ({"x" * 201: Order}, "must be printable text of 1 to 200"),
        ({"uid": UUID}, "UUID is always allowed"),
    ],
)
def test_tags_that_cannot_be_told_apart_are_refused(types: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        PlusCodec(types)


class SlottedError(Exception):
    __slots__ = ("code",)


class Text(str):
    __slots__ = ()


@dataclass
class Listing(list[int]):
    name: str


@dataclass
class Hidden:
    number: InitVar[int]


@pytest.mark.parametrize(
    ("types", "why"),
    [
        ([object], "object is not an enumeration"),
        ([Shadow], "Shadow is not an enumeration"),
        ([Text], "Text is a subclass of str"),
        ([Listing], "Listing is a subclass of list"),
        ([Hidden], "Hidden is a dataclass that cannot be made from its fields"),
        ([SlottedError], "SlottedError is an exception with __slots__"),
        (["Order"], "types must be classes"),
        ("Order", "types must be classes"),
        ({"a": Order(1)}, "types must be classes"),
        ({1: Order}, "a tag must be a string, not int"),
        (Order, r"Write types=\[Order\]"),
        ([list[int]], "types must be classes"),
    ],
)
def test_what_is_no_class_to_be_kept_is_refused(types: Any, why: str) -> None:
    with pytest.raises(TypeError, match=why):
        PlusCodec(types)
