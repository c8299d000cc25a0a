"""What the parts of the contract for corrections share: items, and all rows that a database has of a session."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import uuid4

import pytest

from sessions.db.transaction import Statement
from sessions.encrypted import handle_of
from sessions.log.core.entry_ids import EntryId
from sessions.log.core.heads import find_head
from sessions.log.core.reader import UNREADABLE
from sessions.log.words import EntryRow
from sessions.testing.expiry_model import MovableClock

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.session.base import LogSession
    from sessions.store.store import Store
    from sessions.testing.expiry_model import OpenStore

_ALL: Final = Statement(
    "All entries of a session, on whichever way, also expired ones.",
    """
    select {entry} from {entries} where id in (
        select e.id from {segments} g join {entries} e
        on e.id > g.id * {positions} and e.id <= g.id * {positions} + {last_position} where g.session = :session
    ) order by id
    """,
)
SECRET: Final = "hunter2"  # noqa: S105 - it is said
"""What should never have been said."""


class Stored(NamedTuple):
    """A stored entry: all its columns, with the item in place of the payload."""

    row: EntryRow
    item: Any

    @property
    def id(self) -> str:
        """The id that users see."""
        return EntryId(self.row.id, self.row.version).text

    @property
    def text(self) -> str:
        """The item as one text."""
        return json.dumps(self.item)


async def stored(session: LogSession) -> list[Stored]:
    """Return all entries that the database has of a session."""
    handle = handle_of(session)

    def read(tx: Transaction) -> list[Stored]:
        head = find_head(tx, handle.conversation)
        rows = [] if head is None else map(EntryRow._make, tx.all(_ALL, session=head.session))
        found = []
        for row in rows:
            name, payload = head.reader.open_with_name(row)  # type: ignore[union-attr]
            item = head.reader.decode_or_unreadable(payload)  # type: ignore[union-attr]
            assert item is not UNREADABLE
            found.append(Stored(row._replace(tool_name=name, payload=b""), item))
        return found

    return await handle.read(read)


async def holding(session: LogSession, text: str) -> list[str]:
    """Return the ids of all stored entries with a text in their items."""
    return [one.id for one in await stored(session) if text in one.text]


def user(text: str) -> dict[str, Any]:
    """Return a message of a user."""
    return {"role": "user", "content": text}


def said(text: str) -> dict[str, Any]:
    """Return a message of an assistant."""
    return {"role": "assistant", "content": text}


def call(call_id: str, arguments: str = "{}") -> dict[str, Any]:
    """Return a call of a function."""
    return {"type": "function_call", "call_id": call_id, "name": "look", "arguments": arguments}


def output(call_id: str, text: str = "found") -> dict[str, Any]:
    """Return the output of a call."""
    return {"type": "function_call_output", "call_id": call_id, "output": text}


def contents(items: list[Any]) -> str:
    """Return the texts of messages, and the types of other items, in one line."""
    return " ".join(item.get("content", item.get("type")) or "-" for item in items)


async def quoting(items: list[Any]) -> dict[str, Any]:
    """Summarise by repeating everything."""
    return said(f"[{contents(items)}]")


class CorrectionFixtures:
    """A store, a session of the test's own, and a clock."""

    @pytest.fixture
    def time(self, monkeypatch: pytest.MonkeyPatch) -> MovableClock:
        """Return the clock of all sessions in this test."""
        return MovableClock(monkeypatch)

    @pytest.fixture
    def store(self, open_here: OpenStore) -> Store:
        """Return a store that makes titles of first messages."""
        return open_here(title=lambda message: message["content"] or None)

    @pytest.fixture
    def session(self, store: Store) -> LogSession:
        """Return a session with an id of its own."""
        return store.session(f"session-{uuid4()}")
