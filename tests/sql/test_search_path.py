"""Tables are looked for where statements find them, and missing rights are told from missing tables."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from agents.extensions.memory import SQLAlchemySession as SDKSession
from sqlalchemy import event, text
from sqlalchemy.engine import make_url

from sessions import SQLAlchemySession, StoreError
from sessions.db.sqlalchemy.alembic_revisions import migrate_within
from sessions.errors import StoreReadOnlyError

from .engines import made_engine
from .network import message

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

    from .servers import MariaDB, Postgres


_THEIRS: list[Any] = [message("theirs")]


class Role:
    """A user of a new database without any rights but those that a test gives."""

    def __init__(self, server: Postgres, driver: str) -> None:
        self.server = server
        self.admin = server.new_database()
        self.database = str(make_url(self.admin).database)
        self.name = f"role_{uuid.uuid4().hex[:12]}"
        self.sql(f"create role {self.name} login")
        with_driver = make_url(self.admin).set(username=self.name, drivername=f"postgresql+{driver}")
        self.url = with_driver.render_as_string()

    def sql(self, statement: str) -> None:
        self.server.sql(statement, self.database)

    def tables(self, schema: str) -> list[str]:
        query = f"select tablename from pg_tables where schemaname = '{schema}'"  # noqa: S608 - a name from a test
        return sorted(self.server.rows(query, self.database))


@pytest.fixture(params=["asyncpg", "psycopg"])
def role(postgres: Postgres, request: pytest.FixtureRequest) -> Iterator[Role]:
    made = Role(postgres, request.param)
    yield made
    made.sql(f"drop owned by {made.name}; drop role {made.name}")


async def test_a_schema_that_comes_before_ours_hides_nothing(role: Role) -> None:
    """The day an administrator makes a schema for the role, its tables in ``public`` are still the ones.

    Fails without: db/migration_statements.py, `to_regclass`.
    """
    role.sql(f"grant create, usage on schema public to {role.name}")
    async with made_engine(role.url) as engine:
        await SQLAlchemySession("s", engine=engine, create_tables=True).add_items([message("1")])
    role.sql(f"create schema {role.name} authorization {role.name}")
    for create_tables in (True, False):
        async with made_engine(role.url) as engine:
            session = SQLAlchemySession("s", engine=engine, create_tables=create_tables)
            assert await session.get_items() == [message("1")]
    assert role.tables(role.name) == []


async def _without_the_log(engine: AsyncEngine) -> None:
    """Make a store without the tables of conversations, as one that is used for something else has."""
    async with engine.begin() as connection:
        await connection.run_sync(migrate_within, (), "agent_", None)


async def test_missing_tables_are_made_where_the_others_are(role: Role) -> None:
    """
    Fails without: db/migrations.py, `_find_place`.
    """
    role.sql(f"grant create, usage on schema public to {role.name}")
    async with made_engine(role.url) as engine:
        await _without_the_log(engine)
    role.sql(f"create schema {role.name} authorization {role.name}")
    async with made_engine(role.url) as engine:
        await SQLAlchemySession("s", engine=engine, create_tables=True).add_items([message("1")])
    assert role.tables(role.name) == []
    assert "agent_log_waiting" in role.tables("public")


async def test_the_sdks_tables_are_found_on_the_whole_path(role: Role) -> None:
    """
    Fails without: db/migration_statements.py, `to_regclass`.
    """
    role.sql(f"grant create, usage on schema public to {role.name}")
    async with made_engine(role.url) as engine:
        await SDKSession("s", engine=engine, create_tables=True).add_items(_THEIRS)
    role.sql(f"create schema {role.name} authorization {role.name}")
    async with made_engine(role.url) as engine:
        session = SQLAlchemySession("s", engine=engine, create_tables=True)
        assert await session.get_items() == _THEIRS
    assert "agent_log_schema" in role.tables(role.name)


async def test_a_role_without_rights_is_told_so(role: Role) -> None:
    """
    Fails without: db/migration_statements.py, `to_regclass`, `OUT_OF_REACH`; log/adopt/sdk_tables.py, `MAY_READ`.
    """
    async with made_engine(role.admin) as engine:
        await SQLAlchemySession("s", engine=engine, create_tables=True).add_items([message("1")])
        await SDKSession("s2", engine=engine, create_tables=True).add_items(_THEIRS)

    async def refused(wanted: str, session_id: str = "s", **options: Any) -> None:
        for create_tables in (False, True):
            async with made_engine(role.url) as engine:
                session = SQLAlchemySession(session_id, engine=engine, create_tables=create_tables, **options)
                with pytest.raises(StoreReadOnlyError, match=wanted):
                    await session.get_items()

    await refused("Check the user's rights")
    role.sql(f"grant select, insert, update, delete on agent_log_schema, agent_log_sessions to {role.name}")
    await refused("Check the user's rights")
    names = ", ".join(name for name in role.tables("public") if name.startswith(("agent_log_", "agent_store_")))
    role.sql(f"grant select, insert, update, delete on {names} to {role.name}")
    await refused("may not read the table agent_messages", "s2")
    async with made_engine(role.url) as engine:
        assert await SQLAlchemySession("s", engine=engine).get_items() == [message("1")]
    # A schema on the path that may not be used is passed over by Postgres, as if it were empty.
    role.sql("create schema hidden")
    role.sql("revoke usage on schema public from public")
    role.sql(f"alter role {role.name} set search_path = '$user', public")
    await refused("in the schema public, which this user may not use")
    await refused("Check the user's rights", schema="public")
    assert "agent_log_schema" not in role.tables("hidden")


async def test_missing_tables_are_missing(role: Role) -> None:
    """What is elsewhere than on the path is not ours, whoever may use it."""
    async with made_engine(role.admin) as engine:
        async with engine.begin() as connection:
            await connection.execute(text("create schema elsewhere"))
        await SQLAlchemySession("s", engine=engine, create_tables=True, schema="elsewhere").get_items()
    async with made_engine(role.url) as engine:
        with pytest.raises(StoreError, match="lacks our tables"):
            await SQLAlchemySession("s", engine=engine).get_items()


@pytest.mark.parametrize("driver", ["aiomysql", "asyncmy"])
async def test_a_user_of_mariadb_without_rights_is_told_so(mariadb: MariaDB, driver: str) -> None:
    """
    Fails without: db/sqlalchemy/database.py, `_check_rights`.
    """
    url = make_url(mariadb.new_database()).set(drivername=f"mysql+{driver}")
    name = f"u{uuid.uuid4().hex[:12]}"
    mariadb.sql(f"create user {name}@'%'; grant create on {url.database}.nothing to {name}@'%'")
    async with made_engine(url.render_as_string()) as engine:
        await SQLAlchemySession("s", engine=engine, create_tables=True).add_items([message("1")])
    for create_tables in (False, True):
        async with made_engine(url.set(username=name).render_as_string()) as engine:
            session = SQLAlchemySession("s", engine=engine, create_tables=create_tables)
            with pytest.raises(StoreReadOnlyError, match="Check the user's rights"):
                await session.get_items()
    mariadb.sql(f"drop user {name}@'%'")


async def test_names_that_differ_by_case_are_different_tables_where_the_server_says_so(mariadb: MariaDB) -> None:
    """
    Fails without: db/migration_statements.py, `lower_case_table_names`.
    """
    async with made_engine(mariadb.new_database()) as engine:
        await SQLAlchemySession("s", engine=engine, create_tables=True).add_items([message("1")])
        other = SQLAlchemySession("s", engine=engine, create_tables=True, table_prefix="Agent_")
        assert await other.get_items() == []


async def test_tables_in_an_attached_database(tmp_path: Path) -> None:
    """They are used where statements find them; missing ones are not made in the main one.

    Fails without: db/migrations.py, `ATTACHED`; db/words.py, `schema_argument`, `of_index`.
    """
    url = f"sqlite+aiosqlite:///{tmp_path}/main.db"

    def attach(connection: Any, _: object) -> None:
        connection.cursor().execute(f"attach '{tmp_path}/other.db' as other")

    async with made_engine(f"sqlite+aiosqlite:///{tmp_path}/other.db") as engine:
        await _without_the_log(engine)
    async with made_engine(url) as engine:
        event.listen(engine.sync_engine, "connect", attach)
        session = SQLAlchemySession("s", engine=engine, create_tables=True)
        with pytest.raises(StoreError, match="Pass that database's name as schema="):
            await session.add_items([message("1")])
        named = SQLAlchemySession("s", engine=engine, create_tables=True, schema="other")
        await named.add_items([message("1")])
        assert await session.get_items() == [message("1")]
        async with engine.connect() as connection:
            assert (await connection.execute(text("select count(*) from main.sqlite_master"))).scalar_one() == 0
