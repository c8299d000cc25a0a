"""Older databases: tables of a component are brought up to date; those from before components are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import pytest
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from sessions import SchemaVersionError, SQLAlchemySession, open_store
from sessions.db.schema import Column, Index, Schema, Table
from sessions.db.sqlalchemy.alembic_revisions import migrate_within
from sessions.db.transaction import Statement

from .network import message
from .test_tables import described

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_OF_NUMBER_1: Final = Table("notes", "Notes.", (Column("id", "serial"), Column("body", "text")))
NOTES: Final = Schema("notes", (_OF_NUMBER_1,))
"""A component as it was released first."""

NEWER: Final = Schema(
    "notes",
    (
        msgspec.structs.replace(
            _OF_NUMBER_1,
            columns=(
                *_OF_NUMBER_1.columns,
                Column("length", "integer", default=0, since=2),
                Column("author", "name_type", null=True, since=3),
            ),
        ),
        Table("authors", "Who wrote some.", (Column("name", "name_type"),), key=("name",), since=3),
    ),
    (Index("notes_by_author", "notes", ("author",), "For lists of one author's.", since=3),),
    migrations={2: (Statement("Notes that are older than the column.", "update {notes} set length = length(body)"),)},
)
"""What became of it."""


@pytest.fixture
async def engine(empty_url: str) -> AsyncIterator[AsyncEngine]:
    made = create_async_engine(empty_url)
    yield made
    await made.dispose()


async def _execute(engine: AsyncEngine, *statements: str) -> None:
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def _migrate(engine: AsyncEngine, schema: Schema) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(migrate_within, (schema,), "agent_", None)


async def _described(engine: AsyncEngine) -> dict[str, object]:
    async with engine.connect() as connection:
        return await connection.run_sync(described)


async def test_an_older_component_is_brought_up_to_date_with_its_rows(engine: AsyncEngine) -> None:
    """It ends as a new one begins; once is enough, and others' tables are not touched.

    Fails without: db/schema.py, `self.migrations.get(number, ())`, `if column.since == number`.
    """
    await _migrate(engine, NOTES)
    await _execute(engine, "insert into agent_notes_notes (body) values ('1234')")
    for _ in range(2):
        await _migrate(engine, NEWER)
    async with engine.connect() as connection:
        (row,) = await connection.execute(text("select body, length, author from agent_notes_notes"))
        noted = list(await connection.execute(text("select component, number from agent_log_schema order by 1, 2")))
    assert tuple(row) == ("1234", 4, None)
    assert [tuple(one) for one in noted] == [("notes", 1), ("notes", 2), ("notes", 3), ("store", 9)]
    migrated = await _described(engine)
    assert set(migrated) == {"agent_log_schema", "agent_notes_authors", "agent_notes_notes", "agent_store_settings"}
    await _execute(engine, *(f"drop table {table}" for table in migrated))
    await _migrate(engine, NEWER)
    assert await _described(engine) == migrated


async def test_a_newer_component_refuses_nothing_of_the_others(engine: AsyncEngine) -> None:
    """And whoever does not use a component needs none of its tables.

    Fails without: db/migration_statements.py, `group by component`; `for schema in (STORE, *schemas)`.
    """
    await _migrate(engine, NEWER)
    await _execute(engine, "insert into agent_log_schema (component, number, applied_at) values ('notes', 1000, 0)")
    session = SQLAlchemySession("s", engine=engine, create_tables=True)
    await session.add_items([message("1")])
    assert await session.get_items() == [message("1")]


_BEFORE: Final = (
    "create table {prefix}schema (number bigint primary key, applied_at bigint not null)",
    "create table {prefix}sessions (id bigint primary key)",
    *(f"insert into {{prefix}}schema (number, applied_at) values ({number}, 0)" for number in range(1, 9)),  # noqa: S608 - numbers
)
"""Such a database as commit 24a519a left it, as far as it is looked at."""


@pytest.mark.parametrize(("older", "prefix"), [("agent_log_", "agent_"), ("x_", "x_")])
async def test_a_database_from_before_components_is_refused_as_it_is(
    empty_url: str, engine: AsyncEngine, older: str, prefix: str
) -> None:
    """
    Fails without: db/migrations.py, `_is_there`, `OLDER_SCHEMA_COLUMNS`.
    """
    await _execute(engine, *(statement.format(prefix=older) for statement in _BEFORE))
    before = await _described(engine)
    for create_tables in (True, False):
        async with open_store(empty_url, create_tables=create_tables, table_prefix=prefix) as store:
            session = store.session("s")
            with pytest.raises(SchemaVersionError, match=r"session 's': .*Nothing was changed.*commit 24a519a"):
                await session.get_items()
            with pytest.raises(SchemaVersionError, match="commit 24a519a"):
                await session.add_items([message("1")])
    assert await _described(engine) == before
    async with engine.connect() as connection:
        assert (await connection.execute(text(f"select max(number) from {older}schema"))).scalar_one() == 8  # noqa: S608


@pytest.mark.parametrize("schema", [None, NOTES], ids=["conversations", "another component alone"])
async def test_programs_from_before_components_refuse_what_we_make(engine: AsyncEngine, schema: Schema | None) -> None:
    """By their own rule: they read this number from this table, and know eight.

    Fails without: db/words.py, `SCHEMA_TABLE`; db/settings.py, `first=9`.
    """
    if schema is None:
        await SQLAlchemySession("s", engine=engine, create_tables=True).add_items([message("1")])
    else:
        await _migrate(engine, schema)
    async with engine.connect() as connection:
        assert await connection.run_sync(_has_columns, "agent_log_schema")
        found = await connection.execute(text("select coalesce(max(number), 0) from agent_log_schema"))
        assert found.scalar_one() > 8


def _has_columns(connection: Connection, table: str) -> bool:
    return {"number", "applied_at"} <= {column["name"] for column in inspect(connection).get_columns(table)}
