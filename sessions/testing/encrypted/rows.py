"""The rows of a session's database, for tests: read past the session, and altered as an attacker would."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from sessions.db.ids import owner_of, position_of
from sessions.db.transaction import Statement
from sessions.encrypted import handle_of
from sessions.log.words import EntryRow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessions.db.transaction import Transaction
    from sessions.session.base import LogSession

_TABLES: Final = (
    "sessions", "segments", "branches", "entries", "appends", "changes", "usage", "infos", "tags", "settings",
)  # fmt: skip
_OWN: Final = {"appends": "where idempotency_key >= ' '", "settings": "where name <> 'sdk_tables'"}
"""Without what a store keeps for itself: keys that go by themselves, and which tables of the SDK it belongs to."""
_ALL: Final = {
    table: Statement("All rows.", f"select * from {{{table}}} {_OWN.get(table, '')}")  # noqa: S608 - names of this module.
    for table in _TABLES
}
_ENTRIES: Final = Statement("All entries of a store.", "select {entry} from {entries} order by id")
_ENTRIES_OF: Final = Statement(
    "All entries of a session.",
    """
    select {entry} from {entries} where exists (
        select 1 from {segments} g join {sessions} s on s.id = g.session where s.session_id = :session_id
        and {entries}.id > g.id * {positions} and {entries}.id <= g.id * {positions} + {last_position}
    ) order by id
    """,
)
_SET: Final = {
    column: Statement("Alter an entry.", f"update {{entries}} set {column} = :value where id = :id")  # noqa: S608
    for column in (
        "id",
        "version",
        "turn",
        "kind",
        "tool_name",
        "author",
        "created_at",
        "expires_at",
        "format",
        "payload",
    )
}
_ADD: Final = Statement(
    "Add an entry.",
    """
    insert into {entries} ({entry})
    values (:id, :version, :turn, :kind, :tool_name, :author, :created_at, :expires_at, :format, :payload)
    """,
)
_WRAPPED_KEYS: Final = Statement(
    "A session's wrapped keys.", "select wrapped_keys from {sessions} where session_id = :session_id"
)
_SET_WRAPPED_KEYS: Final = Statement(
    "Alter wrapped keys.", "update {sessions} set wrapped_keys = :keys where session_id = :session_id"
)
_LENGTHEN: Final = Statement(
    "Let a branch end one later.",
    "update {branches} set tip = tip + 1 where session = (select id from {sessions} where session_id = :session_id)",
)


class StoredRow(EntryRow):
    """An entry as it is stored."""

    __slots__ = ()

    @property
    def place(self) -> tuple[int, int]:
        """The number of its segment, and its position."""
        return owner_of(self.id), position_of(self.id)


class Rows:
    """The tables of a database, through any unencrypted session on it."""

    def __init__(self, session: LogSession) -> None:
        self._backend = handle_of(session).backend

    async def all(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return every row of every table, byte for byte, except a store's own."""

        def read(tx: Transaction) -> dict[str, list[tuple[Any, ...]]]:
            return {name: sorted(map(_exactly, tx.all(statement)), key=repr) for name, statement in _ALL.items()}

        return await self._backend.read(read, "test")

    async def entries(self, session_id: str | None = None) -> list[StoredRow]:
        """Return the entries of a session, or of all, in the order of their ids."""

        def read(tx: Transaction) -> list[tuple[Any, ...]]:
            return tx.all(_ENTRIES) if session_id is None else tx.all(_ENTRIES_OF, session_id=session_id)

        return [StoredRow(*_exactly(row)) for row in await self._backend.read(read, "test")]

    async def set(self, id_: int, **columns: Any) -> None:
        """Alter columns of an entry."""

        def write(tx: Transaction) -> None:
            # Its id last of all: the others are found by it.
            for column in sorted(columns, key="id".__eq__):
                tx.run(_SET[column], id=id_, value=columns[column])

        await self._backend.write(write, "test")

    @asynccontextmanager
    async def altered(self, row: StoredRow, **columns: Any) -> AsyncIterator[None]:
        """Alter columns of an entry, and restore them in the end."""
        await self.set(row.id, **columns)
        yield
        await self.set(columns.get("id", row.id), **{column: getattr(row, column) for column in columns})

    @asynccontextmanager
    async def swapped(self, one: StoredRow, other: StoredRow, *columns: str) -> AsyncIterator[None]:
        """Swap columns of two entries, and restore them in the end; without any, swap their ids."""
        if not columns:
            await self._swap_ids(one.id, other.id)
            yield
            await self._swap_ids(one.id, other.id)
            return
        async with (
            self.altered(one, **{column: getattr(other, column) for column in columns}),
            self.altered(other, **{column: getattr(one, column) for column in columns}),
        ):
            yield

    async def _swap_ids(self, one: int, other: int) -> None:
        def write(tx: Transaction) -> None:
            for id_, to in ((one, -1), (other, one), (-1, other)):
                tx.run(_SET["id"], id=id_, value=to)

        await self._backend.write(write, "test")

    async def add(self, row: StoredRow) -> None:
        """Add an entry behind the last one of a session's only branch."""
        await self._backend.write(lambda tx: tx.run(_ADD, **row._asdict()), "test")

    async def lengthen(self, session_id: str) -> None:
        """Let every branch of a session end one position later."""
        await self._backend.write(lambda tx: tx.run(_LENGTHEN, session_id=session_id), "test")

    async def wrapped_keys(self, session_id: str) -> bytes | None:
        """Return a session's wrapped keys."""
        row = await self._backend.read(lambda tx: tx.one(_WRAPPED_KEYS, session_id=session_id), "test")
        return None if row is None or row[0] is None else bytes(row[0])

    async def set_wrapped_keys(self, session_id: str, keys: bytes | None) -> None:
        """Alter a session's wrapped keys."""
        await self._backend.write(lambda tx: tx.run(_SET_WRAPPED_KEYS, session_id=session_id, keys=keys), "test")


def _exactly(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row whose bytes compare as bytes, with any driver."""
    return tuple(bytes(value) if isinstance(value, (bytearray, memoryview)) else value for value in row)
