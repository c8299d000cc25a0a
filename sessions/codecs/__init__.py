"""Codecs turn an item into the bytes that are stored, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@runtime_checkable
class Codec(Protocol):
    """What a session needs of a codec. It is used from several threads at once, and keeps nothing between calls."""

    def encode_all(self, items: Sequence[Any]) -> list[bytes]:
        """Return each item's payload; raise `InvalidItemError` if one of them cannot be kept as it is."""
        ...

    def decode_all(self, payloads: Iterable[bytes]) -> list[Any]:
        """Return the items of payloads, fast; raise `ValueError` if one of them needs `decode`, or cannot be read."""
        ...

    def decode(self, payload: bytes) -> Any:
        """Return the item of a payload; raise `ValueError` if it cannot be read."""
        ...

    def digest(self, items: Sequence[Any]) -> bytes:
        """Return 32 bytes that tell one list of items from another, and are always the same for the same list."""
        ...
