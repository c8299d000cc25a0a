"""What an engine of one's own carries is honoured, or refused; `docs/engines.md` lists it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool, Pool, StaticPool

from sessions import EncryptedSession, SQLAlchemySession, StoreError, generate_key, open_store
from sessions.db.sqlalchemy.engine_features import carried
from sessions.errors import StoreReadOnlyError
from sessions.log.context import annotations as marks
from sessions.testing import EncryptedContract, HistoryContract, SessionContract

from .engines import DRIVERS, made_engine, url_for
from .network import message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from sessions.testing import MakeLogSession

    from .databases import Lend
    from .servers import Postgres

_EVENTS = ("begin", "commit", "before_execute", "before_cursor_execute", "after_cursor_execute", "checkout", "checkin")


@pytest.fixture(params=DRIVERS)
def own_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database, for each driver."""
    return url_for(request.param, request, tmp_path)


@pytest.fixture(params=DRIVERS)
def empty_own_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables, for each driver."""
    return url_for(request.param, request, tmp_path, empty=True)


@contextmanager
def _heard(engine: AsyncEngine, where: str) -> Iterator[Counter[str]]:
    """Count what listeners hear."""
    heard: Counter[str] = Counter()
    listeners = []
    for name in _EVENTS:
        of_pool = name in ("checkout", "checkin")
        target: Any = {
            "engine": engine.sync_engine,
            "pool": engine.pool if of_pool else engine.sync_engine,
            "class": Pool if of_pool else Engine,
        }[where]
        listeners.append((target, name, lambda *_, name=name: heard.update([name])))
        event.listen(*listeners[-1])
    try:
        yield heard
    finally:
        for listener in listeners:
            event.remove(*listener)


@pytest.mark.usefixtures("no_upkeep")
@pytest.mark.parametrize("where", ["engine", "pool", "class"])
async def test_listeners_hear_of_every_operation(own_url: str, where: str, caplog: pytest.LogCaptureFixture) -> None:
    """Also those that were added when the engine had been used, until they are removed.

    Fails without: db/postgres/database.py, `self.carried()`; db/sqlalchemy/engine_features.py, `_has_events`.
    """
    caplog.set_level(logging.INFO, "sessions")
    async with made_engine(own_url) as engine:
        session = SQLAlchemySession("s", engine=engine, create_tables=True)
        encrypted = EncryptedSession("e", SQLAlchemySession("e", engine=engine), generate_key())
        await session.add_items([message("1")])
        await encrypted.add_items([message("1")])
        assert not caplog.messages
        with _heard(engine, where) as heard:
            for one in (session, encrypted):
                operations: list[Callable[[], Awaitable[Any]]] = [
                    partial(one.add_items, [message("2"), message("3")]),
                    one.get_items,
                    one.pop_item,
                    partial(one.branches.create, "b"),
                    one.version,
                ]
                for operation in operations:
                    heard.clear()
                    await operation()
                    assert set(heard) == set(_EVENTS)
                    assert heard["begin"] == heard["commit"] == heard["checkout"] == heard["checkin"] == 1
        heard.clear()
        assert await session.get_items() == [message("1"), message("2")]
        assert not heard
    said = [line for line in caplog.messages if "listeners for" in line]
    assert len(said) == ("asyncpg" in own_url)
    if said:
        assert "checkout" in said[0]


async def test_listeners_hear_of_errors_and_of_what_is_undone(own_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Fails without: db/sqlalchemy/database.py, `_give_up`.
    """
    async with made_engine(own_url) as engine:
        session = SQLAlchemySession("s", engine=engine, create_tables=True)
        await session.add_items([message("1")])
        heard: list[str] = []
        event.listen(engine.sync_engine, "rollback", lambda _: heard.append("rollback"))
        event.listen(engine.sync_engine, "handle_error", lambda _: heard.append("handle_error"))
        monkeypatch.setattr(marks, "add_entries", _fail)
        with pytest.raises(RuntimeError, match="in the middle"):
            await session.handover("billing")
        assert heard == ["rollback"]
        async with engine.begin() as connection:
            await connection.execute(text("drop table agent_log_entries"))
        with pytest.raises(StoreError):
            await session.add_items([message("2")])
        assert "handle_error" in heard


def _fail(*_: object, **__: object) -> None:
    raise RuntimeError("in the middle of a transaction")


async def test_statements_are_logged_where_the_engine_is_to_log_them(
    own_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Fails without: db/sqlalchemy/engine_features.py, `sync.echo`.
    """
    async with made_engine(own_url, echo=True, hide_parameters=True) as engine:
        session = SQLAlchemySession("s", engine=engine, create_tables=True)
        await session.add_items([message("secret")])
        caplog.clear()
        await session.add_items([message("secret")])
        await session.get_items()
    assert any("agent_log_entries" in line for line in caplog.messages)
    assert "secret" not in caplog.text


class _OwnPool(AsyncAdaptedQueuePool):
    """A pool of which nobody knows what it does, so that asyncpg's short ways are not taken."""


@pytest.mark.variant
class _Own:
    """Sessions over engines with options, for the contract suites; from a URL, as these use several event loops."""

    options: ClassVar[dict[str, Any]]

    @pytest.fixture
    def make(self, own_url: str) -> MakeLogSession:
        return lambda session_id, **settings: SQLAlchemySession.from_url(
            session_id, url=own_url, engine_kwargs=self.options, create_tables=True, **settings
        )


class _ThroughSQLAlchemy(_Own):
    options: ClassVar[dict[str, Any]] = {"poolclass": _OwnPool}

    @pytest.fixture
    def own_url(self, postgres: Postgres, lend: Lend) -> str:
        return lend(postgres)

    async def test_it_takes_that_way(self, own_url: str) -> None:
        async with made_engine(own_url, **self.options) as engine:
            assert carried(engine) == "a pool of its own (_OwnPool)"


class TestThroughSQLAlchemy(_ThroughSQLAlchemy, SessionContract):
    """asyncpg, through SQLAlchemy."""


class TestHistoryThroughSQLAlchemy(_ThroughSQLAlchemy, HistoryContract):
    """asyncpg, through SQLAlchemy."""


class TestEncryptedThroughSQLAlchemy(_ThroughSQLAlchemy, EncryptedContract):
    """asyncpg, through SQLAlchemy."""


class TestFetchingRowByRow(_Own, SessionContract):
    """What an engine says of fetching, and of what it does when a connection is given back, changes nothing.

    Every run tries it with one driver for each kind of server.
    """

    @pytest.fixture(
        params=[
            pytest.param(driver, marks=() if driver in ("asyncpg", "aiomysql") else pytest.mark.everything)
            for driver in DRIVERS
        ]
    )
    def own_url(self, request: pytest.FixtureRequest, tmp_path: Path) -> str:
        return url_for(request.param, request, tmp_path)

    options: ClassVar[dict[str, Any]] = {
        "execution_options": {"stream_results": True, "yield_per": 2, "logging_token": "t", "compiled_cache": None},
        "pool_reset_on_return": None,
        "pool_pre_ping": True,
        "isolation_level": "SERIALIZABLE",
    }


@pytest.fixture
async def schemas(empty_own_url: str, postgres: Postgres) -> AsyncIterator[AsyncEngine]:
    del postgres
    async with made_engine(empty_own_url) as engine:
        if engine.dialect.name == "sqlite":

            def attach(connection: Any, _: object) -> None:
                for name in ("one", "two"):
                    connection.cursor().execute(f"attach '{engine.url.database}-{name}' as {name}")

            event.listen(engine.sync_engine, "connect", attach)
        yield engine


async def test_schema_translate_map(schemas: AsyncEngine) -> None:
    """Tenants with a schema each: their tables are made, read, watched and listed there, and nowhere else.

    Fails without: db/sqlalchemy/database.py, `translated(`.
    """
    names = await _make_schemas(schemas)
    sessions = {}
    for name in names:
        engine = schemas.execution_options(schema_translate_map={None: name})
        lacking = SQLAlchemySession("support", engine=engine)
        with pytest.raises(StoreError, match="lacks our tables"):
            await lacking.get_items()
        session = SQLAlchemySession("support", engine=engine, create_tables=True)
        encrypted = EncryptedSession("encrypted", SQLAlchemySession("encrypted", engine=engine), generate_key())
        await asyncio.gather(*(session.add_items([message(f"of {name}")]) for _ in range(5)))
        await encrypted.add_items([message(f"of {name}")])
        await session.branches.create("b")
        assert await encrypted.pop_item() == message(f"of {name}")
        async with session.lease():
            await session.pop_item()
        sessions[name] = session
    for name, session in sessions.items():
        assert await session.get_items() == [message(f"of {name}")] * 4
        async with open_store(session.engine) as store:
            assert sorted(one.session_id for one in await store.sessions()) == ["encrypted", "support"]
    # A schema of the session's own is translated as well; another map is another place.
    by_name = schemas.execution_options(schema_translate_map={"given": names[0]})
    assert (
        await SQLAlchemySession("support", engine=by_name, schema="given").get_items()
        == [message(f"of {names[0]}")] * 4
    )
    if schemas.dialect.name != "sqlite":  # It looks into attached databases, too.
        with pytest.raises(StoreError, match="lacks our tables"):
            await SQLAlchemySession("support", engine=schemas).get_items()


async def test_an_engine_whose_options_are_updated(schemas: AsyncEngine) -> None:
    """
    Fails without: db/engines/databases.py, `names`.
    """
    one, two = await _make_schemas(schemas)
    session = SQLAlchemySession("s", engine=schemas, create_tables=True)
    for name in (one, two):
        schemas.sync_engine.update_execution_options(schema_translate_map={None: name})
        await session.add_items([message(name)])
        assert await session.get_items() == [message(name)]


async def _make_schemas(engine: AsyncEngine) -> tuple[str, str]:
    one, two = ("one", "two") if engine.dialect.name != "mysql" else (f"{engine.url.database}_{n}" for n in "12")
    if engine.dialect.name != "sqlite":
        async with engine.begin() as connection:
            for name in (one, two):
                await connection.execute(text(f"create schema {name}"))
    return one, two


async def test_a_map_that_only_a_connection_has_is_refused(own_url: str) -> None:
    """
    Fails without: db/sqlalchemy/database.py, `a listener gives this connection`.
    """
    async with made_engine(own_url) as engine:
        session = SQLAlchemySession("s", engine=engine, create_tables=True)
        await session.add_items([message("1")])
        options = {"schema_translate_map": {None: "two"}}
        event.listen(engine.sync_engine, "engine_connect", lambda c: c.execution_options(**options))
        for operation in (session.get_items, session.pop_item, lambda: session.add_items([message("2")])):
            with pytest.raises(StoreError, match="schema_translate_map"):
                await operation()
        options.clear()
        assert await session.get_items() == [message("1")]


async def test_an_engine_that_may_only_read(postgres: Postgres) -> None:
    """
    Fails without: db/sqlalchemy/boundaries.py, `postgresql_readonly`.
    """
    async with made_engine(postgres.new_database()) as engine:
        await SQLAlchemySession("s", engine=engine, create_tables=True).add_items([message("1")])
        session = SQLAlchemySession("s", engine=engine.execution_options(postgresql_readonly=True))
        assert await session.get_items() == [message("1")]
        with pytest.raises(StoreReadOnlyError, match="postgresql_readonly"):
            await session.add_items([message("2")])


_AUTOCOMMIT: dict[str, dict[str, Any]] = {
    "engine": {"isolation_level": "AUTOCOMMIT"},
    "engine that rolls nothing back": {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True},
    "options": {"execution_options": {"isolation_level": "AUTOCOMMIT"}},
    "driver": {"connect_args": {"autocommit": True}},
}


@pytest.mark.parametrize("own_url", [driver for driver in DRIVERS if driver != "asyncpg"], indirect=True)
@pytest.mark.parametrize("way", _AUTOCOMMIT)
async def test_autocommit(own_url: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is acknowledged is there, and a change that fails leaves nothing; the engine is in autocommit as before.

    Fails without: db/sqlalchemy/boundaries_mariadb.py, `_AUTOCOMMIT`; db/sqlalchemy/boundaries_sqlite.py, `roll_back`.
    """
    options = _AUTOCOMMIT[way]
    if way == "driver" and "aiosqlite" in own_url:
        options = {"connect_args": {"isolation_level": None}}
    async with made_engine(own_url, pool_size=3, max_overflow=0, **options) as engine:
        session = SQLAlchemySession("s", engine=engine, create_tables=True)
        await session.add_items([message("0")])
        await asyncio.gather(*(SQLAlchemySession("s", engine=engine).add_items([message("1")] * 3) for _ in range(20)))
        assert len(await session.get_items()) == 61
        before = await session.version(), len(await session.entries())
        add = vars(marks)["add_entries"]

        def fails(*args: Any, **named: Any) -> None:
            add(*args, **named)
            _fail()

        with monkeypatch.context() as patched:
            patched.setattr(marks, "add_entries", fails)
            for _ in range(4):
                with pytest.raises(RuntimeError, match="in the middle"):
                    await session.handover("billing")
        assert before == (await session.version(), len(await session.entries()))
        # Nothing of ours is left open on a connection that somebody else has next.
        async with engine.connect() as connection:
            await connection.execute(text("create table others (a integer)"))
            await connection.execute(text("insert into others values (1)"))
            if way == "driver":
                await connection.commit()
        other = create_async_engine(own_url)
        async with other.connect() as connection:
            assert (await connection.execute(text("select count(*) from others"))).scalar_one() == 1
        await other.dispose()


async def test_sqlites_transactions_as_sqlalchemy_documents_them(tmp_path: Path) -> None:
    """A listener for ``begin`` that begins, as SQLAlchemy's documentation has it for savepoints.

    Fails without: db/sqlalchemy/boundaries_sqlite.py, `in_transaction`.
    """
    for number, word in enumerate(("BEGIN", "BEGIN IMMEDIATE")):
        async with made_engine(f"sqlite+aiosqlite:///{tmp_path}/{number}.db") as engine:

            @event.listens_for(engine.sync_engine, "connect")
            def on_connect(connection: Any, _: object) -> None:
                connection.isolation_level = None

            @event.listens_for(engine.sync_engine, "begin")
            def on_begin(connection: Any, word: str = word) -> None:
                connection.exec_driver_sql(word)

            session = SQLAlchemySession("s", engine=engine, create_tables=True)
            await asyncio.gather(*(session.add_items([message("1")]) for _ in range(10)))
            assert len(await session.get_items()) == 10
            assert await session.pop_item() == message("1")


@pytest.mark.parametrize(
    ("own_url", "poolclass"),
    [*((driver, NullPool) for driver in DRIVERS), ("aiosqlite", StaticPool)],
    indirect=["own_url"],
)
async def test_other_pools(own_url: str, poolclass: type[Pool]) -> None:
    """One connection for each operation, or one for all, which wait for each other.

    Fails without: db/sqlalchemy/pools.py, `read_lock`.
    """
    async with made_engine(own_url, poolclass=poolclass) as engine:
        made = [SQLAlchemySession("s", engine=engine, create_tables=True)]
        # Others know the same pool by an engine and options of their own.
        made += [SQLAlchemySession("s", engine=engine.execution_options(a=n), attempt_timeout=50 + n) for n in range(3)]
        await made[0].add_items([message("0")])
        await asyncio.gather(*(session.add_items([message("1")]) for session in made for _ in range(5)))
        assert [len(found) for found in await asyncio.gather(*(one.get_items() for one in made))] == [21] * 4
