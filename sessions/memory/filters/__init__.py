"""Filters: conditions for memories' values, with one meaning on every database.

A filter is compiled once and called with each payload. SQL may leave out memories that cannot match
(`memory/narrowing.py`); this function decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.memory.filters.forms import form_of
from sessions.memory.filters.fragments import fragment_of
from sessions.memory.filters.grammar import read_filter
from sessions.memory.filters.nodes import getter_of_fields, keys_of, link, needs_of
from sessions.memory.filters.payloads import part_reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.codecs import Codec


class Filter:
    """A compiled filter.

    Attributes:
        keys: The names of the fields that it looks at, in the order of the filter.
        needs: Conditions that hold for each match, for indexes.
        fragment: A text that is in the payload of each match; ``None`` if none is known.
    """

    __slots__ = ("_decode", "_test", "fragment", "keys", "needs")

    def __init__(self, given: Any, codec: Codec) -> None:
        form = form_of(codec)
        node = read_filter(given, form)
        self.keys = tuple(keys_of(node))
        self.needs = tuple(needs_of(node))
        self.fragment = fragment_of(self.needs) if form.is_json else None
        reader = part_reader(self.keys, form)
        if reader is None:
            self._decode: Callable[[bytes], Any] = form.decode
            self._test = link(node, getter_of_fields(form))
        else:
            self._decode = reader.decode
            self._test = link(node, lambda key: reader.getter_of(key, form))

    def matches(self, payload: bytes) -> bool:
        """Tell whether the value of a payload matches.

        Raises:
            ValueError: The payload cannot be read.
        """
        return self._test(self._decode(payload))


def compile_filter(given: Any, codec: Codec) -> Filter | None:
    """Return a caller's filter in a form that can be called; ``None`` for no filter, or for one without conditions.

    Args:
        given: A dictionary of conditions that all have to hold, or ``None``.
        codec: The codec of the values: operands go through it, too.

    Raises:
        TypeError: `given` is not a dictionary.
        InvalidFilterError: It is not a filter. The message names the place.
    """
    return None if given is None or given == {} else Filter(given, codec)
