"""Hypothesis strategies for JSON, and an equality as strict as JSON's: Python takes 1, 1.0 and True for the same."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

# All of Unicode, NUL and astral planes included; lone surrogates are no text.
text = st.text(st.characters(exclude_categories=["Cs"]))
# Keys that look alike: composed and decomposed, with and without a space, NUL or byte order mark, empty.
keys = (
    st.sampled_from(["", " ", "a", "A", "a ", "a\0", "\ufeffa", "é", "e\u0301", "\U0001f600", "1", "true", "null"])
    | text
)
integers = st.integers() | st.integers(-(2**1024), 2**1024) | st.sampled_from([2**53 + 1, 2**63, 2**64, -(2**63) - 1])
floats = st.floats(allow_nan=False, allow_infinity=False)
scalars: SearchStrategy[Any] = st.none() | st.booleans() | integers | floats | text
values: SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)
items: SearchStrategy[dict[str, Any]] = st.dictionaries(keys, values, max_size=5)


def identical(one: Any, other: Any) -> bool:
    """Compare JSON with its types, the order of keys and the sign of zero."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(identical(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(identical, one, other))
    if isinstance(one, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return bool(one == other)


def nested(levels: int, leaf: Any, *, in_lists: bool) -> dict[str, Any]:
    """Return an item with so many lists or dictionaries inside one another."""
    value = leaf
    for _ in range(levels):
        value = [value] if in_lists else {"k": value}
    return {"value": value}
