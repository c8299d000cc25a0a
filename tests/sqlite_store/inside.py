"""Hands on what cannot be seen from outside: another process's lock, the lanes, the statements."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sessions.db.sqlite import registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessions import LogSession
    from sessions.db.sqlite.database import Database


def user(text: object) -> dict[str, Any]:
    return {"role": "user", "content": str(text)}


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file's write lock as another process would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("begin immediate")
        yield
        connection.execute("rollback")


def database_in(path: Path) -> Database:
    (found,) = [database for file, database in registry._files.items() if file == str(path)]
    return found


async def taken(path: Path) -> None:
    """Wait until nothing waits in the lane of writers: what was submitted has begun."""
    while database_in(path)._writer._jobs._waiting:
        await asyncio.sleep(0.001)


def stored(path: Path) -> list[Any]:
    """Return the items in the file, of all sessions, past every cache and queue."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("select payload from agent_log_entries order by id").fetchall()
    return [json.loads(payload) for (payload,) in rows]


async def trace(session: LogSession) -> list[str]:
    """Return a list to which every statement on the session's writing connection is added."""
    statements: list[str] = []
    await session._handle.backend.write(
        lambda tx: tx._execute.__self__.set_trace_callback(statements.append),  # type: ignore[attr-defined]
        "the trace",
    )
    return statements


def open_files(path: Path) -> list[str]:
    """Return what this process has open of a database and its companions."""
    links = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except FileNotFoundError:
            continue
        if target.startswith(str(path)):
            links.append(os.path.basename(target))  # noqa: PTH119 - "… (deleted)" is no path
    return sorted(links)
