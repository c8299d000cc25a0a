"""Values of declared fields as bytes whose order is that of the values, so that an index finds candidates of a filter.

Bytes hold less than a value does: long texts are cut, numbers are rounded to doubles, and of objects and lists only the
kind is kept. So different values may have the same bytes, and the filter decides.

The first byte is the kind. Elements of lists have rows of their own, with the highest bit set.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from sessions.memory.filters.comparisons import MISSING
from sessions.memory.filters.forms import form_of
from sessions.memory.filters.nodes import getter_of_fields
from sessions.memory.filters.payloads import part_reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sessions.codecs import Codec

NULL: Final = b"\x10"
FALSE: Final = b"\x20"
TRUE: Final = b"\x21"
NUMBER: Final = b"\x30"
TEXT: Final = b"\x40"
LIST: Final = b"\x50"
OBJECT: Final = b"\x60"
ANYTHING: Final = b"\xff"
"""A value, or an element, of which nothing is known: every look finds it."""

TEXT_BYTES: Final = 190
"""How much of a text is kept: an index's key is bounded, on MariaDB at 3,072 bytes."""

MOST_ELEMENTS: Final = 64
"""How many different elements of a list get rows; if there are more, `ANYTHING` stands for all of them."""

_ELEMENT: Final = 0x80
_ALL_BITS: Final = (1 << 64) - 1
_SIGN: Final = 1 << 63


def bytes_of(value: Any) -> bytes:
    """Return a value's bytes, given its stored form."""
    if type(value) is str:
        return TEXT + value.encode()[:TEXT_BYTES]
    if value is None:
        return NULL
    if type(value) is bool:
        return TRUE if value else FALSE
    if type(value) is int or type(value) is float:
        return NUMBER + _in_order(value)
    if type(value) is dict:
        return OBJECT
    return LIST if type(value) is list else ANYTHING


def bytes_of_element(value: Any) -> bytes:
    """Return the bytes of an element of a list."""
    kind, *rest = bytes_of(value)
    return bytes([kind | _ELEMENT, *rest])


def _in_order(number: float) -> bytes:
    """Return the nearest double's bits, changed so that they sort as numbers do."""
    try:
        double = float(number)
    except OverflowError:
        double = float("inf") if number > 0 else float("-inf")
    (bits,) = struct.unpack(">Q", struct.pack(">d", double + 0.0))  # Of the two zeros, it keeps one.
    return int(bits ^ _ALL_BITS if bits & _SIGN else bits | _SIGN).to_bytes(8, "big")


class DeclaredValues:
    """Reads the values of declared fields from payloads.

    Args:
        numbers: The fields' numbers by name.
        codec: The codec of the payloads.
    """

    def __init__(self, numbers: Mapping[str, int], codec: Codec) -> None:
        self._form = form_of(codec)
        reader = part_reader(tuple(numbers), self._form)
        if reader is None:
            self._decode: Callable[[bytes], Any] = self._form.decode
            getter_of = getter_of_fields(self._form)
            self._getters = [(number, getter_of(name)) for name, number in numbers.items()]
        else:
            self._decode = reader.decode
            self._getters = [(number, reader.getter_of(name, self._form)) for name, number in numbers.items()]

    def of(self, payload: bytes) -> list[tuple[int, bytes]]:
        """Return the rows of a memory: numbers of fields with values in bytes, each once.

        A payload that cannot be read may have any value.
        """
        if not self._getters:
            return []
        try:
            value = self._decode(payload) if self._form.is_json else None
        except (ValueError, RecursionError):
            value = None
        if value is None:
            return [(number, ANYTHING) for number, _ in self._getters]
        return [(number, row) for number, get in self._getters for row in self._rows(get(value))]

    def _rows(self, value: Any) -> set[bytes]:
        if value is MISSING:
            return set()
        rows = {bytes_of(value)}
        elements = self._form.elements(value)
        if elements is not None:
            found = set(map(bytes_of_element, elements))
            rows |= found if len(found) <= MOST_ELEMENTS else {ANYTHING}
        return rows
