"""`SQLAlchemySession`: a conversation in any database that SQLAlchemy reaches, by the constructors people know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sessions.log.conversation import ForeignTables
from sessions.log.dialect import PREFIX
from sessions.session import LogSession
from sessions.stores.sql.backend import SQLAlchemyBackend

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


class SQLAlchemySession(LogSession):
    """A conversation behind a SQLAlchemy engine."""

    def __init__(
        self,
        session_id: str,
        *,
        engine: AsyncEngine | str,
        create_tables: bool = False,
        sessions_table: str = "agent_sessions",
        messages_table: str = "agent_messages",
        session_settings: object = None,
        ensure_ascii: bool = True,
        strict: bool = False,
        engine_kwargs: dict[str, Any] | None = None,
    ) -> None:
        del ensure_ascii
        self._sql = SQLAlchemyBackend(engine, options=engine_kwargs, create_tables=create_tables, prefix=PREFIX)
        super().__init__(
            session_id,
            self._sql,
            session_settings=session_settings,
            foreign=ForeignTables(sessions_table, messages_table),
            strict=strict,
        )

    @classmethod
    def from_url(cls, session_id: str, *, url: str, engine_kwargs: dict[str, Any] | None = None, **kwargs: Any) -> Self:
        return cls(session_id, engine=url, engine_kwargs=engine_kwargs, **kwargs)

    @property
    def engine(self) -> AsyncEngine:
        return self._sql.engine()
