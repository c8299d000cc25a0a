"""A log without a store, with forks made by hand: the rows that a fork writes, in plain SQL."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from sessions.codecs.json import JSONCodec
from sessions.db.ids import owner_of, position_of
from sessions.db.migrations import migrate
from sessions.db.sqlite.transaction import SQLiteTransaction, texts_of
from sessions.items.calls import classify
from sessions.log.adopt.sdk import SDKSessions
from sessions.log.append import Append, Idempotency
from sessions.log.conversation import Conversation, ForeignTables
from sessions.log.core.extend import NewEntry
from sessions.log.core.heads import MAIN
from sessions.log.history.branches import ForkPlace, create_branch, delete_branch, switch_branch
from sessions.log.lifetime.remove import clear, delete
from sessions.log.pop import Pop
from sessions.log.read import ReadTail
from sessions.log.schema import LOG
from sessions.log.verify.checks import checks_of
from sessions.log.verify.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions import Finding

CODEC = JSONCodec()
TABLES = ("sessions", "segments", "branches", "entries", "appends", "changes")


def user(text: object) -> dict[str, Any]:
    return {"role": "user", "content": str(text)}


def assistant(text: object) -> dict[str, Any]:
    return {"role": "assistant", "content": str(text)}


class BareLog:
    """Sessions in memory; each operation is at a time of its own, and the times go backwards."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.tx = SQLiteTransaction(self.connection, texts=texts_of("agent_", (LOG,)))
        migrate(self.tx, (LOG,), 0)
        self._now = 1_000_000

    def append(self, *items: dict[str, Any], to: str = "s", key: str | None = None) -> None:
        entries = [
            NewEntry(payload, *kind) for payload, kind in zip(CODEC.encode_all(items), classify(items), strict=True)
        ]
        idempotency = None if key is None else Idempotency(key, CODEC.digest(items))
        Append(conversation(to), entries, self.now(), idempotency)(self.tx)

    def damage(self) -> list[Finding]:
        """Return what verification finds."""
        findings: list[Finding] = []
        for check in checks_of(Reading(CODEC, None)):
            after: str | None = ""
            while after is not None:
                page = check.page(self.tx, after)
                findings += page.findings
                after = page.after
        return findings

    def read(self, session: str = "s", limit: int | None = None) -> list[Any]:
        return self.tail(session, limit)[0]

    def tail(self, session: str = "s", limit: int | None = None) -> tuple[list[Any], list[int]]:
        """Return the items and the positions of what cannot be decoded."""
        tail = ReadTail(conversation(session), limit)(self.tx)
        assert tail is not None, "nothing waits to be taken over"
        return tail.items, tail.undecodable

    def pop(self, session: str = "s", *, strict: bool = False) -> tuple[Any, list[int]]:
        return Pop(conversation(session), self.now(), strict=strict)(self.tx)

    def clear(self, session: str = "s") -> None:
        clear(self.tx, conversation(session), self.now())

    def delete(self, session: str = "s") -> bool:
        return delete(self.tx, session, SDKSessions(ForeignTables()))

    def fork(self, name: str, position: int, turn: int, *, session: str = "s") -> None:
        """Make a branch that sees the current one up to a position; the current one goes on growing."""
        place = ForkPlace(position=position)
        create_branch(self.tx, conversation(session), self.now(), name, source=None, place=place, switch=False)
        assert self.branch(session, name)["turn"] == turn

    def switch(self, name: str, session: str = "s") -> None:
        switch_branch(self.tx, conversation(session), self.now(), name)

    def delete_branch(self, name: str, session: str = "s") -> None:
        delete_branch(self.tx, conversation(session), self.now(), name, force=False)

    def session_row(self, session: str = "s") -> dict[str, Any]:
        (row,) = self.rows(f"select * from agent_log_sessions where session_id = '{session}'")  # noqa: S608
        return row

    def branch(self, session: str = "s", name: str | None = None) -> dict[str, Any]:
        """Return a branch's row, the current one's unless named."""
        row = self.session_row(session)
        (found,) = (
            branch
            for branch in self.rows("select * from agent_log_branches")
            if (branch["session"], branch["name"]) == (row["id"], name or row["branch"])
        )
        return found

    def entries(self) -> list[dict[str, Any]]:
        """Return all entries there are, by their ids, with segment and position."""
        rows = self.rows("select * from agent_log_entries order by id")
        return [{"segment": owner_of(row["id"]), "position": position_of(row["id"]), **row} for row in rows]

    def spoil(self, *positions: int) -> None:
        """Make the entries at these positions unreadable."""
        self.connection.executemany(
            "update agent_log_entries set payload = x'ff' where id & 268435455 = ?", [(p,) for p in positions]
        )

    def sizes(self) -> dict[str, int]:
        """Return the number of rows in each table."""
        return {name: len(self.rows(f"select 1 from agent_log_{name}")) for name in TABLES}  # noqa: S608

    def rows(self, sql: str) -> list[dict[str, Any]]:
        cursor = self.connection.execute(sql)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def now(self) -> int:
        self._now -= 1
        return self._now


def conversation(session: str) -> Conversation:
    return Conversation(session, CODEC, SDKSessions(ForeignTables()))


def contents(items: Sequence[dict[str, Any]]) -> str:
    """Return what the items say, for conversations whose messages are single letters."""
    return "".join(item["content"] for item in items)


__all__ = ["MAIN", "BareLog", "assistant", "contents", "conversation", "user"]
