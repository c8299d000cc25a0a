"""Lists in statements: as many numbered parameters as a statement has, for lists of any length.

A statement's text must not depend on a list's length, or each length would be prepared anew. So the last part of a list
is filled up with its first value: an SQL ``in`` finds each row once in any case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

T = TypeVar("T")


def parameters(letter: str, count: int) -> str:
    """Return the SQL of numbered parameters: ``:k0, :k1`` for ``("k", 2)``."""
    return ", ".join(f":{letter}{number}" for number in range(count))


def parts(letter: str, count: int, values: Sequence[T]) -> Iterator[dict[str, T]]:
    """Yield the values of these parameters for each part of a list; nothing for an empty list."""
    for first in range(0, len(values), count):
        part = values[first : first + count]
        filled = [*part, *[part[0]] * (count - len(part))]
        yield {f"{letter}{number}": value for number, value in enumerate(filled)}
