"""Statements about the settings of memories, and about the namespaces whose rows follow them."""

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
        # In the order of ids, as puts lock them.
        MARIADB: "select count(id) from {spaces} force index (primary) lock in share mode",
    },
)

LOCK_SETTINGS = Statement(
    "Lock the settings.",
    "select id from {memory_settings} where id = 1 {for_update}",
    {SQLITE: "select 1"},
)

CHANGE_SETTINGS = Statement(
    "Change the settings.",
    """
    update {memory_settings} set number = :number, tokenizer = :tokenizer, embedder = :embedder, fields = :fields
    where id = 1
    """,
)

SPACES_BEHIND = Statement(
    "The next namespaces with rows that may not follow the settings of a number.",
    "select id from {spaces} where id > :after and settings >= 0 and settings < :number order by id limit :count",
)

FOLLOW_SETTINGS = Statement(
    "Note that all rows of a namespace follow the settings of a number, unless it is encrypted.",
    "update {spaces} set settings = :number where id = :space and settings >= 0",
)

SETTINGS_FOR_FILTERS = Statement(
    """The settings, and the lowest number of the settings that all rows of a namespace follow.

    And how many namespaces are below a prefix, counted up to a number. Encrypted namespaces have no rows of values, and
    follow no settings: their number is -1.
    """,
    """
    select number, tokenizer, embedder, fields, (select min(settings) from {spaces}), (
        select count(*) from (select 1 from {spaces} where path >= :low and path < :high limit :count) counted
    ) from {memory_settings} where id = 1
    """,
)

LOWEST_BETWEEN = Statement(
    "The lowest number of the settings that all rows of the namespaces below a prefix follow.",
    "select min(settings) from {spaces} where path >= :low and path < :high",
)

PAYLOADS_AFTER = Statement(
    "The next memories of a namespace.",
    "select id, payload from {memories} where id > :after and id <= :last order by id limit :count",
)

DROP_VALUES_BETWEEN = Statement(
    "Remove the values of some memories.", "delete from {field_values} where memory > :after and memory <= :last"
)
