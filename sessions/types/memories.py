"""Frozen records of memories: an agent's knowledge across conversations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sessions.labels import cursor_of
from sessions.validation import DEFAULT, Default

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime, timedelta

    from sessions.labels import Owner

Labels: TypeAlias = tuple[str, ...]
"""A namespace: one to 16 texts, from the widest to the narrowest, as ``("users", "alice", "preferences")``."""

MemoryChangeKind: TypeAlias = Literal["put", "deleted", "expired", "erased", "reset"]
"""The kinds of `MemoryChange`. Later versions may add more."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """A JSON object under a namespace and a key.

    Example: ``texts = [memory.value["text"] for memory in await mine.list(("preferences",))]``

    Attributes:
        namespace: Its namespace; relative to the prefix if it was read through `Memories.under`.
        key: Its key, unique in the namespace.
        value: The object: a copy of the caller's own.
        version: Rises with each change in the namespace, and never repeats for a key. Pass it as `if_version`.
        created_at: When the key was first put (UTC); anew after it was deleted.
        updated_at: When the value was last put (UTC).
        expires_at: When it expires (UTC); ``None`` for never.
    """

    namespace: Labels
    key: str
    value: dict[str, Any]
    version: int
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None = None

    @property
    def cursor(self) -> str:
        """Its place in the order of namespaces and keys: an opaque text for ``list(after=…)``.

        Example: ``rest = await mine.list(after=(await mine.list(limit=2))[-1].cursor)``
        """
        return cursor_of((*self.namespace, self.key))


@dataclass(frozen=True, kw_only=True)
class Found(Memory):
    """A memory that a search found.

    Attributes:
        score: How well it fits, by the search's mode; higher is better. 0.0 without a query.
        cosine: The cosine between the query and the best of the memory's texts; ``None`` if none was computed.
        text: The score of its words, from 0 to 1; ``None`` if none was computed.
    """

    score: float
    cosine: float | None = None
    text: float | None = None


@dataclass(frozen=True, kw_only=True)
class Namespace:
    """A namespace in a list of them.

    Attributes:
        namespace: Its labels; with `max_depth`, the first of them.
        memories: The number of memories in it, and with `max_depth` below it.
        cursor: Its place in the order of namespaces: an opaque text for ``namespaces(after=…)``.
    """

    namespace: Labels
    memories: int
    cursor: str


@dataclass(frozen=True)
class Put:
    """A memory to be put: the arguments of `Memories.put`, for several at once.

    Example: ``await store.memories.put_many([Put(("users", "alice"), "style", {"text": "short"})])``

    Attributes:
        namespace: The namespace: one label or more.
        key: The key: text of 1 to 512 bytes in UTF-8.
        value: A JSON object, or anything that the store's codec keeps.
        ttl: Seconds until it expires, ``None`` for never; the store's `memory_ttl` if left out.
        index: Whether search finds it; or the fields whose texts it finds, instead of the store's `embed_fields`.
        if_version: The version that the memory must have; 0 if there must be none.
        owner: The owner that the namespace must have, and gets when it is made.
    """

    namespace: Sequence[str]
    key: str
    value: Mapping[str, Any]
    ttl: float | timedelta | Default | None = DEFAULT
    index: bool | Sequence[str] = True
    if_version: int | None = None
    owner: Owner | Default = DEFAULT


@dataclass(frozen=True)
class MemoryChange:
    """A change of a memory, as `Memories.watch` yields it.

    Attributes:
        kind: ``put``, ``deleted``, ``expired`` or ``erased``; ``reset`` means that changes were missed: read again.
        namespace: The namespace; for a ``reset`` after an erasure, the watched prefix.
        key: The key; ``None`` if the kind is ``erased`` or ``reset``.
        version: The version that the change made.
    """

    kind: MemoryChangeKind
    namespace: Labels
    key: str | None
    version: int
    _cursor: Callable[[], str] = field(repr=False, compare=False)

    @property
    def cursor(self) -> str:
        """An opaque text for ``watch(after=…)``, to go on behind this change.

        It has a few bytes for each namespace below the prefix.

        Example: ``cursor = change.cursor``
        """
        return self._cursor()


@dataclass(frozen=True)
class MemoryErasure:
    """The receipt of `Memories.erase`: the removed rows and the remaining work. Backups are not covered.

    Attributes:
        prefix: The labels with which all erased namespaces begin.
        erased_at: When that was begun (UTC).
        namespaces: The number of namespaces removed.
        memories: The number of memories removed, including expired ones.
        search_rows: The number of rows removed that held texts' vectors and words.
        field_values: The number of rows removed that held values of declared fields.
        removals: The number of notes of deleted memories removed.
        pending: Where bytes may still be, and how to finish that, in sentences; empty if nothing is left to do.
    """

    prefix: Labels
    erased_at: datetime
    namespaces: int
    memories: int
    search_rows: int
    field_values: int
    removals: int
    pending: tuple[str, ...]


@dataclass(frozen=True)
class Embedded:
    """The result of `Memories.reembed`.

    Attributes:
        model: The name of the embedding model.
        memories: The number of memories that this call embedded.
        unchanged: The number of memories that others changed meanwhile: these have the embeddings of their put.
    """

    model: str
    memories: int
    unchanged: int = 0


@dataclass(frozen=True, kw_only=True)
class MemoryStatus:
    """The numbers of a store's memories.

    Attributes:
        memories: The number of memories.
        namespaces: The number of namespaces with memories.
        pending: The number of memories that search may find, but that have no embedding by the store's model; 0 in a
            store without one. They are found by their words, until `Memories.reembed` has embedded them.
        models: The number of memories with vectors, by the name of the embedding model.
        cached_bytes: The bytes that this process holds for searching.
    """

    memories: int
    namespaces: int
    pending: int
    models: Mapping[str, int]
    cached_bytes: int
