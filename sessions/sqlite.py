"""`SQLiteSession` and `AsyncSQLiteSession`: a conversation in a SQLite file, by the constructors people know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.db.dialect import PREFIX
from sessions.db.sqlite.backend import SQLiteBackend
from sessions.db.sqlite.opening import DEFAULT_BUSY_TIMEOUT, MEMORY
from sessions.log.component import conversations
from sessions.log.conversation import ForeignTables
from sessions.session.base import LogSession

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from sessions.codecs import Codec
    from sessions.db.sqlite.backend import Durability
    from sessions.protocol import Settings


class _SQLiteSession(LogSession):
    """What `SQLiteSession` and `AsyncSQLiteSession` share: all but how they are closed."""

    def __init__(
        self,
        session_id: str,
        db_path: str | Path = MEMORY,
        sessions_table: str = "agent_sessions",
        messages_table: str = "agent_messages",
        session_settings: Settings | None = None,
        *,
        durability: Durability = "full",
        busy_timeout: float | timedelta = DEFAULT_BUSY_TIMEOUT,
        strict: bool = False,
        codec: Codec | None = None,
        ttl: float | timedelta | None = None,
        table_prefix: str = PREFIX,
    ) -> None:
        if isinstance(db_path, str) and "://" in db_path:
            # It would be a file in a folder called "sqlite:"; and a URL may have a password in it, which errors show.
            raise ValueError("db_path must be the path of a file, not a URL; for URLs there is open_store(url)")
        foreign = ForeignTables(sessions_table, messages_table).check(table_prefix)
        sqlite = SQLiteBackend(
            db_path,
            durability=durability,
            busy_timeout=busy_timeout,
            prefix=table_prefix,
            components=[conversations(foreign)],
        )
        super().__init__(
            session_id,
            sqlite,
            session_settings=session_settings,
            foreign=foreign,
            strict=strict,
            codec=codec,
            ttl=ttl,
        )
        self.db_path = db_path
        self._sqlite = sqlite

    async def aclose(self) -> None:
        """Give up this object's hold on the file, and close the file at once if nobody else uses it.

        Later calls on this object raise `SessionClosedError`.
        """
        await self._sqlite.aclose()


class SQLiteSession(_SQLiteSession):
    """A conversation in a SQLite file, or in memory.

    Making one does no I/O and costs microseconds; objects with the same file share its connections. Closing is
    optional: a program that closes nothing loses nothing.

    Args:
        session_id: The conversation's id.
        db_path: The file; it is made at the first operation if there is none. Without it the conversation is in a
            database in memory of its own.
        sessions_table: The OpenAI Agents SDK's table of sessions, if the file is one of its own.
        messages_table: Its table of messages. A conversation found there is taken over at the first operation. Our
            tables in a file belong to one such pair: for another pair, choose another `table_prefix`.
        session_settings: How the session is read when the caller does not say: settings or a dictionary.
        durability: ``"full"``: what was added survives the loss of power. ``"normal"``: it survives the end of the
            process, but the loss of power may take the last commits; commits cost about a quarter.
        busy_timeout: How long to wait, in seconds or as a `timedelta`, while other processes hold the file. The first
            object in this process that opens the file decides.
        strict: Raise `UndecodableItemError` for a stored item that cannot be read, rather than leave it out and log
            a warning.
        codec: What items may hold, and how they are written: `PlusCodec(types=[…])`; plain JSON if not given.
        ttl: Seconds or a `timedelta` after which an item is gone: what this object adds expires then, for every reader,
            and what it reads is never older, whoever added it. ``None``: for ever, except what was added with an
            expiry.
        table_prefix: What the names of our tables begin with. Sessions with another prefix are another store.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of range; at the first operation, the file is used with another pair of tables.
    """

    def close(self) -> None:
        """Give up this object's hold on the file. Later calls on it raise `SessionClosedError`.

        When this returns, the file alone holds everything, and may be copied or deleted. If nobody else uses the file,
        it stays open for two seconds at most, since the next request may come soon. `aclose` closes it at once.
        """
        self._sqlite.close()


class AsyncSQLiteSession(_SQLiteSession):
    """`SQLiteSession` with a `close` to await. The arguments are the same."""

    async def close(self) -> None:
        """Give up this object's hold on the file; see `SQLiteSession.close`."""
        await self._sqlite.close_soon()
