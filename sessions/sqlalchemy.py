"""`SQLAlchemySession`: a conversation in any database that SQLAlchemy reaches, by the constructors people know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sessions.db.dialect import PREFIX
from sessions.db.engines.backend import SQLAlchemyBackend
from sessions.db.engines.of_loop import EngineOfLoop
from sessions.log.component import conversations
from sessions.log.conversation import ForeignTables
from sessions.session.base import LogSession
from sessions.tables import metadata, migrate, migration_numbers, note_migrations

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from sqlalchemy.ext.asyncio import AsyncEngine

    from sessions.codecs import Codec
    from sessions.protocol import Settings

__all__ = ["SQLAlchemySession", "metadata", "migrate", "migration_numbers", "note_migrations"]


class SQLAlchemySession(LogSession):
    """A conversation in Postgres, MariaDB or SQLite: ``postgresql+asyncpg``, ``mysql+aiomysql``, ``sqlite+aiosqlite``.

    Making one does no I/O. Objects with the same engine share its pool.

    Args:
        session_id: The conversation's id.
        engine: Your engine, used as it is and never disposed. It belongs to one event loop, and so does the session.
        create_tables: Make or migrate our tables at the first operation, if they are missing or older.
        sessions_table: The OpenAI Agents SDK's table of sessions, if the database is one of its own.
        messages_table: Its table of messages. A conversation found there is taken over at the first operation. Our
            tables belong to one such pair: for another pair, choose another `table_prefix` or `schema`.
        session_settings: How the session is read when the caller does not say: settings or a dictionary.
        ensure_ascii: Without effect; payloads are UTF-8.
        strict: Raise `UndecodableItemError` for a stored item that cannot be read, rather than leave it out and log
            a warning.
        codec: What items may hold, and how they are written: `PlusCodec(types=[…])`; plain JSON if not given.
        table_prefix: What the names of our tables begin with.
        schema: The schema they are in, if not the connection's own.
        attempt_timeout: Seconds after which one attempt of an operation is given up, as when a network swallows
            packets. It covers waiting for other writers, and sending or reading everything: raise it for batches
            that take longer.
        retry_timeout: Seconds for which an operation is tried again while the database cannot be reached, restarts or
            fails over, or gives transactions up; 0 to 600. Then it raises. What cannot be reached is logged once, as a
            warning that names host and port, within two seconds.
        ttl: Seconds after which an item is gone: what this object adds expires then, for every reader, and what it
            reads is never older, whoever added it. ``None``: for ever, but for what was added with an expiry.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of range, or a name cannot name a table.
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
    ) -> None:
        del ensure_ascii
        if not (isinstance(engine, EngineOfLoop) or hasattr(engine, "sync_engine")):
            hint = "; for a URL there is from_url(session_id, url=…)" if isinstance(engine, str) else ""
            raise TypeError(f"engine must be an AsyncEngine, not {type(engine).__name__}{hint}")
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
        """Return a session in the database at a URL, from any event loop.

        Sessions with the same URL and options share one engine in each event loop, made at the first operation.

        Args:
            session_id: The conversation's id.
            url: Of SQLAlchemy's form, with an asynchronous driver.
            engine_kwargs: Passed to `sqlalchemy.ext.asyncio.create_async_engine`.
            session_settings: How the session is read when the caller does not say.
            **kwargs: Passed to the constructor.
        """
        return cls(
            session_id,
            engine=EngineOfLoop(url, engine_kwargs),
            session_settings=session_settings,
            **kwargs,
        )

    async def close(self) -> None:
        """Give up this object's hold on the database. Later calls on it raise `SessionClosedError`.

        The engine for a URL then lingers for two seconds at most, so closing each session after its request costs
        nothing; `aclose` does not wait for that. An engine of your own is left as it is.

        Example: ``await session.close()``
        """
        await self._sql.aclose(linger=True)

    async def aclose(self) -> None:
        """Do as `close` does, and end the engine for a URL at once if no other object holds it."""
        await self._sql.aclose()

    @property
    def engine(self) -> AsyncEngine:
        """The engine; of a session from a URL, that of the running event loop."""
        return self._sql.engine()
