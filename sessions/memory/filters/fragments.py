"""Fragments of payloads: a text in the payload of each match of a filter, so that SQL can leave out the rest.

A fragment is a text or a whole number as JSON has it, without the name of its field: the writer of the payload may have
put spaces around the colon. Characters that some writers escape are in no fragment, and neither are numbers that may be
written with an exponent.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessions.memory.filters.nodes import Need

_LEAST: Final = 3
"""Characters of a fragment: shorter ones are in most payloads."""

_MOST: Final = 512

_HIGHEST: Final = 1 << 53
"""Numbers from here on may be written with an exponent."""

_AS_IT_IS: Final = re.compile(r"[A-Za-z0-9 _.:;,!?@#%$*+=()\[\]{}|-]+")
"""Texts that every writer of JSON writes as they are."""


def fragment_of(needs: Iterable[Need]) -> str | None:
    """Return the longest fragment of all that match, given conditions without which nothing does; ``None`` without."""
    found = [fragment for need in needs if (fragment := _of(need)) and _LEAST <= len(fragment) <= _MOST]
    return max(found, key=len, default=None)


def _of(need: Need) -> str | None:
    operand = need.operand
    if need.operator not in {"$eq", "$contains"}:
        return None
    if type(operand) is str and _AS_IT_IS.fullmatch(operand):
        return f'"{operand}"'
    if type(operand) is int and abs(operand) < _HIGHEST:
        return str(operand)  # Also where it is written as a float, with ".0" behind.
    return None
