"""Changes of memories, prepared outside of transactions, and their results."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence


class SearchRow(NamedTuple):
    """A memory's row for search: the columns of `search_rows`."""

    model: int | None
    places: bytes | None
    digest: bytes | None
    vectors: bytes | None
    words: bytes
    sealed: bytes | None = None


class Restored(NamedTuple):
    """The times of an imported memory where it was exported: they stay.

    Attributes:
        version: Its version; it gets this one or a higher one.
        created_at: When its key was first put.
        updated_at: When it was put.
        expires_at: When it expires.
    """

    version: int
    created_at: int
    updated_at: int
    expires_at: int | None


class PreparedPut(msgspec.Struct, frozen=True):
    """A memory to be put, with all that is computed outside of transactions.

    Attributes:
        path: The path of its namespace.
        name: Its key.
        payload: Its encoded value.
        ttl: Its life in microseconds; ``None`` for ever.
        if_version: The version that it must have; 0 if there must be none.
        owner: The owner that the namespace must have, and gets when it is made, as `labels.py` writes it.
        search: Its row for search; ``None`` for none.
        fields: The values of its declared fields, by the number of the field.
        texts: The texts that search is to find it by.
        places: The paths of these texts, in JSON, if they are its own.
        restored: Its times where it was exported; ``None`` for a memory that is put now.
    """

    path: str
    name: str
    payload: bytes
    ttl: int | None = None
    if_version: int | None = None
    owner: str | None = None
    search: SearchRow | None = None
    fields: tuple[tuple[int, bytes], ...] = ()
    texts: Sequence[str] = ()
    places: bytes | None = None
    restored: Restored | None = None


class PreparedDelete(msgspec.Struct, frozen=True):
    """A memory to be deleted. Its attributes are those of `PreparedPut`."""

    path: str
    name: str
    if_version: int | None = None
    owner: str | None = None


Prepared: TypeAlias = PreparedPut | PreparedDelete


class Changed(NamedTuple):
    """The result of one put or deletion.

    Attributes:
        version: The version of the memory, or of its removal; 0 if there was nothing to delete.
        created_at: When its key was first put.
        updated_at: When it was put.
        expires_at: When it expires.
    """

    version: int
    created_at: int = 0
    updated_at: int = 0
    expires_at: int | None = None
