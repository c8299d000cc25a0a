"""Statements about the schema: which tables there are, and how far they have been migrated."""

from __future__ import annotations

from typing import Final

from sessions.db.dialect import MARIADB, POSTGRES
from sessions.db.transaction import Statement

_NONE: Final = "select 'none' from (select 1) n where 1 = 0"

COLUMNS = Statement(
    """
    The names of a table's columns; none if there is no such table.

    Of the table that a statement with this name uses: on Postgres by the whole search path, whoever may read it.
    MariaDB shows a table to those only who have rights on it; where names of tables differ by case, so do these.
    """,
    "select name from pragma_table_info(:table{schema_argument})",
    {
        POSTGRES: """
            select cast(attname as text) from pg_attribute
            where attrelid = to_regclass('{where}' || quote_ident(cast(:table as text))) and attnum > 0
            and not attisdropped
        """,
        MARIADB: """
            select column_name from information_schema.columns where table_schema = {schema_here}
            and table_name = :table and (@@lower_case_table_names <> 0 or binary table_name = :table)
        """,
    },
)

SCHEMA_COLUMNS = Statement(
    "The names of the columns of the table of migrations; none if there is no such table.",
    COLUMNS.sql.replace(":table", "{schema_name}"),
    {database: str(sql).replace(":table", "{schema_name}") for database, sql in COLUMNS.variants.items()},
)

OLDER_SCHEMA_COLUMNS = Statement(
    "The same of the table that had its place before there were components, if its name began with another prefix.",
    COLUMNS.sql.replace(":table", "{older_schema_name}"),
    {database: str(sql).replace(":table", "{older_schema_name}") for database, sql in COLUMNS.variants.items()},
)

OUT_OF_REACH = Statement(
    "Schemas with such a table that the search path names, and which this user may not use.",
    _NONE,
    {
        POSTGRES: """
            select cast(n.nspname as text) from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relname = {schema_name} and '{where}' = '' and not has_schema_privilege(n.oid, 'usage')
            and n.nspname in (
                select case name when '$user' then current_user else name end
                from (
                    select trim(both '" ' from entry)
                    from unnest(string_to_array(current_setting('search_path'), ',')) u (entry)
                ) named (name)
            )
        """,
        MARIADB: _NONE,
    },
)

MAY_READ = Statement(
    "Whether this user may read a table that is there, in a schema or, if that is empty, where ours are.",
    "select 1 where :table is not null and :schema is not null",
    {
        POSTGRES: """
            select cast(has_table_privilege(to_regclass(
                case cast(:schema as text) when '' then '{where}' else quote_ident(cast(:schema as text)) || '.' end
                || quote_ident(cast(:table as text))
            ), 'select') as int)
        """,
        # It shows no other.
        MARIADB: "select 1 from dual where :table is not null and :schema is not null",
    },
)

STAY_WITH = Statement(
    "Make tables where the one is, until the transaction ends; without this, where the search path begins.",
    "select 1",
    {
        POSTGRES: """
            select set_config('search_path', quote_ident(n.nspname), true)
            from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.oid = to_regclass('{where}' || quote_ident({schema_name}))
        """,
        MARIADB: "select 1",
    },
)

ATTACHED = Statement(
    "Whether a table is in a database that is attached to the connection's, or is temporary: on SQLite.",
    """
    select 1 from pragma_table_info({schema_name}) where {schema_here} = 'main' and not exists (
        select 1 from pragma_table_info({schema_name}, 'main')
    )
    """,
    {POSTGRES: _NONE, MARIADB: _NONE},
)

APPLIED = Statement(
    "The number of the last migration of each component.",
    "select component, max(number) from {schema} group by component",
)

MIGRATION_APPLIED = Statement(
    "Note a migration.",
    """
    insert into {schema} (component, number, applied_at) values (:component, :number, :now)
    on conflict (component, number) do nothing
    """,
    {MARIADB: "insert ignore into {schema} (component, number, applied_at) values (:component, :number, :now)"},
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
