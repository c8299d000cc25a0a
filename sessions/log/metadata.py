"""Our tables as SQLAlchemy's `MetaData`, for those who manage their schema with Alembic.

The migrations in `log/schema.py` are what makes the tables; a test on every database holds the two against each other.
`create_all` notes their numbers, as a migration does; a revision of Alembic's has to insert them itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    event,
    text,
)
from sqlalchemy.dialects import mysql, postgresql

from sessions.clock import now
from sessions.db.dialect import PREFIX, check_name, table_name
from sessions.log.schema import MIGRATIONS

if TYPE_CHECKING:
    from sqlalchemy import Connection

_MARIADB = ("mysql", "mariadb")  # SQLAlchemy's names for it: the one in the URL counts.
_COLLATION = "utf8mb4_nopad_bin"
_BYTES = LargeBinary().with_variant(mysql.LONGBLOB(), *_MARIADB)
_TEXT = Text().with_variant(mysql.LONGTEXT(charset="utf8mb4", collation=_COLLATION), *_MARIADB)
_NAME = (
    Text()
    .with_variant(postgresql.TEXT(collation="C"), "postgresql")
    .with_variant(mysql.VARCHAR(255, charset="utf8mb4", collation=_COLLATION), *_MARIADB)
)
_SESSION_ID = (
    Text().with_variant(postgresql.TEXT(collation="C"), "postgresql").with_variant(mysql.VARBINARY(1024), *_MARIADB)
)
_KEY = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql").with_variant(mysql.VARBINARY(255), *_MARIADB)
_UPDATED = {"postgresql_with": {"fillfactor": 50}}


def metadata(table_prefix: str = PREFIX, schema: str | None = None) -> MetaData:
    """Return our tables on Postgres or MariaDB.

    Args:
        table_prefix: What their names begin with.
        schema: The schema they are in, if not the connection's own.

    Raises:
        ValueError: A name cannot name a table.
    """
    made = MetaData(schema=check_name(schema, "a schema") if schema is not None else None)

    def number(name: str, *, key: bool = False, null: bool = False, default: bool = False) -> Column[Any]:
        zero = text("0") if default else None
        return Column(name, BigInteger, primary_key=key, nullable=null, autoincrement=False, server_default=zero)

    def flag(name: str, *, default: bool = False) -> Column[Any]:
        return Column(name, SmallInteger, nullable=False, server_default=text("0") if default else None)

    def serial() -> Column[Any]:
        return Column("id", BigInteger, Identity(), primary_key=True, autoincrement=True)

    def table(name: str, *columns: Column[Any] | Index, **options: Any) -> Table:
        return Table(
            check_name(table_name(name, table_prefix)),
            made,
            *columns,
            mysql_engine="InnoDB",
            mariadb_engine="InnoDB",
            **options,
        )

    applied = table("schema", number("number", key=True), number("applied_at"))
    event.listen(applied, "after_create", _note_migrations)
    table(
        "sessions",
        serial(),
        Column("session_id", _SESSION_ID, nullable=False, unique=True),
        number("version"),
        Column("branch", _NAME, nullable=False),
        number("created_at"),
        number("updated_at"),
        Column("seal", _BYTES),
        number("leases", default=True),
        flag("marks", default=True),
        **_UPDATED,
    )
    table(
        "segments",
        serial(),
        number("session"),
        number("parent", null=True),
        number("fork_position"),
        number("turn", default=True),
        flag("holes", default=True),
        Index(table_name("segments_of_session", table_prefix), "session"),
    )
    table(
        "branches",
        number("session", key=True),
        Column("name", _NAME, primary_key=True),
        number("segment"),
        number("parent", null=True),
        number("fork_position"),
        number("tip"),
        number("turn"),
        number("floor"),
        flag("may_grow"),
        Column("forked_from", _NAME),
        number("forked_at", null=True),
        number("forked_turn", null=True),
        Column("owner", _NAME),
        flag("pending", default=True),
        number("created_at", default=True),
        number("updated_at", default=True),
        number("made_in", default=True),
        number("changed_in", default=True),
        number("lease_token", default=True),
        number("lease_until", default=True),
        flag("lease_open", default=True),
        number("lease_from", default=True),
        Column("lease_holder", _NAME),
        Column("lease_claim", _NAME),
        **_UPDATED,
    )
    table(
        "entries",
        number("id", key=True),
        number("version"),
        number("turn"),
        Column("kind", _TEXT, nullable=False),
        Column("tool_name", _TEXT),
        Column("author", _TEXT),
        number("created_at"),
        number("expires_at", null=True),
        Column("payload", _BYTES, nullable=False),
        Index(
            table_name("entries_expiring", table_prefix),
            "expires_at",
            postgresql_where=text("expires_at is not null"),
        ),
    )
    table(
        "appends",
        number("session", key=True),
        Column("idempotency_key", _KEY, primary_key=True),
        Column("digest", _BYTES, nullable=False),
        number("version"),
        number("tip"),
        number("created_at"),
        number("until", default=True),
        Index(table_name("appends_by_end", table_prefix), "until"),
    )
    table(
        "changes",
        number("session", key=True),
        number("version", key=True),
        Column("what", _TEXT, nullable=False),
        number("created_at"),
    )
    table(
        "usage",
        number("session", key=True),
        Column("usage_key", _KEY, primary_key=True),
        number("place"),
        number("turn"),
        Column("model", _TEXT),
        Column("agent", _TEXT),
        number("requests"),
        number("input_tokens"),
        number("cached_tokens"),
        number("cache_write_tokens"),
        number("output_tokens"),
        number("reasoning_tokens"),
        number("cost", null=True),
        number("created_at"),
        flag("untold", default=True),
    )
    table(
        "waiting",
        number("session", key=True),
        number("ticket", key=True),
        Column("branch", _NAME, nullable=False),
        Column("claim", _NAME, nullable=False),
        number("until"),
    )
    table("settings", Column("name", _KEY, primary_key=True), Column("value", _BYTES, nullable=False))
    return made


def _note_migrations(applied: Table, connection: Connection, **_: object) -> None:
    numbers = range(1, len(MIGRATIONS) + 1)
    connection.execute(applied.insert(), [{"number": number, "applied_at": now()} for number in numbers])
