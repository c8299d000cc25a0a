"""Rows of memories as reading statements return them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

from sessions.db.dialect import text_of_key
from sessions.labels import as_stored

if TYPE_CHECKING:
    from sessions.db.transaction import Row


class MemoryRow(NamedTuple):
    """A memory with its namespace, before its payload is opened.

    Attributes:
        path: The path of its namespace.
        owner: The namespace's owner, as `labels.py` writes it.
        wrapped_keys: The namespace's data keys, wrapped; ``None`` if its payloads are in the clear.
        id: The id.
        name: The key.
        version: The version.
        created_at: When the key was first put, in microseconds since 1970, UTC, as all times.
        updated_at: When it was last put.
        expires_at: When it expires.
        ttl: Its life after it is put or refreshed, in microseconds.
        payload: The encoded value.
    """

    path: str
    owner: str | None
    wrapped_keys: bytes | None
    id: int
    name: str
    version: int
    created_at: int
    updated_at: int
    expires_at: int | None
    ttl: int | None
    payload: bytes

    @classmethod
    def of(cls, row: Row) -> Self:
        """Return a row of the columns that statements call so; some databases return bytes for text."""
        path, owner, wrapped_keys, memory, name, version, created_at, updated_at, expires_at, ttl, payload = row
        return cls(
            as_stored(path),
            None if owner is None else as_stored(owner),
            None if wrapped_keys is None else bytes(wrapped_keys),
            memory,
            text_of_key(name),
            version,
            created_at,
            updated_at,
            expires_at,
            ttl,
            bytes(payload),
        )
