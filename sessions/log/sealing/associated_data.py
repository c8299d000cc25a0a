"""What a sealed payload is bound to: the associated data of its cipher, made of the entry's other columns.

In formats 3 and 4 that is a JSON array of the entry's id, version, turn, kind, tool name, author, created_at and
expires_at, in UTF-8 without white space, escaped as RFC 8785 says; in format 4 with a ninth element, 4. SQLite's
``json_array`` writes the same, so there the columns leave the database as one value, which costs half of fetching
them one by one.

Formats 1 and 2 are not written any more: id, version, turn, created_at and expires_at as signed 64-bit integers, big
endian (``-2**63`` for no expiry), the first five bytes of the payload, and kind, tool name and author in UTF-8 with a
zero byte between them; a tool name or an author that is there has ``=`` before it.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

import msgspec

from sessions.crypto.data_keys import KEY_ID_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

FORMATS: Final = (b"\3", b"\4")
"""What payloads begin with that are written now: without a hidden tool's name, and with one."""

OLDER_FORMATS: Final = (b"\1", b"\2")
"""What they began with before, in the same order."""

HEADER: Final = 1 + KEY_ID_BYTES
"""Bytes before the nonce: the format and the id of the data key."""

_NEVER: Final = -(1 << 63)
_pack_numbers = struct.Struct(f">qqqqq{HEADER}s").pack

encode_columns: Callable[[tuple[Any, ...]], bytes] = msgspec.json.Encoder().encode
"""The array of format 3, of all columns but the payload."""


def bound_to(entry: tuple[Any, ...], header: bytes) -> bytes:
    """Return what the payload of an entry is bound to if that begins with `header`.

    Raises:
        ValueError: A column holds what it cannot hold.
        struct.error: The same.
    """
    form = header[:1]
    if form == FORMATS[0]:
        return encode_columns(entry[:8])
    if form == FORMATS[1]:
        return with_hidden_name(encode_columns(entry[:8]))
    id_, version, turn, kind, tool_name, author, created_at, expires_at, *_ = entry
    expires = _NEVER if expires_at is None else expires_at
    texts = [kind, *("" if text is None else f"={text}" for text in (tool_name, author))]
    return _pack_numbers(id_, version, turn, created_at, expires, header) + "\0".join(texts).encode()


def with_hidden_name(columns: bytes) -> bytes:
    """Return the array of format 4, made of that of format 3."""
    return columns[:-1] + b",4]"
