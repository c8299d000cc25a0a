"""Statements about the schema: which tables there are, and how far they have been migrated."""

from __future__ import annotations

from sessions.log.dialect import MARIADB, POSTGRES
from sessions.log.transaction import Statement

COLUMNS = Statement(
    "The names of a table's columns; none if there is no such table.",
    "select name from pragma_table_info(:table)",
    dict.fromkeys(
        (POSTGRES, MARIADB),
        """
        select column_name from information_schema.columns where table_schema = {schema_here} and table_name = :table
        """,
    ),
)

SCHEMA_VERSION = Statement(
    "The number of the last migration.",
    "select coalesce(max(number), 0) from {schema}",
)

MIGRATION_APPLIED = Statement(
    "Note a migration.",
    "insert into {schema} (number, applied_at) values (:number, :now) on conflict (number) do nothing",
    {MARIADB: "insert ignore into {schema} (number, applied_at) values (:number, :now)"},
)

LOCK_SCHEMA = Statement(
    "Let no other process migrate until this transaction ends, and return 1; SQLite's does that by itself.",
    "select 1",
    {
        # The key is "agentlog" in ASCII.
        POSTGRES: "select 1 from pg_advisory_xact_lock(7018422474229378919)",
        MARIADB: "select get_lock('agent_log_schema', 60)",
    },
)

UNLOCK_SCHEMA = Statement(
    "Let other processes migrate where that lock does not end with the transaction.",
    "select 1",
    {MARIADB: "do release_lock('agent_log_schema')"},
)
