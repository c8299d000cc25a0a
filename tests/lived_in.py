"""New databases are lived-in: their ids begin near the end of the numbers, and contracts find another's entries.

So every test that makes its tables in its own process also shows that no statement takes a number for a small one or
computes a number beyond 64 bits, and contracts show that none touches a session that it is not about.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import sessions.db.sqlalchemy.database
import sessions.db.sqlite.tables
from sessions.clock import NEVER
from sessions.db.dialect import POSTGRES
from sessions.db.ids import MAX_OWNER, MAX_POSITION, POSITION_BITS
from sessions.db.migrations import migrate
from sessions.db.transaction import Statement
from sessions.log.core.item_keys import RAW
from sessions.log.schema import LOG, MAX_SESSION
from sessions.memory.schema import MAX_SPACE, MEMORY

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from sessions.db.schema import Schema
    from sessions.db.transaction import Transaction

_LEFT: Final = 1 << 24
"""How many ids are left for tests."""

SESSION: Final = MAX_SESSION - _LEFT
"""The internal id of the session that is there; those of new ones follow."""

SEGMENT: Final = MAX_OWNER - _LEFT
"""Its segment."""

SPACE: Final = MAX_SPACE - _LEFT
"""The number of a namespace that is there."""

_TIP: Final = MAX_POSITION - 1
_VALUES: Final[dict[str, Any]] = {
    "session": SESSION,
    "session_id": "a session that was there before",
    "segment": SEGMENT,
    "tip": _TIP,
    "entry": (SEGMENT << POSITION_BITS) + _TIP,
    "version": 1 << 40,
    "lease": SESSION << 24,
    # It is never too old for a test of purging.
    "never": NEVER,
    "payload": b'{"role":"user","content":"theirs"}',
    "digest": bytes(RAW),
    "space": SPACE,
    "path": "theirs\x01",
    "memory": (SPACE << POSITION_BITS) + _TIP,
}

_FIRST = Statement("A session.", "select 1 from {sessions} limit 1")
_FILL = (
    Statement(
        "A session.",
        """
        insert into {sessions} (id, session_id, version, branch, created_at, updated_at, leases, keyed)
        values (:session, :session_id, :version, 'main', 1, 1, :lease, 1)
        """,
    ),
    Statement(
        "Its segment.",
        "insert into {segments} (id, session, parent, fork_position, holes) values (:segment, :session, null, 0, 1)",
    ),
    Statement(
        "Its branch.",
        """
        insert into {branches} (session, name, segment, fork_position, tip, turn, floor, may_extend, made_in)
        values (:session, 'main', :segment, 0, :tip, :tip, 0, 1, 1)
        """,
    ),
    Statement(
        "Its last entry.",
        """
        insert into {entries} (id, version, turn, kind, created_at, payload)
        values (:entry, :version, :tip, 'user', :never, :payload)
        """,
    ),
    Statement(
        "The key of its item.",
        """
        insert into {item_keys} (item_key, session, entry, branch, version, digest, until, due)
        values ('a', :session, :entry, 0, :version, :digest, 1, :never)
        """,
    ),
)
# SQLite and MariaDB go on behind the highest id by themselves.
_GO_ON = (
    Statement(
        "Ids of sessions.",
        "select 1",
        {POSTGRES: f"alter table {{sessions}} alter column id restart with {SESSION + 1}"},
    ),
    Statement(
        "Ids of segments.",
        "select 1",
        {POSTGRES: f"alter table {{segments}} alter column id restart with {SEGMENT + 1}"},
    ),
)
_LEAVE = (
    # Tests list the sessions that they have made, so this one is in no list.
    Statement("The session.", "delete from {sessions}"),
    Statement("The branch.", "delete from {branches}"),
    Statement("The segment.", "delete from {segments}"),
    Statement("The entry.", "delete from {entries}"),
    Statement("Its key.", "delete from {item_keys}"),
)


_FIRST_SPACE = Statement("A namespace.", "select 1 from {spaces} limit 1")
_FILL_MEMORY = (
    Statement(
        "A namespace.",
        """
        insert into {spaces} (id, path, version, last, removed, created_at, updated_at)
        values (:space, :path, :version, :tip, 1, 1, 1)
        """,
    ),
    Statement(
        "Its last memory.",
        """
        insert into {memories} (id, space, name, version, created_at, updated_at, expires_at, ttl, payload)
        values (:memory, :space, 'k', :version, 1, 1, :never, 1, :payload)
        """,
    ),
)
_GO_ON_WITH_SPACES = Statement(
    "Numbers of namespaces.",
    "select 1",
    {POSTGRES: f"alter table {{spaces}} alter column id restart with {SPACE + 1}"},
)
_LEAVE_MEMORY = (
    Statement("The namespace.", "delete from {spaces}"),
    Statement("The memory.", "delete from {memories}"),
)


def move_in(monkeypatch: pytest.MonkeyPatch, *, stays: bool) -> None:
    """Have the databases that this process makes be lived-in; what was there before `stays`, or is gone."""
    live = partial(_live_in, stays=stays)
    monkeypatch.setattr(sessions.db.sqlalchemy.database, "migrate", live)
    monkeypatch.setattr(sessions.db.sqlite.tables, "migrate", live)


def _live_in(tx: Transaction, schemas: Sequence[Schema], now: int, where: str = "", *, stays: bool) -> None:
    """Migrate, and fill a database in which there is no session, and no memory."""
    migrate(tx, schemas, now, where)
    if LOG in schemas and tx.one(_FIRST) is None:
        _fill(tx, _FILL)
        for statement in (*_GO_ON, *_LEAVE[: 1 if stays else None]):
            tx.run(statement)
    if MEMORY in schemas and tx.one(_FIRST_SPACE) is None:
        _fill(tx, _FILL_MEMORY)
        for statement in (_GO_ON_WITH_SPACES, *(() if stays else _LEAVE_MEMORY)):
            tx.run(statement)


def _fill(tx: Transaction, statements: Sequence[Statement]) -> None:
    for statement in statements:
        # What a statement has no parameter for, SQLite's driver would refuse.
        used = {name: value for name, value in _VALUES.items() if re.search(f":{name}\\b", statement.sql)}
        tx.run(statement, **used)
