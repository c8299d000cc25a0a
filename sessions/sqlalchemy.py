"""`SQLAlchemySession`: a conversation in Postgres, MariaDB or SQLite, made as in the OpenAI Agents SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sessions.db.dialect import PREFIX
from sessions.db.engines.backend import SQLAlchemyBackend
from sessions.db.engines.of_loop import EngineOfLoop
from sessions.labels import given_owner
from sessions.log.component import conversations
from sessions.log.conversation import ForeignTables
from sessions.session.base import LogSession
from sessions.tables import metadata, migrate, migration_numbers, note_migrations
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from sqlalchemy.ext.asyncio import AsyncEngine

    from sessions.codecs import Codec
    from sessions.labels import Owner
    from sessions.protocol import Settings
    from sessions.validation import Default

__all__ = ["SQLAlchemySession", "metadata", "migrate", "migration_numbers", "note_migrations"]


class SQLAlchemySession(LogSession):
    """A conversation in Postgres, MariaDB or SQLite: ``postgresql+asyncpg``, ``mysql+aiomysql``, ``sqlite+aiosqlite``.

    Example: ``session = SQLAlchemySession("user_123", engine=engine, create_tables=True)``

    Making one does no I/O. Objects with the same engine share its pool.

    Args:
        session_id: The conversation's id.
        engine: Your engine, from `create_async_engine`. It is used unchanged and never disposed. Engine and session
            belong to one event loop.
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
        del ensure_ascii
        if not (isinstance(engine, EngineOfLoop) or hasattr(engine, "sync_engine")):
            remedy = (
                "For a URL, use from_url(session_id, url=…)."
                if isinstance(engine, str)
                else "Make it with sqlalchemy.ext.asyncio.create_async_engine(url)."
            )
            raise TypeError(
                f"engine must be an AsyncEngine, not {type(engine).__name__}. No session was made. {remedy}"
            )
        foreign = ForeignTables(sessions_table, messages_table).check(table_prefix)
        self._sql = SQLAlchemyBackend(
            engine,
            create_tables=create_tables,
            prefix=table_prefix,
            schema=schema,
            attempt_timeout=attempt_timeout,
            retry_timeout=retry_timeout,
            components=[conversations(foreign)],
        )
        super().__init__(
            session_id,
            self._sql,
            session_settings=session_settings,
            foreign=foreign,
            strict=strict,
            codec=codec,
            ttl=ttl,
            owner=given_owner(owner),
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
        """Return a session in the database at a URL, usable from any event loop.

        Example: ``session = SQLAlchemySession.from_url("user_123", url="postgresql+asyncpg://host/chat")``

        Sessions with the same URL and options share one engine in each event loop, made by the first operation.

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
        return cls(
            session_id,
            engine=EngineOfLoop(url, engine_kwargs),
            session_settings=session_settings,
            **kwargs,
        )

    async def close(self) -> None:
        """Release this object's hold on the database. Later calls on it raise `SessionClosedError`.

        Example: ``await session.close()``

        An engine made for a URL stays open for at most two more seconds, so closing a session after each request costs
        nothing; `aclose` ends it at once. An engine of your own is never closed.
        """
        await self._sql.aclose(linger=True)

    async def aclose(self) -> None:
        """Release this object's hold on the database. An engine made for a URL ends at once if no other object uses it.

        Example: ``await session.aclose()``
        """
        await self._sql.aclose()

    @property
    def engine(self) -> AsyncEngine:
        """Get the engine; for a session from a URL, the engine of the running event loop.

        Example: ``pool = session.engine.pool``
        """
        return self._sql.engine()
