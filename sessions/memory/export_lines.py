"""The lines of an export that are memories. docs/moving.md has the format for other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec  # noqa: TC002 - types of lines are read when they are decoded

from sessions.clock import FIRST, NEVER
from sessions.codecs.lines import NOTHING, ExportLine, is_item
from sessions.labels import encode_owner
from sessions.memory.paths import check_namespace
from sessions.memory.search.texts import check_paths
from sessions.validation import MAX_TTL, check_text

if TYPE_CHECKING:
    from sessions.memory.listing import Place

_MAX_VERSION: Final = (1 << 62) - 1
_MAX_KEY_BYTES: Final = 512


class MemoryLine(ExportLine, tag="memory", frozen=True):
    """A memory. It has a value, or the bytes of any other payload.

    Attributes:
        namespace: The labels of its namespace.
        key: Its key.
        version: Its version. An imported memory has this one or a higher one, so that none comes again.
        created_at: When the key was first put.
        updated_at: When the value was last put.
        ttl: For how long it lives after it is put or refreshed, in microseconds.
        expires_at: When it expires.
        owner: The labels of its namespace's owner.
        index: Whether search finds it; or the fields by whose texts it does, if they are its own.
        value: The JSON object.
        payload: In place of a value, its form in another codec.
    """

    namespace: tuple[str, ...]
    key: str
    version: int
    created_at: int
    updated_at: int
    ttl: int | None = None
    expires_at: int | None = None
    owner: tuple[str, ...] | None = None
    index: bool | tuple[str, ...] = True
    value: msgspec.Raw = NOTHING
    payload: bytes | None = None

    @property
    def content(self) -> bytes:
        """The payload as it was stored."""
        return bytes(self.value) if self.payload is None else self.payload

    def check(self, after: tuple[str, str]) -> tuple[str, str]:
        """Check the line, and return its place: path and key.

        Args:
            after: The place of the memory before it.

        Raises:
            ValueError: A value in it cannot be true.
        """
        place = check_namespace(self.namespace), check_text(self.key, "key", _MAX_KEY_BYTES)
        if place <= after:
            raise ValueError("memories are not in the order of their namespaces and keys, or one is there twice")
        if self.owner is not None:
            encode_owner(self.owner)
        if not 1 <= self.version <= _MAX_VERSION:
            raise ValueError("its version cannot be")
        ends = (self.created_at, self.updated_at, self.expires_at or self.updated_at, (self.ttl or 0) + FIRST)
        if not all(FIRST <= time <= NEVER for time in ends) or (self.ttl or 0) > MAX_TTL * 1_000_000:
            raise ValueError("a time cannot be")
        if (self.ttl is None) != (self.expires_at is None) or (self.ttl is not None and self.ttl < 1):
            raise ValueError("ttl and expires_at do not fit together")
        if (self.payload is None) == (self.value is NOTHING):
            raise ValueError("it must have either a value or a payload")
        if self.payload is None and not is_item(bytes(self.value)):
            raise ValueError("its value is not a JSON object")
        if not isinstance(self.index, bool):
            _check_index(self.index)
        return place


def _check_index(paths: tuple[str, ...]) -> None:
    try:
        check_paths(paths, "index")
    except ValueError:
        # Its message quotes the path.
        raise ValueError("its index has a text that is no path, or too many paths, or none") from None


def place_of(place: Place | None) -> tuple[str, str]:
    """Return a place as a pair that sorts as lines do; that of none is before all."""
    return ("", "") if place is None else (place.path, place.name)
