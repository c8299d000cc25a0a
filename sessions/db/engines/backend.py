"""A hold on a database behind SQLAlchemy: by an engine, or by a URL for which each event loop has one."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, TypeVar

from sessions.db.background import BlockingWaker
from sessions.db.dialect import PREFIX
from sessions.db.engines.databases import database_of
from sessions.db.engines.elsewhere import loop_for
from sessions.db.engines.of_loop import EngineOfLoop
from sessions.db.sqlalchemy.deadline import ATTEMPT_TIMEOUT
from sessions.db.sqlalchemy.retry import MOST_RETRY_TIMEOUT, RETRY_TIMEOUT
from sessions.db.uncancelled import settle
from sessions.db.words import words
from sessions.errors import SessionClosedError
from sessions.validation import check_flags, check_seconds, check_timeout
from sessions.waits.blocking import blocked, without_loop
from sessions.waits.portal import wait_for, wait_on

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import timedelta

    from sqlalchemy.ext.asyncio import AsyncEngine

    from sessions.db import Waker
    from sessions.db.component import Component
    from sessions.db.sqlalchemy.database import Database
    from sessions.db.sqlalchemy.polling import PollingWaker
    from sessions.db.topics import Topic
    from sessions.db.transaction import Transaction

T = TypeVar("T")


class SQLAlchemyBackend:
    """A `Backend` on any database that SQLAlchemy reaches. Making one does no I/O.

    Args:
        source: An engine, which is used as it is, or a URL and options for which each event loop has one.
        create_tables: Make or migrate our tables at the first operation.
        prefix: The common prefix of our tables' names.
        schema: The schema they are in, if not the connection's own.
        attempt_timeout: Seconds after which one attempt of an operation is given up.
        retry_timeout: Seconds for which an operation is tried again.
        components: Its users: all operations are about their tables.

    Raises:
        TypeError: A time is not a number.
        ValueError: A name cannot name a table, or a time is out of range.
    """

    def __init__(
        self,
        source: AsyncEngine | EngineOfLoop,
        *,
        create_tables: bool = False,
        prefix: str = PREFIX,
        schema: str | None = None,
        attempt_timeout: float | timedelta = ATTEMPT_TIMEOUT,
        retry_timeout: float | timedelta = RETRY_TIMEOUT,
        components: Sequence[Component] = (),
    ) -> None:
        check_flags(create_tables=create_tables)
        self._components = tuple(components)
        if (prefix, schema) != (PREFIX, None):
            words([one.schema for one in self._components], "sqlite", prefix, schema)
        self._source = source
        self._create_tables = create_tables
        self._prefix = prefix
        self._schema = schema
        self._attempt_timeout = check_seconds(attempt_timeout, "attempt_timeout") / 1_000_000
        self._retry_timeout = check_timeout(retry_timeout, "retry_timeout", MOST_RETRY_TIMEOUT)
        self._closed = False
        self._used: weakref.ref[Database] | None = None
        self._wakers: weakref.WeakSet[PollingWaker] = weakref.WeakSet()

    def joined_by(self, components: Sequence[Component]) -> SQLAlchemyBackend:
        """Return a hold on the same database for more components."""
        return SQLAlchemyBackend(
            self._source,
            create_tables=self._create_tables,
            prefix=self._prefix,
            schema=self._schema,
            attempt_timeout=self._attempt_timeout,
            retry_timeout=self._retry_timeout,
            components=(*self._components, *components),
        )

    def engine(self) -> AsyncEngine:
        """Return the engine; for a URL, that of the running event loop."""
        return self._source.engine(self) if isinstance(self._source, EngineOfLoop) else self._source

    async def read(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Run `work` in one snapshot of the database and return its result."""
        self._check_open(subject)
        if blocked() is not None:
            return self.wait(lambda: self.read(work, subject), subject)
        return await self._database().read(work, subject)

    async def write(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Do `work` as one transaction, which is committed when this returns."""
        self._check_open(subject)
        if blocked() is not None:
            return self.wait(lambda: self.write(work, subject), subject)
        database = self._database()
        # It is held by its engine, which must not be held beyond its loop.
        self._used = weakref.ref(database)
        return await database.write(work, subject)

    def read_sync(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Do the same as `read`, blocking this thread.

        Raises:
            SyncCallInLoopError: This thread's event loop uses the database, and would not get on with its own
                operations.
        """
        return without_loop(self.read(work, subject))

    def write_sync(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Do the same as `write`, blocking this thread.

        Raises:
            SyncCallInLoopError: This thread's event loop uses the database, and would not get on with its own
                operations.
        """
        return without_loop(self.write(work, subject))

    def wait(self, operation: Callable[[], Awaitable[T]], subject: str) -> T:
        """Return the result of an operation on an event loop that uses the database, blocking this thread.

        Raises:
            SyncCallInLoopError: It is this thread's.
        """
        loop = loop_for(self._source, subject)
        return wait_for(operation, subject) if loop is None else wait_on(loop, operation, subject)

    def close(self) -> None:
        """Do the same as `aclose`, for callers without an event loop."""
        without_loop(self.aclose())

    async def vacuum(self, others: Sequence[str], subject: str) -> tuple[str, ...]:
        """Remove the bytes of deleted rows, as far as a client can."""
        self._check_open(subject)
        if blocked() is not None:
            return self.wait(lambda: self.vacuum(others, subject), subject)
        return await self._database().vacuum(others, subject)

    def waker(self, topic: Topic, subject: str) -> Waker:
        """Return a waker for a watcher of a topic, in the running event loop."""
        self._check_open(subject)
        if blocked() is not None:
            return BlockingWaker(self, lambda: self.waker(topic, subject), subject)
        waker = self._database().waker(topic)
        self._wakers.add(waker)
        return waker

    async def migrate(self) -> None:
        """Make our tables, or bring them up to date."""
        await self._database().ensure_schema("the database")

    async def aclose(self, *, linger: bool = False) -> None:
        """Refuse further work, and dispose of a URL's engine without another user; with `linger`, after a moment."""
        if blocked() is not None:
            self.wait(lambda: self.aclose(linger=linger), "the database")
            return
        self._closed = True
        for waker in tuple(self._wakers):
            waker.wake()
        used, self._used = self._used, None
        database = None if used is None else used()
        # Once, and in the event loop that it belongs to: an engine that was disposed would open connections again, and
        # these would never be closed.
        if database is not None and database is self._database_here():
            await database.tidy()
        if isinstance(self._source, EngineOfLoop):
            await settle(self._source.let_go(self, linger=linger))

    def _database_here(self) -> Database | None:
        """Return the database in the running event loop, if that may use the engine."""
        try:
            return self._database()
        except RuntimeError:
            return None

    def _check_open(self, subject: str) -> None:
        if self._closed:
            raise SessionClosedError(f"{subject} is closed. Nothing was done. Make a new object to continue.")

    def _database(self) -> Database:
        return database_of(
            self.engine(),
            create_tables=self._create_tables,
            prefix=self._prefix,
            schema=self._schema,
            attempt_timeout=self._attempt_timeout,
            retry_timeout=self._retry_timeout,
            components=self._components,
        )
