"""The private attributes of aiosqlite that we use are there, so an upgrade that loses one says which."""

from __future__ import annotations

import queue
import sqlite3
import threading
from typing import Any

import aiosqlite
import pytest

ATTRIBUTES = {"_tx": queue.SimpleQueue, "_thread": threading.Thread, "_connection": type(None), "_connector": object}
"""Of a connection that was never opened; `_connector` is a function."""


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_a_private_attribute_is_there(name: str) -> None:
    connection = aiosqlite.connect(":memory:")
    assert hasattr(connection, name), (
        f"aiosqlite {aiosqlite.__version__} has no Connection.{name}: see sessions/db/sqlite/connection_thread.py and "
        "sessions/db/sqlalchemy/forks.py"
    )
    assert isinstance(getattr(connection, name), ATTRIBUTES[name])


async def test_the_thread_calls_functions_put_into_the_queue_after_no_future() -> None:
    async with aiosqlite.connect(":memory:") as connection:
        inside: Any = connection
        found: list[Any] = []
        done = threading.Event()

        def call() -> None:
            found.extend([threading.current_thread(), inside._connection])
            done.set()

        inside._tx.put_nowait((None, call))
        assert done.wait(60)
        assert found[0] is inside._thread
        assert isinstance(found[1], sqlite3.Connection)


def test_a_stopped_connection_ends_its_thread() -> None:
    connection: Any = aiosqlite.connect(":memory:")
    connection._thread.daemon = True
    connection._thread.start()
    connection.stop()
    connection._thread.join(60)
    assert not connection._thread.is_alive()
