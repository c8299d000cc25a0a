"""Mistakes in arguments are told at once, before any I/O, in words that name the argument."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeAlias

import agents
import pytest
from agents.memory import SessionSettings as SDKSessionSettings
from sqlalchemy import create_engine

from sessions import (
    AsyncSQLiteSession,
    SessionClosedError,
    SessionSettings,
    SQLAlchemySession,
    SQLiteSession,
    open_store,
)

from .inside import user

TOO_LONG = "é" * 513

CONSTRUCTORS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"session_id": ""}, ValueError, "session_id must not be empty"),
    ({"session_id": None}, TypeError, "session_id must be a string, not NoneType"),
    ({"session_id": 7}, TypeError, "session_id must be a string, not int"),
    ({"session_id": b"s"}, TypeError, "session_id must be a string, not bytes"),
    ({"session_id": "a\0b"}, ValueError, "session_id must not contain a NUL"),
    ({"session_id": "\ud800"}, ValueError, "session_id must not contain a lone surrogate"),
    ({"session_id": TOO_LONG}, ValueError, "session_id must be at most 1024 bytes in UTF-8, but has 1026"),
    ({"db_path": None}, TypeError, "db_path must be a path"),
    ({"db_path": 7}, TypeError, "db_path must be a path"),
    ({"db_path": b"file.db"}, TypeError, "db_path must be"),
    ({"db_path": ""}, ValueError, "db_path is empty or has a NUL"),
    ({"db_path": "a\0b"}, ValueError, "db_path is empty or has a NUL"),
    ({"db_path": "sqlite:///x.db"}, ValueError, "db_path must be the path of a file, not a URL"),
    ({"db_path": "postgresql+asyncpg://u:canary@h/d"}, ValueError, "db_path must be the path of a file, not a URL"),
    ({"durability": "FULL"}, ValueError, "durability must be"),
    ({"durability": None}, ValueError, "durability must be"),
    ({"busy_timeout": -1}, ValueError, "busy_timeout must be"),
    ({"busy_timeout": float("nan")}, ValueError, "busy_timeout must be"),
    ({"busy_timeout": float("inf")}, ValueError, "busy_timeout must be"),
    ({"busy_timeout": 1e10}, ValueError, "busy_timeout must be"),
    ({"busy_timeout": "5"}, TypeError, "busy_timeout must be"),
    ({"busy_timeout": None}, TypeError, "busy_timeout must be"),
    ({"session_settings": 5}, TypeError, "session_settings must be"),
    ({"session_settings": "limit"}, TypeError, "session_settings must be"),
    ({"session_settings": {"limits": 5}}, TypeError, "Unknown session settings: limits"),
    ({"session_settings": {"limit": -5}}, ValueError, "limit must be non-negative"),
    ({"session_settings": {"limit": "5"}}, TypeError, "limit must be an integer or None, not str"),
    ({"session_settings": {"limit": True}}, TypeError, "limit must be an integer or None, not bool"),
    ({"session_settings": {7: 5}}, TypeError, "Unknown session settings: 7"),
]


@pytest.mark.parametrize("class_", [SQLiteSession, AsyncSQLiteSession])
@pytest.mark.parametrize(("arguments", "error", "message"), CONSTRUCTORS, ids=lambda value: ascii(value)[:40])
def test_constructors_refuse(class_: Any, arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        class_(**{"session_id": "s", "db_path": "/nonexistent/x.db", **arguments})
    assert str(caught.value).startswith(message)


Call: TypeAlias = tuple[str, tuple[Any, ...], dict[str, Any]]
OPERATIONS: list[tuple[str, tuple[Any, ...], dict[str, Any], type[Exception], str]] = [
    ("get_items", (-1,), {}, ValueError, "limit must be non-negative"),
    ("get_items", ("1",), {}, TypeError, "limit must be an integer or None, not str"),
    ("get_items", (1.0,), {}, TypeError, "limit must be an integer or None, not float"),
    ("get_items", (True,), {}, TypeError, "limit must be an integer or None, not bool"),
    ("add_items", (user("a"),), {}, TypeError, "items must be a list of JSON objects, not dict"),
    ("add_items", ("text",), {}, TypeError, "items must be a list of JSON objects, not str"),
    ("add_items", (b"bytes",), {}, TypeError, "items must be a list of JSON objects, not bytes"),
    ("add_items", (None,), {}, TypeError, "items must be a list of JSON objects, not NoneType"),
    ("add_items", ([user("a"), "b"],), {}, ValueError, "session 's': items[1] is of type str"),
    ("add_items", ([[user("a")]],), {}, ValueError, "session 's': items[0] is of type list"),
    ("add_items", ([user("a")],), {"idempotency_key": ""}, ValueError, "idempotency_key must not be empty"),
    ("add_items", ([user("a")],), {"idempotency_key": 7}, TypeError, "idempotency_key must be a string, not int"),
    ("add_items", ([user("a")],), {"idempotency_key": "k" * 256}, ValueError, "idempotency_key must be at most 255"),
    ("add_items", ([user("a")],), {"idempotency_key": "\0"}, ValueError, "idempotency_key must not contain a NUL"),
    ("choose", (1,), {}, TypeError, "way must be a Sibling or the id of an entry, not int"),
    ("add_items", ([],), {"idempotency_key": "\ud800"}, ValueError, "idempotency_key must not contain a lone"),
]


@pytest.mark.parametrize(("call", "error", "message"), [(each[:3], *each[3:]) for each in OPERATIONS])
async def test_operations_refuse(path: Path, call: Call, error: type[Exception], message: str) -> None:
    session = SQLiteSession("s", path)
    method, values, named = call
    with pytest.raises(error) as caught:
        await getattr(session, method)(*values, **named)

    assert str(caught.value).startswith(message)
    assert not path.exists(), "nothing was even opened"


# Fails without: session/base.py, `check_limit(limit)` after the settings were asked
@pytest.mark.parametrize(("limit", "error"), [(-1, ValueError), ("1", TypeError), (True, TypeError)])
async def test_settings_that_were_spoiled_afterwards_are_refused(
    session: SQLiteSession, limit: Any, error: type[Exception]
) -> None:
    await session.add_items([user("a")])
    session.session_settings.limit = limit

    with pytest.raises(error, match="limit must"):
        await session.get_items()
    assert await session.get_items(limit=1) == [user("a")]


def _settings_of_the_sdk() -> Any:
    session = agents.SQLiteSession("x", session_settings={"limit": 2})
    session.close()
    return session.session_settings


@pytest.mark.parametrize(
    "settings",
    [
        SessionSettings(limit=2),
        SDKSessionSettings(limit=2),
        _settings_of_the_sdk(),
        {"limit": 2},
    ],
    ids=["ours", "the SDK's", "of one of the SDK's sessions", "dict"],
)
async def test_settings_of_every_origin(path: Path, settings: Any) -> None:
    session = SQLiteSession("s", path, session_settings=settings)
    await session.add_items(list(map(user, "abc")))

    assert await session.get_items() == [user("b"), user("c")]
    assert await session.get_items(limit=1) == [user("c")]
    assert await session.get_items(limit=0) == []
    session.session_settings = None
    assert len(await session.get_items()) == 3
    session.session_settings = {"limit": 1}
    assert await session.get_items() == [user("c")]
    session.close()


@pytest.mark.parametrize("items", [(user("a"),), iter([user("a")]), (user(x) for x in "a"), {1: user("a")}.values()])
async def test_any_collection_of_items_can_be_added(session: SQLiteSession, items: Any) -> None:
    await session.add_items(items)

    assert await session.get_items() == [user("a")]


URLS: list[tuple[Any, type[Exception], str]] = [
    (None, TypeError, "url must be a URL or an AsyncEngine"),
    (
        Path("x.db"),
        TypeError,
        f"url must be a URL or an AsyncEngine, not {type(Path()).__name__}. Nothing was opened. For a file",
    ),
    (b"sqlite://", TypeError, "url must be a URL or an AsyncEngine"),
    ("", ValueError, "url is not a URL. Nothing was opened. Use sqlite:///path/to/file.db"),
    ("conversations.db", ValueError, "url is not a URL. Nothing was opened. Use sqlite:///path/to/file.db"),
    ("/var/conversations.db", ValueError, "url is not a URL"),
    ("sqlite:conversations.db", ValueError, "url is not a URL"),
    ("sqlite:/conversations.db", ValueError, "url is not a URL"),
    ("sqlite://conversations.db", ValueError, "a SQLite URL has three slashes before a relative path"),
    ("sqlite://localhost/conversations.db", ValueError, "a SQLite URL has three slashes before a relative path"),
    ("sqlite:///x.db?mode=ro", ValueError, "a SQLite URL takes no options"),
    ("sqlite:///x\0.db", ValueError, "db_path is empty or has a NUL"),
    ("mongodb://user:canary@host/db", ValueError, "no driver is known for mongodb://"),
]


@pytest.mark.parametrize(("url", "error", "message"), URLS, ids=ascii)
def test_urls_that_name_no_store(url: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        open_store(url)
    assert str(caught.value).startswith(message)
    assert "canary" not in str(caught.value), "a URL may have a password in it"


ENGINES = [
    ("sqlite+aiosqlite://", "not str. No session was made. For a URL, use from_url"),
    (create_engine("sqlite://"), "not Engine"),
    (None, "not NoneType"),
]


# Fails without: `hasattr(engine, "sync_engine")` in sqlalchemy.py
@pytest.mark.parametrize(("engine", "message"), ENGINES)
def test_what_is_no_engine(engine: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"engine must be an AsyncEngine, {message}"):
        SQLAlchemySession("s", engine=engine)


async def test_a_closed_store_says_that_it_is_the_store() -> None:
    store = open_store("sqlite://")
    await store.close()
    for call in (store.sessions, store.usage):
        with pytest.raises(SessionClosedError, match=r"^the store is closed"):
            await call()


@pytest.mark.parametrize("form", ["sqlite:///{absolute}", "sqlite:///{relative}", "sqlite:///./{relative}"])
async def test_urls_name_files(path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    async with open_store(form.format(absolute=path, relative=path.name)) as store:
        await store.session("s").add_items([user("a")])
        monkeypatch.chdir("/")
        assert await store.session("s").get_items() == [user("a")], "the path was resolved when the store was made"

    assert path.exists()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
async def test_urls_of_databases_in_memory(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_store(url) as store:
        await store.session("s").add_items([user("a")])
        assert await store.session("s").get_items() == [user("a")]

    assert os.listdir(tmp_path) == []  # noqa: PTH208 - it is about the folder


@pytest.mark.parametrize(
    "name", ["a b.db", "ä\U0001f600.db", "100%.db", "a;b'c\".db", "-wal", "x.db-wal.db", "~.db", "#.db"]
)
async def test_any_name_of_a_file(tmp_path: Path, name: str) -> None:
    session = SQLiteSession("s", tmp_path / name)
    await session.add_items([user("a")])
    assert await session.get_items() == [user("a")]
    session.close()

    assert (tmp_path / name).exists()
