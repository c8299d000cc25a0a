"""The room that tables of components take on the database's disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.db.dialect import MARIADB, POSTGRES, SQLITE
from sessions.db.transaction import Statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.db.schema import Schema
    from sessions.db.transaction import Transaction


def size_of(tx: Transaction, schemas: Sequence[Schema]) -> int:
    """Return the bytes of components' tables and their indexes; in a SQLite file, those of the whole file.

    MariaDB estimates them, and is behind the truth for some time.
    """
    (found,) = tx.the(_statement(schemas))
    return int(found or 0)


def _statement(schemas: Sequence[Schema]) -> Statement:
    names = [f"'{{{table.name}}}'" for schema in schemas for table in schema.tables]
    of_file = "select page_count * page_size from pragma_page_count(), pragma_page_size()"
    return Statement(
        "The bytes of the tables.",
        of_file,
        {
            SQLITE: of_file,
            POSTGRES: "select " + " + ".join(f"pg_total_relation_size({name})" for name in names),
            MARIADB: f"""
            select sum(data_length + index_length) from information_schema.tables
            where table_schema = {{schema_here}} and concat('{{where}}`', table_name, '`') in ({", ".join(names)})
            """,  # noqa: S608 - names of our tables
        },
    )
