"""Codecs: conversion between an item and its stored bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@runtime_checkable
class Codec(Protocol):
    """The methods that a session needs of a codec. Several threads use it at once, and it keeps no state between calls.

    Example: ``session = SQLiteSession("user_123", "chat.db", codec=PlusCodec(types=[Order]))``
    """

    def encode_all(self, items: Sequence[Any]) -> list[bytes]:
        """Return each item's payload. Raise `InvalidItemError` if an item cannot be stored without loss.

        Example: ``payloads = codec.encode_all(items)``
        """
        ...

    def decode_all(self, payloads: Iterable[bytes]) -> list[Any]:
        """Return the items of payloads, fast. Raise `ValueError` if one of them needs `decode` or cannot be read.

        Example: ``items = codec.decode_all(payloads)``
        """
        ...

    def decode(self, payload: bytes) -> Any:
        """Return the item of a payload. Raise `ValueError` if it cannot be read.

        Example: ``item = codec.decode(payloads[0])``
        """
        ...

    def digest(self, items: Sequence[Any]) -> bytes:
        """Return 32 bytes that identify a list of items: equal for equal lists, different for different ones.

        Example: ``digest = codec.digest(items)``
        """
        ...
