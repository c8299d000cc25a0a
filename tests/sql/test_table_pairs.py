"""In the SDK two pairs of table names in one database are two applications; here each pair has tables of its own."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import agents
import pytest
from agents.extensions.memory import SQLAlchemySession as SDKSession
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

import sessions
from sessions import open_store

from .network import message
from .test_sql_takeover import _MARIADB_TABLES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from .servers import MariaDB, Postgres

SHOP: dict[str, Any] = {"sessions_table": "shop_sessions", "messages_table": "shop_messages"}
HELP: dict[str, Any] = {"sessions_table": "help_sessions", "messages_table": "help_messages"}
KEY = sessions.generate_key()

CLASSES: dict[str, tuple[list[str], Callable[..., Any]]] = {
    "SQLiteSession": (["sqlite"], lambda db, **o: sessions.SQLiteSession("u", db.path, **o)),
    "AsyncSQLiteSession": (["sqlite"], lambda db, **o: sessions.AsyncSQLiteSession("u", db.path, **o)),
    "AdvancedSQLiteSession": (
        ["sqlite"],
        lambda db, **o: sessions.AdvancedSQLiteSession(session_id="u", db_path=db.path, **o),
    ),
    "open_store of a file": (["sqlite"], lambda db, **o: open_store(f"sqlite:///{db.path}", **o).session("u")),
    "EncryptedSession": (
        ["sqlite"],
        lambda db, **o: sessions.EncryptedSession(
            "u", sessions.SQLiteSession("u", db.path, **o), KEY, allow_plain_text=True
        ),
    ),
    "SQLAlchemySession": (
        ["sqlite", "postgres", "mariadb"],
        lambda db, **o: sessions.SQLAlchemySession("u", engine=db.engine, create_tables=True, **o),
    ),
    "AdvancedSQLAlchemySession": (
        ["sqlite", "postgres", "mariadb"],
        lambda db, **o: sessions.AdvancedSQLAlchemySession("u", engine=db.engine, create_tables=True, **o),
    ),
    "open_store of an engine": (
        ["sqlite", "postgres", "mariadb"],
        lambda db, **o: open_store(db.engine, create_tables=True, **o).session("u"),
    ),
}


class Database:
    """A database of a test's own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.path = Path(make_url(url).database or "")
        self.engine = create_async_engine(url)

    async def execute(self, sql: str) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(text(sql))

    async def written_by_the_sdk(self, word: str, **tables: Any) -> None:
        """Have the SDK write one message into a pair of tables."""
        if self.engine.dialect.name == "mysql":
            for statement in _MARIADB_TABLES:
                named = statement.replace("agent_sessions", f"`{tables['sessions_table']}`")
                await self.execute(named.replace("agent_messages", f"`{tables['messages_table']}`"))
        create = self.engine.dialect.name != "mysql"
        await SDKSession("u", engine=self.engine, create_tables=create, **tables).add_items(
            [{"role": "user", "content": word}]
        )


@asynccontextmanager
async def _database(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> AsyncIterator[Database]:
    if kind == "sqlite":
        made = Database(f"sqlite+aiosqlite:///{tmp_path}/sessions.db")
    else:
        server: Postgres | MariaDB = request.getfixturevalue(kind)
        made = Database(server.new_database())
    yield made
    await made.engine.dispose()


@pytest.fixture(params=[(name, kind) for name, (kinds, _) in CLASSES.items() for kind in kinds], ids=" on ".join)
async def opened(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Database, Callable[..., Any]]]:
    name, kind = request.param
    async with _database(request, kind, tmp_path) as database:
        yield database, lambda **options: CLASSES[name][1](database, **options)


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with _database(request, request.param, tmp_path) as made:
        yield made


Opened = tuple[Database, "Callable[..., Any]"]


async def test_another_pair_is_refused_by_name(opened: Opened) -> None:
    """
    Fails without: log/adopt/table_pair.py, `raise ValueError(`.
    """
    _, make = opened
    await make(**SHOP).add_items([message("I buy a book")])
    for other in (HELP, {}, {**SHOP, "messages_table": "help_messages"}, {**SHOP, "sessions_table": "help_sessions"}):
        names = "shop_sessions.*shop_messages.*" + (other.get("sessions_table") or "agent_sessions")
        for method, *arguments in (
            ("get_items",),
            ("add_items", [message("my password is x")]),
            ("pop_item",),
            ("clear_session",),
            ("version",),
        ):
            with pytest.raises(ValueError, match=names):
                await getattr(make(**other), method)(*arguments)
    assert await make(**SHOP).get_items() == [message("I buy a book")]


async def test_each_pair_has_a_store_of_its_own_by_a_prefix(opened: Opened) -> None:
    """
    Fails without: db/sqlite/database.py, `About(work, texts)`.
    """
    database, make = opened
    await database.written_by_the_sdk("from the shop", **SHOP)
    await database.written_by_the_sdk("from the help", **HELP)
    helping = {**HELP, "table_prefix": "help_"}
    assert await make(**SHOP).get_items() == [message("from the shop")]
    assert await make(**helping).get_items() == [message("from the help")]
    await make(**helping).add_items([message("2")])
    await make(**helping).add_items([message("3")])
    assert await make(**helping).pop_item() == message("3")
    assert await make(**helping).get_items(1) == [message("2")]
    assert await make(**SHOP).get_items() == [message("from the shop")]
    with pytest.raises(ValueError, match="help_sessions"):
        await make(**SHOP, table_prefix="help_").get_items()


async def test_opened_by_the_usual_names_first(opened: Opened) -> None:
    """What was added by mistake is not mixed with the conversation that the names lead to."""
    database, make = opened
    await database.written_by_the_sdk("I buy a book", **SHOP)
    await make().add_items([message("oops")])
    with pytest.raises(ValueError, match=r"agent_sessions.*agent_messages.*shop_sessions.*shop_messages"):
        await make(**SHOP).get_items()
    assert await make().get_items() == [message("oops")]


async def test_looking_binds_to_no_pair(opened: Opened) -> None:
    _, make = opened
    assert await make(**HELP).get_items() == []
    await make(**SHOP).add_items([message("1")])
    with pytest.raises(ValueError, match="shop_sessions"):
        await make(**HELP).get_items()


async def test_the_first_of_several_at_once_decides(database: Database) -> None:
    """
    Fails without: log/adopt/table_pair.py, the second `_check(` (in `claim`).
    """
    await open_store(database.engine, create_tables=True).session("other").get_items()
    pairs: list[dict[str, Any]] = [
        {"sessions_table": f"s{number}", "messages_table": f"m{number}"} for number in range(6)
    ]
    engines = [create_async_engine(database.url) for _ in pairs]
    each = [open_store(engine, **pair).session("u") for engine, pair in zip(engines, pairs, strict=True)]
    results = await asyncio.gather(*(session.add_items([message("1")]) for session in each), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["NoneType", *["ValueError"] * 5]
    (winner,) = (pair for pair, result in zip(pairs, results, strict=True) if result is None)
    assert await open_store(database.engine, **winner).session("u").get_items() == [message("1")]
    for engine in engines:
        await engine.dispose()


async def test_both_ways_to_a_file_know_its_pair(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    await sessions.SQLiteSession("u", path, **SHOP).add_items([message("1")])
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
    assert await sessions.SQLAlchemySession("u", engine=engine, **SHOP).get_items() == [message("1")]
    with pytest.raises(ValueError, match="shop_messages"):
        await sessions.SQLAlchemySession("u", engine=engine, **HELP).get_items()
    await engine.dispose()


async def test_the_same_names_in_other_letters(database: Database) -> None:
    await open_store(database.engine, create_tables=True, **SHOP).session("u").add_items([message("1")])
    upper: dict[str, Any] = {argument: name.upper() for argument, name in SHOP.items()}
    session = open_store(database.engine, **upper).session("u")
    if database.engine.dialect.name == "sqlite":
        assert await session.get_items() == [message("1")]
    else:  # Two tables there, as the servers are set up by default on Linux.
        with pytest.raises(ValueError, match=r"shop_messages.*SHOP_MESSAGES"):
            await session.get_items()


@pytest.mark.parametrize("quotes", ['""', "``", "[]"])
@pytest.mark.parametrize("name", ["order", "my table", "x-y", "\u00fcber"])
async def test_quoted_names(database: Database, name: str, quotes: str) -> None:
    """
    Fails without: db/dialect.py, `inner = name[1:-1]`.
    """
    plain = {"sessions_table": name, "messages_table": f"{name} 2"}
    await database.written_by_the_sdk("1", **plain)
    quoted: dict[str, Any] = {argument: f"{quotes[0]}{table}{quotes[1]}" for argument, table in plain.items()}
    store = open_store(database.engine, create_tables=True, **quoted)
    assert await store.session("u").get_items() == [message("1")]
    again: dict[str, Any] = {argument: f'"{table}"' for argument, table in plain.items()}
    assert await open_store(database.engine, **again).session("u").get_items() == [message("1")]


async def test_names_with_a_schema(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    theirs = agents.SQLiteSession("u", path)
    await theirs.add_items([{"role": "user", "content": "1"}])
    theirs.close()
    qualified: dict[str, Any] = {"sessions_table": "main.agent_sessions", "messages_table": "main.agent_messages"}
    assert await sessions.SQLiteSession("u", path, **qualified).get_items() == [message("1")]
    assert await sessions.SQLiteSession("u", path).get_items() == [message("1")]


@pytest.mark.parametrize("how", ["found by the connection", "said"])
async def test_each_pair_has_a_store_of_its_own_by_a_schema(postgres: Postgres, how: str) -> None:
    """
    Fails without: log/adopt/sdk_catalog.py, `located(tx, tables)`.
    """
    database = Database(postgres.new_database())
    for name, pair in (("shop", SHOP), ("help", HELP)):
        await database.written_by_the_sdk(f"from the {name}", **pair)
        await database.execute(f"create schema {name}")
    for name, pair in (("shop", SHOP), ("help", HELP)):
        tables = pair if how != "said" else {argument: f"public.{table}" for argument, table in pair.items()}
        store = open_store(database.engine, create_tables=True, schema=name, **tables)
        assert await store.session("u").get_items() == [message(f"from the {name}")]
        assert await store.delete("u") is True
        assert await store.session("u").get_items() == []
    await database.engine.dispose()


async def test_the_usual_names_lead_to_no_other_schema(postgres: Postgres) -> None:
    """A schema for each tenant, and somebody's tables in the public one.

    Fails without: log/adopt/sdk_catalog.py, `tables == ForeignTables() or` in `located`.
    """
    database = Database(postgres.new_database())
    await database.written_by_the_sdk("somebody's", sessions_table="agent_sessions", messages_table="agent_messages")
    await database.execute("create schema tenant")
    assert await open_store(database.engine, create_tables=True, schema="tenant").session("u").get_items() == []
    await database.engine.dispose()


@pytest.mark.parametrize(
    ("prefix", "tables"),
    [
        ("agent_", {"sessions_table": "agent_log_sessions"}),
        ("shop_", {"messages_table": "SHOP_log_entries"}),
        ("Agent_", {"sessions_table": "agent_log_schema"}),
    ],
    ids=str,
)
async def test_a_prefix_that_makes_the_names_of_the_sdks_tables(opened: Opened, prefix: str, tables: Any) -> None:
    """
    Fails without: log/conversation.py, `if name.lower() in ours`.
    """
    _, make = opened
    with pytest.raises(ValueError, match="table_prefix"):
        make(table_prefix=prefix, **tables)


async def test_a_file_has_no_schemas() -> None:
    with pytest.raises(ValueError, match="table_prefix"):
        open_store("sqlite:///x.db", schema="help")


async def test_stores_in_one_file_do_not_see_each_other(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    async with open_store(f"sqlite:///{path}") as one, open_store(f"sqlite:///{path}", table_prefix="two_") as two:
        await asyncio.gather(
            *(store.session(f"{n}").add_items([message(f"{n}")]) for store in (one, two) for n in range(9))
        )
        await two.delete("3")
        assert len(await one.sessions()) == 9
        assert len(await two.sessions()) == 8
        await two.erase("4")
        assert await one.session("4").get_items() == [message("4")]
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute("select count(*) from two_log_entries").fetchone() == (7,)
