"""The public `MetaData` is what the migrations make."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from sessions.db.component import Component
from sessions.db.engines.backend import SQLAlchemyBackend
from sessions.db.words import all_table_names
from sessions.sqlalchemy import metadata
from sessions.tables import SCHEMAS


def described(connection: Connection) -> dict[str, object]:
    inspector = inspect(connection)
    return {
        table: (
            [
                (
                    column["name"],
                    repr(column["type"]),
                    column["nullable"],
                    str(column["default"]),
                    bool(column.get("autoincrement") is True),
                )
                for column in inspector.get_columns(table)
            ],
            inspector.get_pk_constraint(table)["constrained_columns"],
            sorted((index["column_names"], index["unique"]) for index in inspector.get_indexes(table)),
            sorted(unique["column_names"] for unique in inspector.get_unique_constraints(table)),
        )
        for table in inspector.get_table_names()
    }


@pytest.mark.parametrize("scheme", ["postgresql", "mysql", "mariadb"])
async def test_metadata_makes_the_tables_that_the_migrations_make(request: pytest.FixtureRequest, scheme: str) -> None:
    """
    Fails without: db/sqlalchemy/metadata.py, `"mariadb"` beside `"mysql"`; db/sqlalchemy/database.py, `== "mariadb"`.
    """
    server = request.getfixturevalue("postgres" if scheme == "postgresql" else "mariadb")
    urls = [make_url(server.new_database()) for _ in range(2)]
    driver = urls[0].get_driver_name()
    migrated, made = (create_async_engine(url.set(drivername=f"{scheme}+{driver}")) for url in urls)
    components = [Component(schema) for schema in SCHEMAS]
    await SQLAlchemyBackend(migrated, create_tables=True, components=components).migrate()
    async with made.begin() as connection:
        await connection.run_sync(metadata().create_all)
    found = []
    for engine in (migrated, made):
        async with engine.connect() as connection:
            found.append(await connection.run_sync(described))
        await engine.dispose()
    assert found[0] == found[1]
    assert sorted(found[0]) == sorted(all_table_names(SCHEMAS))
