"""Narrows a filter by declared fields: ranges of bytes in which each match has a row. The filter decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.memory.fields import ANYTHING, NUMBER, OBJECT, TEXT, TEXT_BYTES, bytes_of, bytes_of_element
from sessions.memory.filters.comparisons import ORDERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sessions.memory.filters import Filter
    from sessions.memory.filters.nodes import Need

MOST_RANGES: Final = 64
"""More values of `$in` are not looked up one by one: the field does not narrow then."""

_LAST: Final = {NUMBER: NUMBER + b"\xff" * 8, TEXT: TEXT + b"\xff" * TEXT_BYTES}
"""The last bytes of a kind."""


class Narrowing(NamedTuple):
    """Where the rows of a declared field are, one of which each match has.

    Attributes:
        field: The field's number.
        ranges: The first and the last bytes of each range.
    """

    field: int
    ranges: tuple[tuple[bytes, bytes], ...]


def narrowings_of(compiled: Filter, numbers: Mapping[str, int]) -> list[Narrowing]:
    """Return the narrowings of a filter, one for each condition that a declared field helps with.

    Args:
        compiled: The filter.
        numbers: The numbers of the fields that are declared and indexed, by name.
    """
    found = []
    for key, number in numbers.items():
        needs = [need for need in compiled.needs if need.key == key]
        single = [_ranges(need) for need in needs if need.operator not in ORDERS]
        ordered = [need for need in needs if need.operator in ORDERS]
        found += [Narrowing(number, _with_anything(ranges)) for ranges in single if len(ranges) <= MOST_RANGES]
        if ordered:
            found.append(Narrowing(number, _with_anything(_between(ordered))))
    return found


def _with_anything(ranges: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    return (*dict.fromkeys(ranges), (ANYTHING, ANYTHING))


def _ranges(need: Need) -> list[tuple[bytes, bytes]]:
    """Return the ranges of an equality, of which each is one value."""
    if need.operator == "$contains":
        values = [bytes_of_element(need.operand)]
    else:
        values = [bytes_of(each) for each in (need.operand if need.operator == "$in" else [need.operand])]
    return [(value, value) for value in values]


def _between(needs: Iterable[Need]) -> list[tuple[bytes, bytes]]:
    """Return the one range of some orders together; none if nothing can match."""
    low, high = b"", b"\xff"
    for need in needs:
        bound = bytes_of(need.operand)
        if bound == OBJECT:  # A time or a decimal: their rows tell only that they are some value of a codec's.
            first, last = OBJECT, OBJECT
        elif bound[:1] not in _LAST or need.operand != need.operand:
            return []
        elif need.operator in {"$gt", "$gte"}:
            first, last = bound, _LAST[bound[:1]]
        else:
            first, last = bound[:1], bound
        low, high = max(low, first), min(high, last)
    return [(low, high)] if low <= high else []


def hints_of(compiled: Filter, numbers: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields of a filter that an index would help with, and that are not declared."""
    return tuple(dict.fromkeys(need.key for need in compiled.needs if need.key not in numbers))
