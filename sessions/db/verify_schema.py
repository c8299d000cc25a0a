"""The checks that every component has: its tables, columns, indexes and migrations are there; on SQLite, the file."""

from __future__ import annotations

import re
import sqlite3
from functools import cache
from typing import TYPE_CHECKING, Final

from sessions.db import migration_statements
from sessions.db.dialect import MARIADB, POSTGRES, SQLITE
from sessions.db.settings import STORE
from sessions.db.transaction import Statement
from sessions.db.verification import Checked
from sessions.types.verify import Finding, found

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sessions.db.schema import Schema, Table
    from sessions.db.transaction import Transaction

_INDEXES: Final = Statement(
    "The names of a table's indexes.",
    "select name from pragma_index_list(:table{schema_argument})",
    {
        POSTGRES: """
            select cast(c.relname as text) from pg_index i join pg_class c on c.oid = i.indexrelid
            where i.indrelid = to_regclass('{where}' || quote_ident(cast(:table as text))) and i.indisvalid
        """,
        MARIADB: """
            select distinct index_name from information_schema.statistics where table_schema = {schema_here}
            and table_name = :table
        """,
    },
)

_NUMBERS: Final = Statement(
    "The recorded migrations of all components.",
    "select component, number, applied_at from {schema} order by component, number",
)

_TABLES_OF_FILE: Final = Statement(
    "All tables of a SQLite file, other programs' too, by numbers; 0 stands for the schema itself and the free pages.",
    """
    select 0, 'sqlite_master' where 0 > :after
    union all
    select rowid, name from sqlite_master where type = 'table' and rootpage > 0 and rowid > :after
    order by 1 limit 1
    """,
)

_WHOLE: Final = "ok"
_CORRUPT: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR})


def missing_tables(findings: Sequence[Finding]) -> list[str]:
    """Return the tables that `SchemaCheck` found missing, or without some of their columns."""
    return [finding.table or "" for finding in findings if finding.code in {"table-missing", "column-missing"}]


class SchemaCheck:
    """Checks the tables, columns, indexes and migrations of some components.

    Args:
        schemas: The components'.
    """

    name = "schema"
    tables = ("schema",)

    def __init__(self, schemas: Sequence[Schema]) -> None:
        self._schemas = (STORE, *schemas)
        self._columns = {table.name: _about(migration_statements.COLUMNS, table) for table in self._tables()}
        self._indexes = {table.name: _about(_INDEXES, table) for table in self._tables()}

    def _tables(self) -> Iterator[Table]:
        for schema in self._schemas:
            yield from schema.tables

    def page(self, tx: Transaction, after: str) -> Checked:
        """Check all."""
        del after
        findings = [*self._migrations(tx)]
        for schema in self._schemas:
            for table in schema.tables:
                findings += self._table(tx, schema, table)
        return Checked(findings, None)

    def skip(self, tx: Transaction, after: str) -> None:
        """Give up: there is one page."""
        del tx, after

    def _migrations(self, tx: Transaction) -> Iterator[Finding]:
        rows = tx.all(_NUMBERS)
        for schema in self._schemas:
            recorded = {number for component, number, _ in rows if component == schema.component}
            for number, _ in schema.missing(0):
                if number not in recorded:
                    problem = f"Migration {number} of component {schema.component!r} is not recorded."
                    yield found("migration-missing", problem, table="schema", place=f"migration {number}")

    def _table(self, tx: Transaction, schema: Schema, table: Table) -> Iterator[Finding]:
        columns = {name for (name,) in tx.all(self._columns[table.name])}
        if not columns:
            yield found("table-missing", f"The table {table.name} is missing.", table=table.name)
            return
        for column in table.columns:
            if column.name not in columns:
                problem = f"The column {column.name} of {table.name} is missing."
                yield found("column-missing", problem, table=table.name, place=f"column {column.name}")
        indexes = [name for (name,) in tx.all(self._indexes[table.name])]
        for index in schema.indexes:
            ending = f"{schema.component}_{index.name}"
            if index.table == table.name and not any(name.endswith(ending) for name in indexes):
                problem = f"The index {index.name} of {table.name} is missing: operations that use it take long."
                yield found("index-missing", problem, table=table.name, place=f"index {index.name}")


class FileCheck:
    """Has SQLite check its file, table by table, so that other readers get their turn in between.

    On servers it does nothing: their administrators have tools for it.
    """

    name = "file"
    tables = ("schema",)

    def page(self, tx: Transaction, after: str) -> Checked:
        """Check one table with its indexes; the tables of other programs, too."""
        if tx.database != SQLITE:
            return Checked((), None)
        row = tx.one(_TABLES_OF_FILE, after=int(after or -1))
        if row is None:
            return Checked((), None)
        number, table = row
        findings = [
            found("file-damaged", f"SQLite says: {text}.", place=f"table {table}") for text in _damage(tx, table)
        ]
        return Checked(findings, str(number))

    def skip(self, tx: Transaction, after: str) -> str | None:
        """Go on with the next table."""
        row = tx.one(_TABLES_OF_FILE, after=int(after or -1))
        return None if row is None else str(row[0])


def _damage(tx: Transaction, table: str) -> list[str]:
    """Return SQLite's own findings in a table and its indexes."""
    try:
        rows = tx.all(_integrity(table))
    except Exception as error:
        original = getattr(error, "orig", error)  # SQLAlchemy's, around SQLite's
        if getattr(original, "sqlite_errorcode", 0) & 0xFF in _CORRUPT:
            return [str(original)]
        if isinstance(original, sqlite3.OperationalError):
            return []  # Another program's table, with a function or a collation that is not here.
        raise
    lines = (line for (text,) in rows for line in str(text).splitlines())
    return [line for line in lines if line != _WHOLE and not line.startswith("***")]


@cache
def _integrity(table: str) -> Statement:
    """Return the statement for SQLite's own findings in one table and its indexes.

    They name pages, rows by number, and columns. A name of another program's table that a statement cannot quote
    stands for the whole file.
    """
    argument = f"('{table}')" if re.fullmatch(r"[\w $.-]+", table) else ""
    return Statement("SQLite's own findings in one table and its indexes.", f"pragma integrity_check{argument}")


def _about(statement: Statement, table: Table) -> Statement:
    """Return a statement about one table, whose parameter for the name is replaced by the name."""
    name = f"{{name_of_{table.name}}}"
    variants = {database: str(text).replace(":table", name) for database, text in statement.variants.items()}
    return Statement(statement.purpose, statement.sql.replace(":table", name), variants)
