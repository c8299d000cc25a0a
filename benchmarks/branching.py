"""Conversations with branches, by side: what the rows about branches do, each in its own way.

The limit is the least work that does the same durably: a fork writes one row and finds its turn by an index, a switch
is one update, a list one select of counts that are kept. No versions, no record of changes, no siblings, no taking
over, and a branch's items are counted by its tip. Most of its statements are the limit's on Postgres, too.
"""

import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from benchmarks.data import Item
from benchmarks.limit import decode, encode
from benchmarks.sides import Side

LIMIT_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (session TEXT PRIMARY KEY, branch TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS branches (
    session TEXT, name TEXT, segment BIGINT, tip BIGINT, turns BIGINT, redo BIGINT,
    forked_from TEXT, fork_position BIGINT, fork_turn BIGINT, created_at BIGINT, updated_at BIGINT,
    PRIMARY KEY (session, name)
);
CREATE TABLE IF NOT EXISTS segments (id {serial}, parent BIGINT, fork_position BIGINT);
CREATE TABLE IF NOT EXISTS items (
    segment BIGINT, position BIGINT, turn BIGINT, opens BIGINT, payload {bytes}, PRIMARY KEY (segment, position)
);
CREATE UNIQUE INDEX IF NOT EXISTS turn_starts ON items (segment, turn) WHERE opens = 1;
"""
NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
LIMIT_OTHERS = (
    "INSERT INTO sessions {numbers} SELECT 'other-' || i, 'main' FROM n",
    "INSERT INTO segments (id) {numbers} SELECT 1000000 + i FROM n",
    (
        "INSERT INTO branches {numbers} "
        "SELECT 'other-' || i, 'main', 1000000 + i, 1, 1, NULL, NULL, NULL, NULL, 1, 1 FROM n"
    ),
    "INSERT INTO items {numbers} SELECT 1000000 + i, 1, 1, 1, {hello} FROM n",
)
OUR_OTHERS = (
    (
        "INSERT INTO agent_log_sessions (session_id, version, branch, created_at, updated_at) {numbers} "
        "SELECT 'other-' || i, 1, 'main', 1, 1 FROM n"
    ),
    (
        "INSERT INTO agent_log_segments (session, fork_position) SELECT id, 0 FROM agent_log_sessions "
        "WHERE session_id LIKE 'other-%'"
    ),
    (
        "INSERT INTO agent_log_branches (session, name, segment, fork_position, tip, turn, floor, may_extend) "
        "SELECT g.session, 'main', g.id, 0, 1, 1, 0, 1 FROM agent_log_segments g JOIN agent_log_sessions s "
        "ON s.id = g.session WHERE s.session_id LIKE 'other-%'"
    ),
    (
        "INSERT INTO agent_log_entries (id, version, turn, kind, created_at, payload) "
        "SELECT g.id * 268435456 + 1, 1, 1, 'user', 1, {hello} FROM agent_log_segments g JOIN agent_log_sessions s "
        "ON s.id = g.session WHERE s.session_id LIKE 'other-%'"
    ),
)
SDK_OTHERS = (
    "INSERT INTO agent_sessions (session_id) {numbers} SELECT 'other-' || i FROM n",
    "INSERT INTO agent_messages (session_id, message_data) {numbers} SELECT 'other-' || i, {hello} FROM n",
    (
        "INSERT INTO message_structure (session_id, message_id, message_type, sequence_number, user_turn_number, "
        "branch_turn_number) SELECT session_id, id, 'user', 1, 1, 1 FROM agent_messages WHERE session_id LIKE 'other-%'"
    ),
)
MAKE = "INSERT INTO sessions VALUES ($1, 'main')"
MAKE_SEGMENT = "INSERT INTO segments (parent) VALUES (NULL) RETURNING id"
MAKE_BRANCH = "INSERT INTO branches VALUES ($1, 'main', $2, 0, 0, NULL, NULL, NULL, NULL, 1, 1)"
CURRENT = """
SELECT b.name, b.segment, b.tip, b.turns FROM sessions s JOIN branches b ON b.session = s.session AND b.name = s.branch
WHERE s.session = $1
"""
FORK_BEFORE = """
INSERT INTO branches
SELECT b.session, $2, b.segment, i.position - 1, i.turn - 1, NULL, b.name, i.position - 1, i.turn - 1, 2, 2
FROM sessions s JOIN branches b ON b.session = s.session AND b.name = s.branch
JOIN items i ON i.segment = b.segment AND i.turn = $3 AND i.opens = 1 WHERE s.session = $1
"""
FORK = """
INSERT INTO branches SELECT b.session, $2, b.segment, b.tip, b.turns, NULL, b.name, b.tip, b.turns, 2, 2
FROM sessions s JOIN branches b ON b.session = s.session AND b.name = s.branch WHERE s.session = $1
"""
DROP = "DELETE FROM branches WHERE session = $1 AND name = $2"
SWITCH = "UPDATE sessions SET branch = $2 WHERE session = $1"
LIST = """
SELECT name, tip, turns, forked_from, fork_position, fork_turn, redo, created_at, updated_at FROM branches
WHERE session = $1 ORDER BY created_at, name
"""
UNDO = """
UPDATE branches AS b SET redo = tip, tip = i.position - 1, turns = turns - 1 FROM items i, sessions s
WHERE s.session = $1 AND b.session = s.session AND b.name = s.branch
AND i.segment = b.segment AND i.turn = b.turns AND i.opens = 1
"""
REDO = """
UPDATE branches AS b SET tip = redo, redo = tip, turns = turns + 1 FROM sessions s
WHERE s.session = $1 AND b.session = s.session AND b.name = s.branch
"""
BETWEEN = "SELECT payload FROM items WHERE segment = $1 AND position > $2 AND position <= $3 ORDER BY position"
ADD = "INSERT INTO items (segment, position, turn, opens, payload) VALUES ($1, $2, $3, $4, $5)"
GROW = "UPDATE branches SET segment = $3, tip = $4, turns = $5, redo = NULL WHERE session = $1 AND name = $2"
OPEN_SEGMENT = "INSERT INTO segments (parent, fork_position) VALUES ($1, $2) RETURNING id"
BACK_FROM = """
SELECT payload FROM items WHERE segment = $1 AND position <= $2 AND position > $4 ORDER BY position DESC LIMIT $3
"""
ORIGIN = "SELECT parent, fork_position FROM segments WHERE id = $1"


class Branched(Protocol):
    """What the rows use of a session; all of it concerns the current branch."""

    async def add_items(self, items: list[Item]) -> None:
        """Appends."""

    async def get_items(self, limit: int | None = None) -> list[Any]:
        """The latest `limit` items."""

    async def fork(self, name: str, before: int | None = None) -> None:
        """Makes a branch at the head, or before a turn."""

    async def drop(self, name: str) -> None:
        """Removes a branch."""

    async def switch(self, name: str) -> None:
        """Makes another branch the current one."""

    async def branches(self) -> int:
        """Lists the branches; their number."""

    async def undo(self) -> Sequence[Any]:
        """Takes the last turn back; its items."""

    async def redo(self) -> Sequence[Any]:
        """Brings it back; its items."""


class Ours:
    """A session of ours, on any database."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.add_items = session.add_items
        self.get_items = session.get_items
        self.undo = session.undo
        self.redo = session.redo
        self.switch = session.branches.switch

    async def fork(self, name: str, before: int | None = None) -> None:
        """At the head, or before a turn."""
        branch = await self.session.branches.create(name, turn=before)
        assert branch.name == name

    async def drop(self, name: str) -> None:
        """Not measured."""
        await self.session.branches.delete(name)

    async def branches(self) -> int:
        """With lineages and counts."""
        return len(await self.session.branches.list())


class SDK:
    """`AdvancedSQLiteSession`, which forks by copying and switches to the copy; it has no undo."""

    def __init__(self, session_id: str, path: Path) -> None:
        from agents.extensions.memory import AdvancedSQLiteSession  # noqa: PLC0415 - only in the process of its side

        self.session = AdvancedSQLiteSession(session_id=session_id, db_path=path, create_tables=True)
        self.add_items: Any = self.session.add_items
        self.get_items: Any = self.session.get_items
        self.switch = self.session.switch_to_branch
        self.drop = self.session.delete_branch

    async def fork(self, name: str, before: int | None = None) -> None:
        """Before a turn."""
        assert before is not None
        await self.session.create_branch_from_turn(before, name)

    async def branches(self) -> int:
        """Each one's messages are counted."""
        return len(await self.session.list_branches())

    async def undo(self) -> Sequence[Any]:
        """There is none."""
        raise NotImplementedError

    redo = undo


class Limit:
    """A conversation with branches at the limit on SQLite: blocking, one connection, one transaction an operation."""

    connections: dict[Path, sqlite3.Connection] = {}  # noqa: RUF012 - shared by all objects on purpose

    def __init__(self, session_id: str, path: Path) -> None:
        self.session_id = session_id
        if path not in self.connections:
            connection = sqlite3.connect(path, isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL").fetchall()
            connection.execute("PRAGMA synchronous=FULL").fetchall()
            connection.executescript(LIMIT_SCHEMA.format(serial="INTEGER PRIMARY KEY", bytes="BLOB"))
            self.connections[path] = connection
        self.connection = self.connections[path]

    def rows(self, statement: str, *values: Any) -> list[Any]:
        """Executes one statement."""
        return self.connection.execute(numbered(statement), values).fetchall()

    async def fork(self, name: str, before: int | None = None) -> None:
        """One statement."""
        if before is None:
            self.rows(FORK, self.session_id, name)
        else:
            self.rows(FORK_BEFORE, self.session_id, name, before)

    async def drop(self, name: str) -> None:
        """Not measured."""
        self.rows(DROP, self.session_id, name)

    async def switch(self, name: str) -> None:
        """One statement."""
        self.rows(SWITCH, self.session_id, name)

    async def branches(self) -> int:
        """One statement."""
        return len(self.rows(LIST, self.session_id))

    async def undo(self) -> list[Item]:
        """One change, one select."""
        return self._moved(UNDO + "RETURNING segment, tip, redo")

    async def redo(self) -> list[Item]:
        """The same."""
        return self._moved(REDO + "RETURNING segment, redo, tip")

    def _moved(self, statement: str) -> list[Item]:
        ((segment, low, high),) = self.rows(statement, self.session_id)
        return [decode(payload) for (payload,) in self.rows(BETWEEN, segment, low, high)]

    async def add_items(self, items: list[Item]) -> None:
        """In a new segment where the tip is not the end of its own."""
        with self.connection:
            self.rows("BEGIN IMMEDIATE")
            found = self.rows(CURRENT, self.session_id)
            if not found:
                self.rows(MAKE, self.session_id)
                ((segment,),) = self.rows(MAKE_SEGMENT)
                self.rows(MAKE_BRANCH, self.session_id, segment)
                found = [("main", segment, 0, 0)]
            ((name, segment, tip, turns),) = found
            if self.rows("SELECT 1 FROM items WHERE segment = $1 AND position = $2", segment, tip + 1):
                ((segment,),) = self.rows(OPEN_SEGMENT, segment, tip)
            rows, turns = numbered_rows(items, segment, tip, turns)
            self.connection.executemany(numbered(ADD), rows)
            self.rows(GROW, self.session_id, name, segment, tip + len(items), turns)

    async def get_items(self, limit: int | None = None) -> list[Item]:
        """One statement for each segment, one for each segment's origin."""
        wanted = 1 << 40 if limit is None else limit
        ((_, segment, high, _),) = self.rows(CURRENT, self.session_id)
        items: list[Item] = []
        while segment is not None and len(items) < wanted:
            ((parent, low),) = self.rows(ORIGIN, segment)
            found = self.rows(BACK_FROM, segment, high, wanted - len(items), low or 0)
            items += [decode(payload) for (payload,) in found]
            segment, high = parent, low
        items.reverse()
        return items


_numbered: dict[str, str] = {}


def numbered(statement: str) -> str:
    """The statement with SQLite's kind of numbered parameters."""
    if statement not in _numbered:
        _numbered[statement] = re.sub(r"\$(\d)", r"?\1", statement)
    return _numbered[statement]


def numbered_rows(items: list[Item], segment: int, tip: int, turns: int) -> tuple[list[tuple[Any, ...]], int]:
    """The limit's rows for items, and the number of turns with them."""
    rows = []
    for position, item in enumerate(items, tip + 1):
        opens = int(item["role"] == "user")
        turns += opens
        rows.append((segment, position, turns, opens, encode(item)))
    return rows, turns


def opened(side: Side, session_id: str, path: Path) -> Branched:
    """A session on SQLite."""
    match side:
        case "ours":
            from sessions import SQLiteSession  # noqa: PLC0415 - only in the process of its side

            return Ours(SQLiteSession(session_id, path))
        case "sdk":
            return SDK(session_id, path)
        case _:
            return Limit(session_id, path)


def others(side: Side, count: int, hello: str) -> list[str]:
    """The statements that make other sessions of one item; `hello` is that item, as an expression."""
    texts = {"ours": OUR_OTHERS, "sdk": SDK_OTHERS}.get(side, LIMIT_OTHERS)
    return [text.format(numbers=NUMBERS.format(count=count), hello=hello) for text in texts]


def turns_of(items: list[Item], count: int) -> list[Item]:
    """`count` turns of two items: recorded messages of users, each with one of the assistant's."""
    users = [item for item in items if item["role"] == "user"]
    answers = [item for item in items if item["role"] == "assistant" and item.get("content")]
    return [kind[turn % len(kind)] for turn in range(count) for kind in (users, answers)]
