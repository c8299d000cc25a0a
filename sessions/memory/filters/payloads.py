"""Decodes the wanted fields of a JSON payload, and skips the others: a third of the time of decoding all of it."""

from __future__ import annotations

from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from sessions.memory.filters.comparisons import MISSING
from sessions.memory.filters.nodes import walker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sessions.memory.filters.forms import JSONForm
    from sessions.memory.filters.nodes import Getter

_MOST_FIELDS: Final = 16
"""The decoder compares each key of a payload with the wanted ones in turn."""


class PartReader(NamedTuple):
    """Reads some fields of payloads.

    Attributes:
        decode: Returns an object that has them; raises `msgspec.DecodeError` for a payload that is not an object.
        attributes: The attribute of each field.
    """

    decode: Callable[[bytes], Any]
    attributes: Mapping[str, str]

    def getter_of(self, key: str, form: JSONForm) -> Getter:
        """Return how to get a field: that of this very name, else the path at its dots."""
        get = attrgetter(self.attributes[key])
        if "." not in key:
            return get
        get_head, walk = attrgetter(self.attributes[key.partition(".")[0]]), walker(key, form)

        def get_or_walk(part: Any) -> Any:
            value = get(part)
            return walk(get_head(part)) if value is MISSING else value

        return get_or_walk


def part_reader(keys: Sequence[str], form: JSONForm) -> PartReader | None:
    """Return a reader of the fields that some keys look at; ``None`` if only whole payloads can be read."""
    wanted = {name for key in keys for name in (key, key.partition(".")[0])}
    if not form.is_json or len(wanted) > _MOST_FIELDS or any(not _is_plain(name, form.mark) for name in wanted):
        return None
    return _made(tuple(sorted(wanted)))


@lru_cache(maxsize=256)
def _made(names: tuple[str, ...]) -> PartReader:
    attributes = {name: f"field_{index}" for index, name in enumerate(names)}
    part = msgspec.defstruct(
        "Part",
        [(attribute, Any, MISSING) for attribute in attributes.values()],
        rename={attribute: name for name, attribute in attributes.items()},
    )
    return PartReader(msgspec.json.Decoder(part).decode, attributes)


def _is_plain(name: str, mark: str | None) -> bool:
    """Tell whether a name is in payloads as it is, without escapes and marks."""
    return name.isprintable() and not ('"' in name or "\\" in name) and not (mark and name.startswith(mark))
