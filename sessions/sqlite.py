"""`SQLiteSession` and `AsyncSQLiteSession`: a conversation in a SQLite file, made as in the OpenAI Agents SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.db.dialect import PREFIX
from sessions.db.sqlite.backend import SQLiteBackend
from sessions.db.sqlite.opening import DEFAULT_BUSY_TIMEOUT, MEMORY
from sessions.labels import given_owner
from sessions.log.component import conversations
from sessions.log.conversation import ForeignTables
from sessions.session.base import LogSession
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from sessions.codecs import Codec
    from sessions.db.sqlite.backend import Durability
    from sessions.labels import Owner
    from sessions.protocol import Settings
    from sessions.validation import Default


class _SQLiteSession(LogSession):
    """The common base of `SQLiteSession` and `AsyncSQLiteSession`, which differ only in `close`."""

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
        owner: Owner | Default = DEFAULT,
    ) -> None:
        if isinstance(db_path, str) and "://" in db_path:
            # It would be a file in a folder called "sqlite:"; and a URL may have a password in it, which errors show.
            raise ValueError(
                "db_path must be the path of a file, not a URL. No session was made. For a URL, use "
                "open_store(url).session(id)."
            )
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
            owner=given_owner(owner),
        )
        self.db_path = db_path
        self._sqlite = sqlite

    async def aclose(self) -> None:
        """Release this object's hold on the file. The file is closed at once if no other object uses it.

        Example: ``await session.aclose()``

        Later calls on this object raise `SessionClosedError`.
        """
        await self._sqlite.aclose()


class SQLiteSession(_SQLiteSession):
    """A conversation in a SQLite file, or in memory.

    Example: ``session = SQLiteSession("user_123", "conversations.db")``

    Making one does no I/O and takes microseconds; objects with the same file share its connections. Closing is
    optional: everything that was added is already on disk.

    Args:
        session_id: The conversation's id.
        db_path: The file, made by the first operation if missing. By default a database of its own in memory.
        sessions_table: The OpenAI Agents SDK's table of sessions, if the SDK wrote the file.
        messages_table: The SDK's table of messages. A conversation found there is copied by its first operation. Our
            tables in a file belong to one such pair; for another pair, choose another `table_prefix`.
        session_settings: Defaults for reading: `SessionSettings` or a dictionary.
        durability: ``"full"``: added items survive a power loss. ``"normal"``: they survive the end of the process, but
            a power loss may take the last commits; a commit costs about a quarter.
        busy_timeout: How long to wait while other processes lock the file, in seconds or as a `timedelta`. The first
            object in this process that opens the file decides.
        strict: Raise `UndecodableItemError` for a stored item that cannot be read, instead of skipping it with a logged
            warning.
        codec: The types that items may contain and their stored form: `PlusCodec(types=[…])`; plain JSON by default.
        ttl: Time to live in seconds or as a `timedelta`. Items that this object adds expire then, for every reader;
            items that it reads are never older, even if another object added them. ``None`` keeps items until an expiry
            of their own.
        table_prefix: The prefix of our tables' names. Another prefix is another store.
        owner: The session's owner: ``"ann"``, or labels as ``("acme", "ann")``. A new session gets it. If the session
            belongs to another owner, or has none, each operation raises `OwnerError`. Leave it out to allow any.
            ``None`` is refused, as it may come from a login that failed.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of range; or, at the first operation, the file is used with another pair of
            tables.
    """

    def close(self) -> None:
        """Release this object's hold on the file. Later calls on it raise `SessionClosedError`.

        Example: ``session.close()``

        When this returns, the file alone holds everything and can be copied or deleted. If no other object uses the
        file, it stays open for at most two seconds, for a request that may follow. `aclose` closes it at once.
        """
        self._sqlite.close()


class AsyncSQLiteSession(_SQLiteSession):
    """A conversation in a SQLite file: `SQLiteSession` with an asynchronous `close`. The arguments are the same.

    Example: ``session = AsyncSQLiteSession("user_123", "conversations.db")``
    """

    async def close(self) -> None:
        """Release this object's hold on the file, as `SQLiteSession.close` does.

        Example: ``await session.close()``
        """
        await self._sqlite.close_soon()
