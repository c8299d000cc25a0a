"""Statements about namespaces: finding them, locking them, and their clocks.

A change locks the rows of its namespaces first, in the order of their ids, so no two changes wait for each other.
"""

from __future__ import annotations

from sessions.db.dialect import MARIADB, POSTGRES, SQLITE
from sessions.db.transaction import Statement

SPACE_OF = Statement(
    "The number and the owner of a namespace, without locking it.",
    "select id, owner from {spaces} where path = :path",
)

_NEW = """
    insert into {spaces} (path, version, last, owner, created_at, updated_at)
    values (:path, 0, 0, :owner, :now, :now)
"""

NEW_SPACE = Statement(
    "Make a namespace, unless another process has just made it. Its version is 0 until `START_SPACE`.",
    f"{_NEW} on conflict (path) do nothing",
    {MARIADB: f"{_NEW} on duplicate key update path = path"},
)

START_SPACE = Statement(
    "Let the versions of a new namespace begin behind those of all that were removed, so that none comes again.",
    """
    update {spaces} set version = coalesce((select m.floor from {memory_settings} m where m.id = 1), 0)
    where path = :path and version = 0
    """,
)

_LOCK = "select id, version, last, removed, owner, wrapped_keys, marks from {spaces} where id = :space"

LOCK_SPACE = Statement(
    "Lock a namespace; no row if it was removed.",
    f"{_LOCK} for update",
    {SQLITE: _LOCK},
)

SETTINGS_NUMBER = Statement(
    "The number of the settings that all memories are written by; no row as long as they are as in the beginning.",
    "select number from {memory_settings} where id = 1",
)

MOVE_SPACE = Statement(
    "Move a locked namespace on to the version that a change has made.",
    """
    update {spaces} set version = :version, last = :last, removed = :removed, marks = :marks, updated_at = :now
    where id = :space
    """,
)

SET_OWNER = Statement(
    "Give a locked namespace its owner.",
    "update {spaces} set owner = :owner where id = :space",
)

BELOW = Statement(
    "Some of the namespaces in a range of paths.",
    "select id from {spaces} where path >= :low and path < :high order by path limit :count",
)

OF_OWNERS = Statement(
    "Some of the namespaces of owners in a range.",
    "select id from {spaces} where owner >= :low and owner < :high order by owner, id limit :count",
)

IS_OF_OWNERS = Statement(
    "A row if the owner of a locked namespace is in a range.",
    "select 1 from {spaces} where id = :space and owner >= :low and owner < :high",
)

DELETE_SPACE = Statement("Remove a namespace.", "delete from {spaces} where id = :space")

_FLOOR = "insert into {memory_settings} (id, floor) values (1, :version)"

RAISE_FLOOR = Statement(
    "Note the version of a namespace that is removed.",
    f"{_FLOOR} on conflict (id) do update set floor = max({{memory_settings}}.floor, excluded.floor)",
    {
        POSTGRES: f"""
            {_FLOOR} on conflict (id) do update set floor = greatest({{memory_settings}}.floor, excluded.floor)
        """,
        MARIADB: f"{_FLOOR} on duplicate key update floor = greatest(floor, values(floor))",
    },
)
