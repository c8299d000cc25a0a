"""What a session on a SQLAlchemy database holds: an engine, or a URL for which each event loop has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sessions.errors import SessionClosedError
from sessions.stores.sql.engines import database_of, engine_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy.ext.asyncio import AsyncEngine

    from sessions.log.transaction import Transaction
    from sessions.stores.sql.database import Database
    from sessions.stores.sql.hot import PostgresDatabase

T = TypeVar("T")


class SQLAlchemyBackend:
    """A `Backend` on any database that SQLAlchemy reaches. Making one does no I/O."""

    def __init__(
        self,
        source: AsyncEngine | str,
        *,
        options: Mapping[str, Any] | None = None,
        create_tables: bool,
        prefix: str,
        schema: str | None = None,
    ) -> None:
        self._source = source
        self._options = dict(options or {})
        self._create_tables = create_tables
        self._prefix = prefix
        self._schema = schema
        self._closed = False

    def engine(self) -> AsyncEngine:
        """Return the engine; for a URL, that of the running event loop."""
        return engine_for(self._source, self._options) if isinstance(self._source, str) else self._source

    async def read(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Return what `work` finds in one snapshot of the database."""
        return await self._database(subject).read(work, subject)

    async def write(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Do `work` as one transaction, which is committed when this returns."""
        return await self._database(subject).write(work, subject)

    def _database(self, subject: str) -> Database | PostgresDatabase:
        if self._closed:
            raise SessionClosedError(f"{subject} has been closed; make a new object to go on")
        return database_of(self.engine(), create_tables=self._create_tables, prefix=self._prefix, schema=self._schema)
