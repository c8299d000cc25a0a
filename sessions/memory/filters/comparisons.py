"""Tests of one stored value: equality and order, with the same meaning on every database.

Each function makes a test once, when the filter is compiled; the test is then called for each memory. A test gets the
value of a field in its stored form, or `MISSING`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import InvalidOperation
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.memory.filters.forms import JSONForm

Test: TypeAlias = Callable[[Any], bool]

MISSING: Final = msgspec.UNSET
"""The value of a field that an object does not have."""

ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def equal_to(operand: Any) -> Test:
    """Return the test for the same JSON type and value: 1 equals 1.0, and true does not equal 1."""
    if operand is None or type(operand) is bool:
        return lambda value: value is operand
    if type(operand) is int or type(operand) is float:
        return lambda value: type(value) is not bool and value == operand
    if type(operand) is dict or type(operand) is list:
        kind, wanted = type(operand), distinct(operand)
        return lambda value: type(value) is kind and distinct(value) == wanted
    return lambda value: value == operand


def one_of(operands: Sequence[Any]) -> Test:
    """Return the test for being equal to any of some values."""
    texts = frozenset(each for each in operands if type(each) is str)
    numbers = frozenset(each for each in operands if type(each) is int or type(each) is float)
    others = [equal_to(each) for each in operands if type(each) not in (str, int, float)]

    def test(value: Any) -> bool:
        kind = type(value)
        if kind is str:
            return value in texts
        if kind is int or kind is float:
            return value in numbers
        return any(is_equal(value) for is_equal in others)

    return test


def in_order(name: str, operand: Any, form: JSONForm) -> Test:
    """Return the test for an order: numbers compare with numbers, text with text, times with times of one kind."""
    bound, compare = form.comparable(operand), ORDERS[name]
    kind = type(bound)
    if bound is None:
        return lambda _: False
    if kind is int or kind is float:
        return lambda value: (type(value) is int or type(value) is float) and compare(value, bound)
    if kind is str:
        return lambda value: type(value) is str and compare(value, bound)

    def test(value: Any) -> bool:
        if value is MISSING or type(found := form.comparable(value)) is not kind:
            return False
        try:
            return bool(compare(found, bound))
        except (TypeError, InvalidOperation):
            return False  # A time with a zone and one without, or a decimal that is not a number.

    return test


def distinct(value: Any) -> Any:
    """Return a value that is equal to those of equal values alone. Python itself takes true for 1, also in lists."""
    if type(value) is bool:
        return (bool, value)
    if type(value) is list:
        elements = []
        for element in value:  # A comprehension would need another frame for each level.
            elements.append(distinct(element))  # noqa: PERF401
        return elements
    if type(value) is dict:
        fields = {}
        for key, field in value.items():
            fields[key] = distinct(field)
        return fields
    return value
