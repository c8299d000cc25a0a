"""Sets whose making would take too long.

A set compares elements that have the same hash, and Python's hashes of numbers are no secret: stored data may be made
up so that all of them collide. Comparing nested sets compares their elements in turn, so a few collisions on each of
many levels do the same as many on one.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_MOST: Final = 64
"""How often each value may be compared. Sets of points around the origin need 8: -1 and -2 have the same hash."""


def takes_too_long(elements: Collection[Any]) -> bool:
    """Tell whether making a set of these elements may compare the values in them too often.

    Raises:
        TypeError: An element has no hash.
    """
    if len(set(map(hash, elements))) == len(elements):
        return False
    size, comparisons = _of_set(elements)
    return comparisons > _MOST * size


def _of_set(elements: Iterable[Any]) -> tuple[int, int]:
    """Return how many values there are, and how many comparisons making the set, or comparing it, may take."""
    groups = defaultdict(list)
    for element in elements:
        groups[hash(element)].append(element)
    size = comparisons = 1
    for group in groups.values():
        for element in group:
            inside, times = _of(element)
            size += inside
            comparisons += times * len(group)
    return size, comparisons


def _of(value: Any) -> tuple[int, int]:
    """Return how many values are in `value`, and how many comparisons comparing it may take."""
    parts: Iterable[Any] = ()
    if isinstance(value, frozenset):
        return _of_set(value)
    if isinstance(value, tuple):
        parts = value
    elif dataclasses.is_dataclass(value):
        parts = [getattr(value, field.name, None) for field in dataclasses.fields(value)]
    elif hasattr(value, "__dict__") and not isinstance(value, Enum):
        parts = vars(value).values()
    size = comparisons = 1
    for part in parts:
        inside, times = _of(part)
        size += inside
        comparisons += times
    return size, comparisons
