"""`SQLAlchemySession`: a conversation in Postgres, MariaDB or SQLite, made as in the OpenAI Agents SDK.

Made by scripts/build_blocking.py from sessions/sqlalchemy.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sessions.sqlalchemy
from sessions.blocking.driving import Part
from sessions.blocking.session.base import LogSession
from sessions.db.dialect import PREFIX
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta
    from typing import Any, Self

    from sqlalchemy.ext.asyncio import AsyncEngine

    from sessions.codecs import Codec
    from sessions.db.engines.of_loop import EngineOfLoop
    from sessions.labels import Owner
    from sessions.protocol import Settings
    from sessions.validation import Default


class SQLAlchemySession(LogSession):
    """A conversation in Postgres, MariaDB or SQLite: ``postgresql+asyncpg``, ``mysql+aiomysql``, ``sqlite+aiosqlite``.

    Example: ``session = SQLAlchemySession("user_123", engine=engine, create_tables=True)``

    Making one does no I/O. Objects with the same engine share its pool.

    Args:
        session_id: The conversation's id.
        engine: Your engine, from `create_async_engine`. It is used unchanged and never disposed.
            See docs/without-asyncio.md.
        create_tables: Create missing tables and migrate older ones at the first operation.
        sessions_table: The OpenAI Agents SDK's table of sessions, if the SDK wrote the database.
        messages_table: The SDK's table of messages. A conversation found there is copied by its first operation. Our
            tables belong to one such pair; for another pair, choose another `table_prefix` or `schema`.
        session_settings: Defaults for reading: `SessionSettings` or a dictionary.
        ensure_ascii: Ignored; payloads are UTF-8.
        strict: Raise `UndecodableItemError` for a stored item that cannot be read, instead of skipping it with a logged
            warning.
        codec: The types that items may contain and their stored form: `PlusCodec(types=[…])`; plain JSON by default.
        table_prefix: The prefix of our tables' names.
        schema: The schema of our tables; the connection's own by default.
        attempt_timeout: Seconds until one attempt of an operation is abandoned, for example because the network drops
            packets. It covers waiting for other writers and transferring data: raise it for batches that take longer.
        retry_timeout: Seconds, 0 to 600, during which an operation is retried while the database is unreachable,
            restarting, failing over or aborting transactions; then it raises. An unreachable database is logged once,
            within two seconds, as a warning with its host and port.
        ttl: Time to live in seconds. Items that this object adds expire then, for every reader; items that it reads are
            never older, even if another object added them. ``None`` keeps items until an expiry of their own.
        owner: The session's owner: ``"ann"``, or labels as ``("acme", "ann")``. A new session gets it. If the session
            belongs to another owner, or has none, each operation raises `OwnerError`. Leave it out to allow any.
            ``None`` is refused, as it may come from a login that failed.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of range, or a name cannot be the name of a table.
    """

    _async: sessions.sqlalchemy.SQLAlchemySession

    def __init__(
        self,
        session_id: str,
        *,
        engine: AsyncEngine | EngineOfLoop,
        create_tables: bool = False,
        sessions_table: str = "agent_sessions",
        messages_table: str = "agent_messages",
        session_settings: Settings | None = None,
        ensure_ascii: bool = True,
        strict: bool = False,
        codec: Codec | None = None,
        table_prefix: str = PREFIX,
        schema: str | None = None,
        attempt_timeout: float | timedelta = 60.0,
        retry_timeout: float | timedelta = 30.0,
        ttl: float | timedelta | None = None,
        owner: Owner | Default = DEFAULT,
    ) -> None:
        Part.__init__(
            self,
            sessions.sqlalchemy.SQLAlchemySession(
                session_id,
                engine=engine,
                create_tables=create_tables,
                sessions_table=sessions_table,
                messages_table=messages_table,
                session_settings=session_settings,
                ensure_ascii=ensure_ascii,
                strict=strict,
                codec=codec,
                table_prefix=table_prefix,
                schema=schema,
                attempt_timeout=attempt_timeout,
                retry_timeout=retry_timeout,
                ttl=ttl,
                owner=owner,
            ),
        )

    @classmethod
    def from_url(
        cls,
        session_id: str,
        *,
        url: str,
        engine_kwargs: Mapping[str, Any] | None = None,
        session_settings: Settings | None = None,
        **kwargs: Any,
    ) -> Self:
        """Return a session in the database at a URL.

        Example: ``session = SQLAlchemySession.from_url("user_123", url="postgresql+asyncpg://host/chat")``

        Sessions with the same URL and options share one engine, made by the first operation.

        Args:
            session_id: The conversation's id.
            url: A URL of SQLAlchemy's form, with an asynchronous driver.
            engine_kwargs: Arguments for `sqlalchemy.ext.asyncio.create_async_engine`.
            session_settings: Defaults for reading: `SessionSettings` or a dictionary.
            **kwargs: Arguments of the constructor.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: The URL or an argument is not valid.
        """
        return cls._of(
            sessions.sqlalchemy.SQLAlchemySession.from_url(
                session_id, url=url, engine_kwargs=engine_kwargs, session_settings=session_settings, **kwargs
            )
        )
