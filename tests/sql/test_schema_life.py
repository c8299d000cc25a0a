"""Tables that are missing, older or newer, somewhere else, or not ours to make."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from sessions import SQLAlchemySession, open_store
from sessions.db.sqlalchemy.alembic_revisions import migrate_within
from sessions.errors import SchemaVersionError, StoreError, StoreReadOnlyError
from sessions.sqlalchemy import metadata

from .network import message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from .servers import Postgres


@pytest.fixture
async def engine(empty_url: str) -> AsyncIterator[AsyncEngine]:
    made = create_async_engine(empty_url)
    yield made
    await made.dispose()


async def _execute(engine: AsyncEngine, *statements: str) -> None:
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def _tables(engine: AsyncEngine, schema: str | None = None) -> list[str]:
    async with engine.connect() as connection:
        return await connection.run_sync(lambda c: sorted(inspect(c).get_table_names(schema)))


def _run(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("names", [{}, {"table_prefix": "x_"}], ids=["our names", "other names"])
async def test_missing_tables_are_an_error_that_names_a_command_that_works(
    empty_url: str, engine: AsyncEngine, names: dict[str, Any]
) -> None:
    """The command may be given again.

    Fails without: db/sqlalchemy/database.py, `if not self._create_tables`; `{self._names}` in its message.
    """
    session = SQLAlchemySession("s", engine=engine, **names)
    with pytest.raises(StoreError, match=r"session 's': .* lacks our tables") as caught:
        await session.add_items([message("1")])
    assert await _tables(engine) == []
    command = re.search(r"`python (-m sessions migrate.*)URL`", str(caught.value))
    assert command
    for _ in range(1 if names else 2):
        done = _run([*shlex.split(command[1]), empty_url])
        assert (done.returncode, done.stdout, done.stderr) == (0, "The tables are up to date.\n", "")
    await session.add_items([message("1")])
    assert await session.get_items() == [message("1")]


async def test_a_newer_schema_is_refused(engine: AsyncEngine) -> None:
    """
    Fails without: db/migrations.py, `> schema.number`.
    """
    await SQLAlchemySession("s", engine=engine, create_tables=True).add_items([message("1")])
    await _execute(engine, "insert into agent_log_schema values ('log', 1000, 0)")
    for create_tables in (True, False):
        # Another engine: the schema is checked once for each.
        other = create_async_engine(engine.url)
        session = SQLAlchemySession("s", engine=other, create_tables=create_tables)
        with pytest.raises(SchemaVersionError, match="Upgrade agent-session-store"):
            await session.get_items()
        await other.dispose()


async def test_missing_migrations_are_applied_if_asked_for(empty_url: str, engine: AsyncEngine) -> None:
    """
    Fails without: db/migrations.py, `return all(…)`.
    """
    async with engine.begin() as connection:
        await connection.run_sync(migrate_within, (), "agent_", None)
    with pytest.raises(StoreError, match="older ones"):
        await SQLAlchemySession("s", engine=engine).get_items()
    async with open_store(empty_url, create_tables=True) as store:
        await store.session("s").add_items([message("1")])
    assert await SQLAlchemySession("s", engine=engine).get_items() == [message("1")]


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
async def test_tables_made_of_the_metadata_can_be_used(request: pytest.FixtureRequest, kind: str) -> None:
    """
    Fails without: db/sqlalchemy/metadata.py, `event.listen(…)`.
    """
    engine = create_async_engine(request.getfixturevalue(kind).new_database())
    async with engine.begin() as connection:
        await connection.run_sync(metadata().create_all)
    for create_tables in (False, True):
        session = SQLAlchemySession("s", engine=engine, create_tables=create_tables)
        await session.add_items([message("1")])
        assert await session.pop_item() == message("1")
    await engine.dispose()


async def test_tables_in_another_schema(postgres: Postgres) -> None:
    """
    Fails without: db/words.py, `where = …` and `here = …` in `words`.
    """
    url = postgres.new_database()
    engine = create_async_engine(url)
    await _execute(engine, "create schema elsewhere")
    session = SQLAlchemySession("s", engine=engine, schema="elsewhere", table_prefix="x_")
    with pytest.raises(StoreError, match="--table-prefix x_ --schema elsewhere URL"):
        await session.get_items()
    done = _run(["-m", "sessions", "migrate", "--table-prefix", "x_", "--schema", "elsewhere", url])
    assert done.returncode == 0, done.stderr
    await session.add_items([message("1"), message("2")])
    assert await session.pop_item() == message("2")
    assert await session.get_items() == [message("1")]
    await session.clear_session()
    assert await _tables(engine) == []
    known = metadata("x_", "elsewhere").tables.values()
    assert await _tables(engine, "elsewhere") == sorted(table.name for table in known)
    assert {table.schema for table in known} == {"elsewhere"}
    await engine.dispose()


@pytest.mark.parametrize("name", ['x"; drop table y; --', "x y", "", "ä", "1x", "x`", "a" * 64, "x.y"])
def test_what_is_no_name_is_refused_before_anything_is_done(name: str) -> None:
    """
    Fails without: db/words.py, `check_name(sql_schema, "a schema")`.
    """
    url = "postgresql+asyncpg://127.0.0.1:1/nowhere"
    with pytest.raises(ValueError, match="cannot be the name of"):
        SQLAlchemySession.from_url("s", url=url, schema=name)
    with pytest.raises(ValueError, match="cannot be the name of"):
        metadata(schema=name)
    if name:  # Without a prefix, our tables have the names we gave them.
        with pytest.raises(ValueError, match="cannot be the name of"):
            SQLAlchemySession.from_url("s", url=url, table_prefix=name)
        with pytest.raises(ValueError, match="cannot be the name of"):
            metadata(name)


async def test_a_user_without_the_right_to_make_tables(postgres: Postgres) -> None:
    """May use those that are there, and is told what is missing where there are none.

    Fails without: db/sqlalchemy/errors.py, `"42501": Trouble.READ_ONLY`.
    """
    url = postgres.new_database()
    user = f"user_{make_url(url).database}"[:40]
    postgres.sql(f"create user {user}")
    restricted = make_url(url).set(username=user).render_as_string()
    async with open_store(restricted, create_tables=True) as store:
        with pytest.raises(StoreReadOnlyError, match="Check the user's rights"):
            await store.session("s").add_items([message("1")])
    async with open_store(url, create_tables=True) as store:
        await store.session("s").add_items([message("1")])
    postgres.sql(f"grant select, insert, update, delete on all tables in schema public to {user}",
                 str(make_url(url).database))  # fmt: skip
    async with open_store(restricted, create_tables=True) as store:
        session = store.session("s")
        await session.add_items([message("2")])
        await store.session("new").add_items([message("3")])
        assert await session.pop_item() == message("2")
        await session.clear_session()
        assert await store.delete("new")


async def test_a_user_who_may_only_read(postgres: Postgres) -> None:
    """
    Fails without: db/sqlalchemy/errors.py, `"42501": Trouble.READ_ONLY`.
    """
    url = postgres.new_database()
    user = f"reader_{make_url(url).database}"[:40]
    async with open_store(url, create_tables=True) as store:
        await store.session("s").add_items([message("1")])
    postgres.sql(f"create user {user}; grant select on all tables in schema public to {user}",
                 str(make_url(url).database))  # fmt: skip
    async with open_store(make_url(url).set(username=user).render_as_string()) as store:
        session = store.session("s")
        assert await session.get_items() == [message("1")]
        for change in (lambda: session.add_items([message("2")]), session.pop_item, session.clear_session):
            with pytest.raises(StoreReadOnlyError, match=r"session 's': .* Nothing was changed"):
                await change()
        assert await session.get_items() == [message("1")]
