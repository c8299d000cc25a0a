"""Rows for search, as statements return them."""

from __future__ import annotations

from typing import NamedTuple


class Sealed(NamedTuple):
    """The row for search of a memory of an encrypted namespace, before it is decrypted.

    Attributes:
        is_of_model: Whether its vectors are those of the model that searches.
        payload: The encrypted columns; ``None`` if they are in the clear, from before the namespace was encrypted.
        path: The namespace's path.
        wrapped_keys: The namespace's data keys, wrapped.
        name: The memory's key.
        created_at: When its key was first put.
    """

    is_of_model: int
    payload: bytes | None
    path: str
    wrapped_keys: bytes
    name: str
    created_at: int


class IndexRow(NamedTuple):
    """A memory's row for search.

    Attributes:
        id: The memory's internal id.
        version: Its version.
        space: The internal id of its namespace.
        vectors: The vectors of its texts, by the model that searches; ``None`` without any.
        words: Its words, hashed and counted; ``None`` if search is not to find it.
        sealed: The same and more of an encrypted namespace.
    """

    id: int
    version: int
    space: int
    vectors: bytes | None
    words: bytes | None
    sealed: Sealed | None = None
