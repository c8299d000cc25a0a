"""Cursors of watchers: a place in the changes below a prefix as an opaque text.

A cursor holds a part of the prefix's digest, so that one of another prefix is refused. It holds of each namespace how
far its internal id is from the one before, and its version. It is MessagePack, compressed, in base64.
"""

from __future__ import annotations

import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_BYTES: Final = 64 << 20
"""A cursor of some millions of namespaces."""


class _Cursor(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """The contents of a cursor."""

    prefix: bytes
    steps: list[Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]]
    versions: list[Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]]


_decode = msgspec.msgpack.Decoder(_Cursor).decode


def cursor_of(path: str, versions: Mapping[int, int]) -> str:
    """Return the cursor of a place below a prefix, given the version of each namespace by its internal id."""
    spaces = sorted(versions)
    steps = [space - before for space, before in zip(spaces, [0, *spaces], strict=False)]
    written = msgspec.msgpack.encode(_Cursor(_digest(path), steps, [versions[space] for space in spaces]))
    return urlsafe_b64encode(zlib.compress(written)).decode().rstrip("=")


def place_of(path: str, cursor: str) -> dict[int, int]:
    """Return the version of each namespace in a cursor.

    Raises:
        ValueError: It is not a cursor of this prefix.
    """
    found = _read(cursor)
    if found is None or found.prefix != _digest(path) or len(found.steps) != len(found.versions):
        raise ValueError(
            "after is no cursor of a change of this prefix. Nothing was read. Pass the `cursor` of a change that "
            "watch() with the same prefix returned, or leave it out."
        )
    versions = {}
    space = 0
    for step, version in zip(found.steps, found.versions, strict=True):
        space += step
        versions[space] = version
    return versions


def _read(cursor: str) -> _Cursor | None:
    try:
        unpacker = zlib.decompressobj()
        written = unpacker.decompress(urlsafe_b64decode(f"{cursor}{'=' * (-len(cursor) % 4)}"), _MOST_BYTES)
        return _decode(written) if unpacker.eof else None
    except (ValueError, zlib.error, msgspec.DecodeError):
        return None


def _digest(path: str) -> bytes:
    return sha256(path.encode()).digest()[:4]
