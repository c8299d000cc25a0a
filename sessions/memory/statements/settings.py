"""Statements about the settings of memories, and about the rows of declared fields."""

from __future__ import annotations

from sessions.db.dialect import MARIADB, POSTGRES, SQLITE
from sessions.db.transaction import Statement

SETTINGS = Statement(
    "The settings; no row as long as they are as in the beginning.",
    "select number, tokenizer, embedder, fields from {memory_settings} where id = 1",
)

_NEW = "insert into {memory_settings} (id) values (1)"

NEW_SETTINGS = Statement(
    "Make the row of the settings, unless it is there.",
    f"{_NEW} on conflict (id) do nothing",
    {MARIADB: f"{_NEW} on duplicate key update id = id"},
)

WAIT_FOR_PUTS = Statement(
    "Wait for all puts that have locked a namespace, and let new ones wait for this transaction.",
    "select 1",
    {
        POSTGRES: "lock table {spaces} in exclusive mode",
        # In the order of ids, as puts lock them. A namespace that was not committed yet is waited for, too.
        MARIADB: "select count(id) from {spaces} force index (primary) lock in share mode",
    },
)

LOCK_SETTINGS = Statement(
    "Lock the settings. On MariaDB, this also waits for puts into namespaces that are new.",
    "select id from {memory_settings} where id = 1 for update",
    {SQLITE: "select 1"},
)

CHANGE_SETTINGS = Statement(
    "Change the settings.",
    """
    update {memory_settings} set number = :number, tokenizer = :tokenizer, embedder = :embedder, fields = :fields
    where id = 1
    """,
)

MARK_FIELDS = Statement(
    "Note which fields filters may use.", "update {memory_settings} set fields = :fields where id = 1"
)

PUT_VALUE = Statement(
    "Add a value of a declared field.",
    "insert into {field_values} (space, field, value, memory) values (:space, :field, :value, :memory)",
)

DROP_VALUES = Statement("Remove a memory's values.", "delete from {field_values} where memory = :memory")

NEXT_MEMORY = Statement(
    "The namespace of the next memory.", "select space from {memories} where id > :after order by id limit 1"
)

PAYLOADS_AFTER = Statement(
    "The next memories of a namespace.",
    "select id, payload from {memories} where id > :after and id <= :last order by id limit :count",
)

DROP_VALUES_BETWEEN = Statement(
    "Remove the values of some memories.", "delete from {field_values} where memory > :after and memory <= :last"
)
