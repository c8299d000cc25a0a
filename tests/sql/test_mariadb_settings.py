"""On MariaDB, values and rows do not depend on a session's modes, character sets and bounds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import make_url

from sessions import EncryptedSession, SQLAlchemySession, StoreError, generate_key

from .engines import made_engine
from .network import message

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

    from .databases import Lend
    from .servers import MariaDB

_SETTINGS = {
    "no backslash escapes": "sql_mode = concat(@@sql_mode, ',NO_BACKSLASH_ESCAPES')",
    "only no backslash escapes": "sql_mode = 'NO_BACKSLASH_ESCAPES'",
    "none": "sql_mode = ''",
    "ansi": "sql_mode = 'ANSI,TRADITIONAL'",
    "oracle": "sql_mode = 'ORACLE'",
    "db2": "sql_mode = 'DB2'",
    "empty is null": "sql_mode = 'EMPTY_STRING_IS_NULL,STRICT_ALL_TABLES'",
    "padded": "sql_mode = 'PAD_CHAR_TO_FULL_LENGTH,NO_AUTO_VALUE_ON_ZERO,HIGH_NOT_PRECEDENCE,IGNORE_SPACE'",
    "grouped": "sql_mode = 'ONLY_FULL_GROUP_BY,NO_UNSIGNED_SUBTRACTION,SIMULTANEOUS_ASSIGNMENT'",
    "traditional": "sql_mode = 'TRADITIONAL'",
    "names gbk": "names gbk",
    "names latin1": "names latin1",
    "names utf8mb3": "names utf8mb3",
    "results as they are": "character_set_results = null",
    "few rows": "sql_select_limit = 2",
    "safe updates": "sql_safe_updates = 1",
    "few steps": "max_recursive_iterations = 3",
    "unchecked": "unique_checks = 0",
    "autocommit": "autocommit = 1",
    "serializable": "tx_isolation = 'SERIALIZABLE'",
}


def _on_connect(engine: AsyncEngine, setting: str) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def listener(connection: Any, _: object) -> None:
        connection.cursor().execute(f"set {setting}")


def _on_checkout(engine: AsyncEngine, setting: str) -> None:
    @event.listens_for(engine.sync_engine, "checkout")
    def listener(connection: Any, *_: object) -> None:
        connection.cursor().execute(f"set {setting}")


def _on_begin(engine: AsyncEngine, setting: str) -> None:
    @event.listens_for(engine.sync_engine, "begin")
    def listener(connection: Any) -> None:
        connection.exec_driver_sql(f"set {setting}")


@pytest.fixture(params=["aiomysql", "asyncmy"])
def url(mariadb: MariaDB, lend: Lend, request: pytest.FixtureRequest) -> str:
    made = make_url(lend(mariadb)).set(drivername=f"mysql+{request.param}")
    return made.render_as_string(hide_password=False)


_EVERYTHING = [message("it's \\ \"quoted\" \\' \0 \n \x1a % %s :name \U0001f600 縗 ¿\\'"), message(""), message("3")]


async def _use(url: str, engine: AsyncEngine) -> None:
    """Use a database by an engine whose sessions have settings of their own, and by one with the server's."""
    async with made_engine(url) as usual:
        victim = SQLAlchemySession("victim", engine=usual, create_tables=True)
        await victim.add_items([message("what the victim said")])
        async with usual.connect() as connection:
            entry = (await connection.execute(text("select id from agent_log_entries"))).scalar_one()
        for session_id in ("mine", "縗 \\ \U0001f600", "\\' or 1 = 1 -- ", "\\"):
            mine = SQLAlchemySession(session_id, engine=engine)
            # Its id is in the very first statement.
            assert await mine.get_items() == []
            assert await mine.pop_item() is None
            await mine.add_items(_EVERYTHING)
            await mine.add_items(_EVERYTHING, idempotency_key="縗'\\")
            await mine.add_items(_EVERYTHING, idempotency_key="縗'\\")
            assert await mine.get_items() == _EVERYTHING * 2
            assert await SQLAlchemySession(session_id, engine=usual).get_items() == _EVERYTHING * 2
            inner = SQLAlchemySession(f"encrypted {session_id}", engine=engine)
            encrypted = EncryptedSession(f"encrypted {session_id}", inner, generate_key())
            await encrypted.add_items(_EVERYTHING)
            assert await encrypted.get_items() == _EVERYTHING
        await _attack(SQLAlchemySession("mine", engine=engine), entry)
        assert await victim.get_items() == [message("what the victim said")]
        await _go_on(SQLAlchemySession("mine", engine=engine))
        together = [SQLAlchemySession(f"s{number % 3}", engine=engine) for number in range(12)]
        await asyncio.gather(*(session.add_items([message("1")]) for session in together))
        assert [len(await session.get_items()) for session in together[:3]] == [4, 4, 4]


async def _attack(mine: SQLAlchemySession, entry: int) -> None:
    """Add texts that would overwrite an entry if they ended the statement's string."""
    forged = b'{"role":"user","content":"forged"}'.hex()
    attack = (
        f"'), ({entry}, 1, 1, 0x75736572, null, null, 1, null, 0x00) on duplicate key update payload = 0x{forged} -- "
    )
    for prefix in ("", "¿", "\xbf\\", "縗", "\\"):
        await mine.add_items([message(prefix + attack)])
        assert await mine.pop_item() == message(prefix + attack)


async def _go_on(mine: SQLAlchemySession) -> None:
    """Do what comes to many rows; statements name a session that exists by its number, so one session is enough."""
    name = "中文 \\ ' \U0001f600 "
    await mine.branches.create(name)
    assert [branch.name for branch in await mine.branches.list()] == ["main", name]
    assert [turn.number for turn in await mine.turns()] == [1, 2, 3, 4, 5, 6]
    await mine.add_items([message(str(number)) for number in range(20)])
    # Where a turn begins is searched in steps.
    assert await mine.undo(15) == [message(str(number)) for number in range(5, 20)]
    assert await mine.undo(5) == [message(str(number)) for number in range(5)]
    async with mine.lease():
        assert await mine.pop_item() == message("3")


@pytest.mark.parametrize("setting", _SETTINGS)
async def test_settings_of_connections(url: str, setting: str) -> None:
    """
    Fails without: db/sqlalchemy/boundaries_mariadb.py, `_CHECK`, `_SET`, `_start`.
    """
    async with made_engine(url, connect_args={"init_command": f"set {_SETTINGS[setting]}"}) as engine:
        async with engine.connect() as connection:
            before = (await connection.execute(text(_READ))).one()
        await _use(url, engine)
        async with engine.connect() as connection:
            # They are as they were.
            assert (await connection.execute(text(_READ))).one() == before


_READ = """
    select @@sql_mode, @@character_set_client, @@character_set_connection, @@collation_connection,
    @@character_set_results, @@sql_select_limit, @@sql_safe_updates, @@unique_checks, @@completion_type, @@autocommit,
    @@tx_isolation, @@max_recursive_iterations
"""


@pytest.mark.parametrize("listen", [_on_connect, _on_checkout, _on_begin])
@pytest.mark.parametrize("setting", ["no backslash escapes", "names gbk", "few rows"])
async def test_settings_by_listeners(url: str, setting: str, listen: Callable[[AsyncEngine, str], None]) -> None:
    """
    Fails without: db/sqlalchemy/boundaries_mariadb.py, `_check_again`.
    """
    async with made_engine(url) as engine:
        # The connections are known to be usual before.
        await SQLAlchemySession("first", engine=engine, create_tables=True).get_items()
        listen(engine, _SETTINGS[setting])
        await engine.dispose()
        await _use(url, engine)


async def test_settings_of_a_connection_that_was_used(url: str) -> None:
    """Somebody changes a setting on a connection of the pool, and gives it back.

    Fails without: db/sqlalchemy/boundaries_mariadb.py, `_CHECK`.
    """
    async with made_engine(url, pool_size=1, max_overflow=0) as engine:
        await SQLAlchemySession("first", engine=engine, create_tables=True).get_items()
        for setting in ("no backslash escapes", "names gbk", "few rows"):
            async with engine.connect() as connection:
                await connection.execute(text(f"set {_SETTINGS[setting]}"))
        await _use(url, engine)


@pytest.mark.parametrize("charset", ["gbk", "latin1", "big5", "sjis"])
async def test_a_character_set_that_lacks_most_texts_is_refused(url: str, charset: str) -> None:
    """
    Fails without: db/sqlalchemy/boundaries_mariadb.py, `_check_character_set`.
    """
    async with made_engine(url) as engine:
        await SQLAlchemySession("s", engine=engine, create_tables=True).add_items([message("1")])
    narrow = make_url(url).update_query_dict({"charset": charset}).render_as_string(hide_password=False)
    async with made_engine(narrow) as engine:
        session = SQLAlchemySession("s", engine=engine)
        for operation in (session.get_items, session.pop_item, lambda: session.add_items([message("2")])):
            with pytest.raises(StoreError, match=rf"session 's': .* {charset}.*charset=utf8mb4"):
                await operation()
    async with made_engine(url) as engine:
        assert await SQLAlchemySession("s", engine=engine).get_items() == [message("1")]


async def test_transactions_that_begin_others_are_refused(url: str) -> None:
    """
    Fails without: db/sqlalchemy/boundaries_mariadb.py, `completion_type`.
    """
    async with made_engine(url) as engine:
        await SQLAlchemySession("s", engine=engine, create_tables=True).add_items([message("1")])
    async with made_engine(url, connect_args={"init_command": "set completion_type = 1"}) as engine:
        with pytest.raises(StoreError, match=r"session 's': .*completion_type"):
            await SQLAlchemySession("s", engine=engine).add_items([message("2")])
    async with made_engine(url) as engine:
        assert await SQLAlchemySession("s", engine=engine).get_items() == [message("1")]


@pytest.mark.parametrize("charset", ["utf8", None])
async def test_other_ways_to_say_unicode(url: str, charset: str | None) -> None:
    bare = make_url(url).set(query={"charset": charset} if charset else {})
    async with made_engine(bare.render_as_string(hide_password=False)) as engine:
        await SQLAlchemySession("first", engine=engine, create_tables=True).get_items()
        await _use(url, engine)
