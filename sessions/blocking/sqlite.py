"""`SQLiteSession`: a conversation in a SQLite file, made as in the OpenAI Agents SDK.

Made by scripts/build_blocking.py from sessions/sqlite.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sessions.sqlite
from sessions.blocking.driving import Part
from sessions.blocking.session.base import LogSession
from sessions.db.dialect import PREFIX
from sessions.db.sqlite.opening import DEFAULT_BUSY_TIMEOUT, MEMORY
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from sessions.codecs import Codec
    from sessions.db.sqlite.backend import Durability
    from sessions.labels import Owner
    from sessions.protocol import Settings
    from sessions.validation import Default


class SQLiteSession(LogSession):
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

    _async: sessions.sqlite.SQLiteSession

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
        Part.__init__(
            self,
            sessions.sqlite.SQLiteSession(
                session_id,
                db_path,
                sessions_table,
                messages_table,
                session_settings,
                durability=durability,
                busy_timeout=busy_timeout,
                strict=strict,
                codec=codec,
                ttl=ttl,
                table_prefix=table_prefix,
                owner=owner,
            ),
        )
