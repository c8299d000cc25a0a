"""The tables of components as SQLAlchemy's `MetaData`, for applications that manage their schema with Alembic.

Both this and the migrations are made of the same `Schema`; a test on every database compares the results. `create_all`
notes the migrations' numbers, as a migration does; a revision of Alembic's has to insert them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

from sessions.clock import now
from sessions.db.dialect import check_name
from sessions.db.migrations import NOTED, applied_numbers
from sessions.db.settings import STORE
from sessions.db.words import schema_table_name, table_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.db.schema import Column, Schema, Table

_MARIADB: Final = ("mysql", "mariadb")  # SQLAlchemy's names for it: the one in the URL counts.
_COLLATION: Final = "utf8mb4_nopad_bin"
_EXACT: Final = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
_NUMBER: Final = sa.BigInteger()

_TYPES: Final[dict[str, sa.types.TypeEngine[Any]]] = {
    "serial": _NUMBER,
    "integer": _NUMBER,
    "flag": sa.SmallInteger(),
    "session_id_type": _EXACT.with_variant(mysql.VARBINARY(1024), *_MARIADB),
    "key_type": _EXACT.with_variant(mysql.VARBINARY(255), *_MARIADB),
    "long_key_type": _EXACT.with_variant(mysql.VARBINARY(512), *_MARIADB),
    "value_type": sa.LargeBinary().with_variant(mysql.VARBINARY(200), *_MARIADB),
    "name_type": _EXACT.with_variant(mysql.VARCHAR(255, charset="utf8mb4", collation=_COLLATION), *_MARIADB),
    "text": sa.Text().with_variant(mysql.LONGTEXT(charset="utf8mb4", collation=_COLLATION), *_MARIADB),
    "bytes": sa.LargeBinary().with_variant(mysql.LONGBLOB(), *_MARIADB),
}
"""The types of `db/dialect.py`."""


def metadata_of(schemas: Sequence[Schema], prefix: str, sql_schema: str | None) -> sa.MetaData:
    """Return the tables of components on Postgres or MariaDB.

    Args:
        schemas: The components.
        prefix: The common prefix of all tables' names.
        sql_schema: The schema they are in, if not the connection's own.

    Raises:
        ValueError: A name cannot name a table.
    """
    made = sa.MetaData(schema=check_name(sql_schema, "a schema") if sql_schema is not None else None)
    noted = _add(made, NOTED, schema_table_name(prefix))
    sa.event.listen(noted, "after_create", partial(_note, schemas))
    for schema in (STORE, *schemas):
        tables = {
            table.name: _add(made, table, check_name(table_name(schema, table.name, prefix))) for table in schema.tables
        }
        for index in schema.indexes:
            columns = [tables[index.table].columns[column] for column in index.columns]
            where = sa.text(index.where) if index.where else None
            sa.Index(
                check_name(table_name(schema, index.name, prefix)),
                *columns,
                unique=index.unique,
                postgresql_where=where,
            )
    return made


def _add(made: sa.MetaData, table: Table, name: str) -> sa.Table:
    options: dict[str, Any] = {"postgresql_with": {"fillfactor": 50}} if table.updated else {}
    columns = [_column(column, is_key=column.name in table.key) for column in table.columns]
    return sa.Table(name, made, *columns, mysql_engine="InnoDB", mariadb_engine="InnoDB", **options)


def _column(column: Column, *, is_key: bool) -> sa.Column[Any]:
    is_serial = column.type == "serial"
    return sa.Column(
        column.name,
        _TYPES[column.type],
        *([sa.Identity()] if is_serial else []),
        primary_key=is_key,
        nullable=column.null,
        unique=column.unique or None,
        autoincrement=is_serial,
        server_default=None if column.default is None else sa.text(str(column.default)),
    )


def _note(schemas: Sequence[Schema], noted: sa.Table, connection: sa.Connection, **_: object) -> None:
    rows = [{"component": name, "number": number, "applied_at": now()} for name, number in applied_numbers(schemas)]
    connection.execute(noted.insert(), rows)
