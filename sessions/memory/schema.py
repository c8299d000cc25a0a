"""The tables of memories."""

from __future__ import annotations

from typing import Final

from sessions.db.ids import MAX_OWNER
from sessions.db.schema import Column, Index, Schema, Table

MAX_SPACE: Final = MAX_OWNER
"""The highest internal id of a namespace: beyond it, ids of memories have no room."""

_SPACES: Final = Table(
    "spaces",
    """Namespaces. A row is the lock of its memories, and their clock: each change of one raises `version`.

    `path` is the namespace as `labels.py` writes owners, so that a prefix is a range.
    """,
    (
        Column("id", "serial"),
        Column("path", "session_id_type", unique=True),
        Column("version", "integer", "Rises by one for each memory that is put or removed."),
        Column("last", "integer", "The last number given to a memory of the namespace; never given twice."),
        Column("removed", "integer", "The version of the last removal; 0 if there was none.", default=0),
        Column("owner", "session_id_type", "Its owner, as `labels.py` writes it.", null=True),
        Column("wrapped_keys", "bytes", "An encrypted namespace's data keys, wrapped.", null=True),
        Column("marks", "bytes", "The marks of the last commands, by which a repeated one is known.", null=True),
        Column("settings", "integer", "The number of the settings that all its rows follow; -1 of none.", default=0),
        Column("created_at", "integer", "In microseconds since 1970, UTC, as all times."),
        Column("updated_at", "integer"),
    ),
    updated=True,
)

_MEMORIES: Final = Table(
    "memories",
    "Memories. An id is made of the namespace's number and the memory's in it, see `db/ids.py`.",
    (
        Column("id", "integer"),
        Column("space", "integer"),
        Column("name", "long_key_type", "The key that users give."),
        Column("version", "integer", "The version of the namespace that put it."),
        Column("created_at", "integer"),
        Column("updated_at", "integer"),
        Column("expires_at", "integer", null=True),
        Column("ttl", "integer", "Microseconds for which it lives after it is put or refreshed.", null=True),
        Column("payload", "bytes"),
    ),
)

_SEARCH_ROWS: Final = Table(
    "search_rows",
    "What search knows of a memory; replaced as a whole with each put, so that nothing of an older value stays.",
    (
        Column("memory", "integer"),
        Column(
            "model", "integer", "The embedding model; null if the texts wait for one, or are not embedded.", null=True
        ),
        Column("places", "bytes", "Where in the value each text is.", null=True),
        Column("digest", "bytes", "Tells whether the texts are those of before.", null=True),
        Column("vectors", "bytes", "A vector for each text, of unit length.", null=True),
        Column("words", "bytes", "The words, hashed, with their counts."),
        Column("sealed", "bytes", "In an encrypted namespace, the four columns before this one, encrypted.", null=True),
    ),
    key=("memory",),
)

_FIELD_VALUES: Final = Table(
    "field_values",
    "Values of declared fields, so that filters find memories by them.",
    (
        Column("space", "integer"),
        Column("field", "integer", "The number of the field in the settings."),
        Column("value", "value_type", "The value, or its beginning, in an order of bytes."),
        Column("memory", "integer"),
    ),
    key=("space", "field", "value", "memory"),
)

_REMOVALS: Final = Table(
    "removals",
    "Memories that were removed in the last versions of a namespace, for those who watch.",
    (
        Column("space", "integer"),
        Column("version", "integer"),
        Column("memory", "integer", "The id that it had."),
        Column("name", "long_key_type"),
        Column("what", "text", "`deleted` or `expired`."),
        Column("created_at", "integer"),
    ),
    key=("space", "version"),
)

_EMBEDDERS: Final = Table(
    "embedders",
    "Embedding models that have made vectors.",
    (
        Column("id", "serial"),
        Column("name", "key_type", unique=True),
        Column("dims", "integer"),
        Column("probe", "bytes", "A digest of the vector of a fixed text.", null=True),
        Column("made_at", "integer"),
    ),
    content=False,
)

_SETTINGS: Final = Table(
    "memory_settings",
    "What holds for all memories: one row with the id 1, or none as long as all is as in the beginning.",
    (
        Column("id", "integer"),
        Column("number", "integer", "Rises with each change of the next columns; every put compares it.", default=0),
        Column("tokenizer", "integer", "The number of the algorithm that makes words.", default=1),
        Column("embedder", "integer", "The current embedding model.", null=True),
        Column("fields", "bytes", "The declared fields: JSON.", null=True),
        Column("floor", "integer", "The highest version of the namespaces that were removed.", default=0),
    ),
    content=False,
)

MEMORY: Final = Schema(
    "memory",
    (_SPACES, _MEMORIES, _SEARCH_ROWS, _FIELD_VALUES, _REMOVALS, _EMBEDDERS, _SETTINGS),
    (
        Index(
            "spaces_of_owner",
            "spaces",
            ("owner",),
            "An owner's namespaces.",
            where="owner is not null",
        ),
        Index("spaces_by_settings", "spaces", ("settings",), "Namespaces whose rows follow older settings."),
        Index("memories_by_name", "memories", ("space", "name"), "A memory by its key.", unique=True),
        Index("memories_by_version", "memories", ("space", "version"), "A namespace's memories, the latest first."),
        Index(
            "memories_expiring",
            "memories",
            ("expires_at",),
            "Memories that will expire, for purging.",
            where="expires_at is not null",
        ),
        Index("field_values_anywhere", "field_values", ("field", "value"), "A value in any namespace."),
        Index("field_values_of_memory", "field_values", ("memory",), "A memory's values, for replacing them."),
    ),
)
