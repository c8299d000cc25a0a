"""Conversations written by each of the SDK's sessions on SQLite, and a look at its tables."""

from __future__ import annotations

import json
import math
import sqlite3
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Any

import agents
from agents.extensions.memory import SQLAlchemySession
from agents.extensions.memory.advanced_sqlite_session import AdvancedSQLiteSession
from agents.extensions.memory.async_sqlite_session import AsyncSQLiteSession

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

ITEMS: list[Any] = [
    {"role": "user", "content": "Grüße aus Zürich, 你好, مرحبا, \U0001f600 and a NUL: \0"},
    {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "…"}]},
    {"type": "function_call", "call_id": "c1", "name": "météo", "arguments": '{"city": "Zürich"}'},
    {"type": "function_call_output", "call_id": "c1", "output": '{"°C": 21.5}'},
    {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "21,5 °C", "score": math.nan}],
    },
    {"role": "user", "content": "half an emoji: \ud83d", "weights": [math.inf, 2**70]},
]
NEW: list[Any] = [{"role": "user", "content": "new"}]

KINDS = ["SQLiteSession", "AsyncSQLiteSession", "SQLAlchemySession", "AdvancedSQLiteSession"]


@asynccontextmanager
async def sdk_session(kind: str, path: Path, session_id: str = "u", **tables: Any) -> AsyncIterator[Any]:
    """One of the SDK's sessions on a file, closed again."""
    if kind == "SQLiteSession":
        session = agents.SQLiteSession(session_id, path, **tables)
        yield session
        session.close()
    elif kind == "AsyncSQLiteSession":
        asynchronous = AsyncSQLiteSession(session_id, path, **tables)
        yield asynchronous
        await asynchronous.close()
    elif kind == "SQLAlchemySession":
        url = f"sqlite+aiosqlite:///{path}"
        on_sqlalchemy = SQLAlchemySession.from_url(session_id, url=url, create_tables=True, **tables)
        yield on_sqlalchemy
        await on_sqlalchemy.engine.dispose()
    else:
        advanced = AdvancedSQLiteSession(session_id=session_id, db_path=path, create_tables=True)
        yield advanced
        advanced.close()


async def write(path: Path, items: Sequence[Any] = ITEMS, kind: str = "SQLiteSession", **options: Any) -> None:
    async with sdk_session(kind, path, **options) as session:
        await session.add_items(list(items))


def alike(items: Sequence[Any]) -> str:
    """Return items as text: NaN equals itself there."""
    return json.dumps(items)


def execute(path: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection, connection:
        # Some of what is looked at here is no UTF-8.
        connection.text_factory = lambda text: text.decode(errors="surrogateescape")
        return connection.execute(sql, values).fetchall()


def foreign_content(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables that are not ours, and how they were made."""
    tables = execute(
        path,
        r"select name, sql from sqlite_master where name not like '%agent\_log\_%' escape '\'"
        " and name not in ('sqlite_sequence', 'agent_store_settings')",
    )
    rows = {name: execute(path, f'select * from "{name}"') for name, sql in tables if sql and "TABLE" in sql.upper()}  # noqa: S608
    return {"sqlite_master": sorted(tables, key=str), **rows}


def taken_over(path: Path) -> int:
    """Return how many entries we hold."""
    return int(execute(path, "select count(*) from agent_log_entries")[0][0])
