"""Databases that the OpenAI Agents SDK's `SQLAlchemySession` wrote on Postgres and MariaDB."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from agents.extensions.memory import SQLAlchemySession as SDKSession
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from sessions import SQLAlchemySession, open_store
from sessions.log.adopt import sdk
from sessions.log.adopt.sdk_catalog import are_there

from .network import message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .servers import MariaDB, Postgres

_ITEMS: list[Any] = [
    {"role": "user", "content": "Grüße aus Zürich, 你好, \U0001f600"},
    {"type": "function_call", "call_id": "c1", "name": "météo", "arguments": '{"city": "Zürich"}'},
    {"type": "function_call_output", "call_id": "c1", "output": "21.5"},
    {"role": "assistant", "content": "long " * 5000},
]


@pytest.fixture(params=["postgres", "mariadb"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[AsyncEngine]:
    server: Postgres | MariaDB = request.getfixturevalue(request.param)
    made = create_async_engine(server.new_database())
    if made.dialect.name == "mysql":
        # The SDK declares its ids as text without a length, which MariaDB refuses in a key; its users make the tables.
        async with made.begin() as connection:
            for statement in _MARIADB_TABLES:
                await connection.execute(text(statement))
    yield made
    await made.dispose()


_MARIADB_TABLES = (
    """
    create table agent_sessions (
        session_id varchar(255) primary key,
        created_at timestamp not null default current_timestamp, updated_at timestamp not null default current_timestamp
    )
    """,
    """
    create table agent_messages (
        id integer primary key auto_increment, session_id varchar(255) not null references agent_sessions(session_id)
        on delete cascade, message_data longtext not null, created_at timestamp not null default current_timestamp
    )
    """,
)


async def _write(engine: AsyncEngine, session_id: str, items: list[Any]) -> None:
    theirs = SDKSession(session_id, engine=engine, create_tables=engine.dialect.name == "postgresql")
    await theirs.add_items(list(items))


async def _theirs(engine: AsyncEngine, session_id: str) -> list[Any]:
    return list(await SDKSession(session_id, engine=engine).get_items())


@pytest.mark.parametrize("first", ["get", "get some", "add", "pop", "clear", "delete"])
async def test_the_first_touch_takes_over_what_is_there(engine: AsyncEngine, first: str) -> None:
    """
    Fails without: log/core/changing.py, `take_over(…)` in `begin_session` and `lock_conversation`;
    log/lifetime/remove.py,
    `take_over(…)`; log/core/heads.py, `check_absent(…)`; log/adopt/sdk_tables.py, `order by id` in _MESSAGES.
    """
    await _write(engine, "u", _ITEMS)
    await _write(engine, "other", [message("somebody else's")])
    store = open_store(engine, create_tables=True)
    ours = store.session("u")
    expected, theirs = list(_ITEMS), list(_ITEMS)
    if first == "get some":
        assert await ours.get_items(2) == _ITEMS[-2:]
    elif first == "add":
        await ours.add_items([message("new")])
        expected += [message("new")]
    elif first == "pop":
        assert await ours.pop_item() == expected.pop()
    elif first == "clear":
        await ours.clear_session()
        expected = []
    elif first == "delete":
        assert await store.delete("u")
        expected = theirs = []
    assert await ours.get_items() == expected
    assert await SQLAlchemySession("u", engine=engine).get_items() == expected
    assert await _theirs(engine, "u") == theirs
    assert await store.session("other").get_items() == [message("somebody else's")]


async def test_touched_by_many_at_once_it_is_taken_over_once(engine: AsyncEngine) -> None:
    """
    Fails without: log/adopt/messages.py, `if not locked.is_new`.
    """
    await _write(engine, "u", _ITEMS)
    stores = [create_async_engine(engine.url) for _ in range(4)]
    sessions = [SQLAlchemySession("u", engine=each, create_tables=True) for each in stores]
    for session in sessions:
        await session._sql.migrate()
    await asyncio.gather(
        *(session.add_items([message(str(number))]) for number, session in enumerate(sessions)),
        *(session.get_items() for session in sessions),
    )
    found = await sessions[0].get_items()
    assert found[: len(_ITEMS)] == _ITEMS
    assert sorted(item["content"] for item in found[len(_ITEMS) :]) == ["0", "1", "2", "3"]
    for each in stores:
        await each.dispose()


@pytest.mark.parametrize("other", ["USER", "user ", "usér"], ids=["case", "trailing space", "accent"])
async def test_ids_that_mariadb_takes_for_the_same_are_not(engine: AsyncEngine, other: str) -> None:
    """The SDK's tables on MariaDB hold one of them only: it is that one's.

    Fails without: log/adopt/sdk_tables.py, `and binary session_id = :session_id`.
    """
    await _write(engine, "user", [message("user's")])
    store = open_store(engine, create_tables=True)
    assert await store.session(other).get_items() == []
    assert not await store.delete(other)
    await store.session(other).add_items([message("the other's")])
    assert await store.session("user").get_items() == [message("user's")]
    assert await store.session(other).get_items() == [message("the other's")]
    assert await _theirs(engine, "user") == [message("user's")]


@pytest.mark.parametrize("url", ["postgres", "mariadb"], indirect=True)
async def test_a_database_without_the_sdk_is_asked_once(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked again after a while: the SDK may make its tables later.

    Fails without: log/adopt/sdk.py, `tx.known`.
    """
    asked = []

    def counted(tx: Any, *arguments: Any) -> bool:
        asked.append(arguments)
        return are_there(tx, *arguments)

    monkeypatch.setattr(sdk, "are_there", counted)
    engine = create_async_engine(url)
    for number in range(5):
        session = SQLAlchemySession(f"s{number}", engine=engine)
        assert await session.get_items() == []
        await session.add_items([message("1")])
        assert await session.version() == 1
    assert len(asked) == 1
    monkeypatch.setattr(sdk, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + sdk.ASKED_AGAIN_AFTER))
    assert await SQLAlchemySession("new", engine=engine).get_items() == []
    assert len(asked) == 2
    await engine.dispose()
