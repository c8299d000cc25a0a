"""The limit: the least work that can do the job with `sqlite3`, called directly and blocking.

One table, one index, one statement an operation, WAL with synchronous=FULL, and msgspec as the JSON library, as
ours (orjson is 5 to 15 % faster on these items). No threads, no branches, no versions, no idempotency: nobody should
use it, and nothing that keeps the same promise of durability can be much faster. The layouts with a clustered
key were measured too: a few per cent faster to read, as many slower to append.
"""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.data import Item

SCHEMA = """
CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, session TEXT NOT NULL, payload BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS items_by_session ON items (session, id);
"""
READ_ALL = "SELECT payload FROM items WHERE session = ? ORDER BY id"
READ_LAST = "SELECT payload FROM items WHERE session = ? ORDER BY id DESC LIMIT ?"
POP = "DELETE FROM items WHERE id = (SELECT id FROM items WHERE session = ? ORDER BY id DESC LIMIT 1) RETURNING payload"
# From this many rows on, preparing one long statement costs more than executing a short one often.
MANY = 16

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder().decode

_connections: dict[tuple[int, Path], sqlite3.Connection] = {}


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode with the durability that all sides are held to."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=20, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL").fetchall()
    connection.execute("PRAGMA synchronous=FULL").fetchall()
    connection.executescript(SCHEMA)
    return connection


def shared_connection(path: Path) -> sqlite3.Connection:
    """The one connection of this process to `path`."""
    key = (os.getpid(), path)
    if key not in _connections:
        _connections[key] = connect(path)
    return _connections[key]


def insert(connection: sqlite3.Connection, session_id: str, payloads: list[bytes]) -> None:
    """Append items in one statement; the caller decides about the transaction."""
    values = ", ".join(["(?, ?)"] * len(payloads))
    parameters = [value for payload in payloads for value in (session_id, payload)]
    connection.execute(f"INSERT INTO items (session, payload) VALUES {values}", parameters)  # noqa: S608 - only ?


class LimitSession:
    """A conversation at the limit; the methods are coroutines only to look like the others."""

    encode: Callable[[Item], bytes] = staticmethod(encode)
    decode: Callable[[bytes], Any] = staticmethod(decode)

    def __init__(self, session_id: str, path: Path) -> None:
        self.session_id = session_id
        self.connection = shared_connection(path)

    async def get_items(self, limit: int | None = None) -> list[Item]:
        """Oldest first; each row is decoded while the next is fetched."""
        decode = self.decode
        if limit is None:
            return [decode(payload) for (payload,) in self.connection.execute(READ_ALL, (self.session_id,))]
        rows = self.connection.execute(READ_LAST, (self.session_id, limit))
        items = [decode(payload) for (payload,) in rows]
        items.reverse()
        return items

    async def add_items(self, items: list[Item]) -> None:
        """One INSERT that commits by itself, or one transaction for a large batch."""
        if len(items) < MANY:
            return insert(self.connection, self.session_id, [self.encode(item) for item in items])
        with self.connection:
            self.connection.execute("BEGIN IMMEDIATE")
            rows = ((self.session_id, self.encode(item)) for item in items)
            self.connection.executemany("INSERT INTO items (session, payload) VALUES (?, ?)", rows)
        return None

    async def pop_item(self) -> Item | None:
        """One DELETE … RETURNING."""
        rows = self.connection.execute(POP, (self.session_id,)).fetchall()
        return self.decode(rows[0][0]) if rows else None

    def close(self) -> None:
        """Nothing: the connection is the process's."""
