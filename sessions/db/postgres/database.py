"""A Postgres behind an engine, with transactions on asyncpg's own connections, borrowed from the engine's pool."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

import asyncpg
from sqlalchemy.util import greenlet_spawn

from sessions.db.command import SingleRead, command_of, repeatable_form
from sessions.db.component import ASYNCPG, NOT_DONE
from sessions.db.postgres.listening import Listener, ListeningWaker
from sessions.db.postgres.transaction import AsyncpgTransaction, NumberedTexts, end_what_listeners_began
from sessions.db.sqlalchemy.database import Database
from sessions.db.sqlalchemy.deadline import Deadline
from sessions.db.sqlalchemy.error_origin import outcome_of
from sessions.db.sqlalchemy.errors import Trouble, is_database_error, trouble_of
from sessions.db.sqlalchemy.planner import FEW, FOR_THIS_TRANSACTION
from sessions.db.sqlalchemy.retry import FailedError, retry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Container, Hashable, MutableMapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from sessions.db.component import Component, FastPath
    from sessions.db.sqlalchemy.polling import PollingWaker
    from sessions.db.topics import Topic
    from sessions.db.transaction import Statement, Transaction

T = TypeVar("T")

_logger = logging.getLogger("sessions")


class AsyncpgDatabase(Database):
    """`Database`, without SQLAlchemy between a transaction and the driver."""

    def __init__(self, engine: AsyncEngine, *, components: Sequence[Component] = (), **options: Any) -> None:
        super().__init__(engine, components=components, **options)
        self._numbered = NumberedTexts({**self.words, **FEW})
        self._listener = Listener(self)
        self._fast: dict[type, FastPath] = {}
        for component in components:
            if make := component.fast.get(ASYNCPG):
                self._fast.update(make(self))

    def waker(self, topic: Topic) -> PollingWaker:
        """Return a waker for a watcher of a topic."""
        return ListeningWaker(self.looks, self._listener, topic)

    async def read(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Run `work` in one snapshot, as one statement or on its fast path if it has one, and return its result."""
        fast: FastPath | None = self._single if isinstance(work, SingleRead) else self._fast.get(type(work))
        if fast is not None and not self.carried():
            await self.ensure_ours(subject)
            found = await fast(work, subject)
            if found is not NOT_DONE:
                return cast("T", found)
        return await super().read(work, subject)

    async def write(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Do `work` as one transaction, by its fast path if it has one."""
        fast = self._fast.get(type(work))
        if fast is None or self.carried():
            return await super().write(work, subject)
        await self.ensure_ours(subject, write=True)
        command = repeatable_form(work)
        done = await fast(command, subject)
        if done is NOT_DONE:
            return await super().write(command, subject)
        await self.changed(command_of(command))
        return cast("T", done)

    @property
    def known(self) -> MutableMapping[Hashable, Any]:
        """Remembered facts about the database: see `Transaction.known`."""
        return self._numbered.known

    async def _single(self, work: SingleRead[Any], subject: str) -> Any:
        """Do a read of one statement: the fast path of all of them."""
        statement, values = work.asked
        _, names = self._numbered[statement]
        rows = await self.read_rows(subject, statement, *[values[name] for name in names])
        return work.of([tuple(row) for row in rows])

    async def read_rows(self, subject: str, statement: Statement, *values: Any) -> list[Any]:
        """Return the rows of a statement that only reads, retrying if the connection is lost."""
        return await self.retried(subject, lambda: self.fetch(statement, *values, reads=True), repeatable=True)

    async def rows_unless(self, left: Container[Trouble], statement: Statement, *values: Any) -> list[Any] | None:
        """Return the rows of a statement that can be sent again; ``None`` if it failed in a way that a command handles.

        Args:
            left: The ways in which it may fail, and nothing was changed: a command says why, or waits.
            statement: As for `fetch`.
            values: As for `fetch`.
        """

        async def attempt() -> list[Any] | None:
            try:
                return await self.fetch(statement, *values)
            except FailedError as failed:
                if trouble_of(failed.error) in left:
                    return None
                raise

        return await retry(attempt, self.patience, repeatable=True)

    async def fetch(self, statement: Statement, *values: Any, reads: bool = False) -> list[Any]:
        """Return the rows of a statement that is a transaction by itself.

        Args:
            statement: The statement; it may have the words of `FEW`.
            values: Its parameters, in the order of their numbers or first names.
            reads: Whether nothing can have come of it if the connection is lost.

        Raises:
            FailedError: This attempt failed.
        """
        sent = False
        try:
            async with (
                Deadline(self.attempt_timeout, self.outage) as deadline,
                self.borrowed(deadline) as connection,
            ):
                sent = True
                text, _ = self._numbered[statement]
                return cast("list[Any]", await connection.fetch(text, *values))
        except Exception as error:
            if not is_database_error(error):
                raise
            # Any error that the server reports, except "connection exception", means that it did not commit.
            said = isinstance(error, asyncpg.PostgresError) and not isinstance(error, asyncpg.PostgresConnectionError)
            error = as_lost(error) if sent else error
            raise FailedError(error, outcome_known=said or not sent or reads) from None

    def carried(self) -> str:
        """Return the engine's feature that fast paths would bypass; log it once, because the slow paths take longer."""
        found = super().carried()
        if found and not self.pool.told:
            self.pool.told = True
            _logger.info(
                "%s: the engine has %s, so all operations go through SQLAlchemy, each by itself. That takes about "
                "twice as long as asyncpg's short ways",
                self.where,
                found,
            )
        return found

    async def _attempt(self, work: Callable[[Transaction], T], *, write: bool, seconds: float | None = None) -> T:
        if self.carried():
            return await super()._attempt(work, write=write, seconds=seconds)
        committing = False
        refused: BaseException | None = None
        try:
            async with (
                Deadline(seconds or self.attempt_timeout, self.outage) as deadline,
                self.borrowed(deadline) as connection,
            ):
                # A snapshot for several reads; for changes, the isolation that commands are written for. In one round
                # trip.
                level = "read committed" if write else "repeatable read"
                await connection.execute(f"begin isolation level {level}; {FOR_THIS_TRANSACTION}")
                try:
                    tx = AsyncpgTransaction(connection, self._numbered)
                    result, refused = await greenlet_spawn(outcome_of, work, tx)
                    committing = write and refused is None
                    await connection.execute("rollback" if refused else "commit")
                except Exception:
                    if not committing:
                        with suppress(asyncpg.InterfaceError, asyncpg.PostgresError, OSError):
                            await connection.execute("rollback")
                    raise
        except Exception as error:
            if not is_database_error(error):
                raise
            if refused is not None:
                raise refused from None
            failed = as_lost(error)
            rolled_back = trouble_of(failed) is Trouble.ROLLED_BACK
            raise FailedError(failed, outcome_known=rolled_back or not committing) from None
        if refused is not None:
            # Raised here, it does not cost the connection, which is as good as before.
            raise refused
        return cast("T", result)

    @asynccontextmanager
    async def borrowed(self, deadline: Deadline) -> AsyncIterator[Any]:
        """Borrow a connection of the engine's pool, as the driver knows it."""
        engine = self.engine
        async with self.pool.place(engine):
            pooled = await engine.raw_connection()
            while cast("Any", pooled.driver_connection).is_closed():
                # It ended while unused, as all do when the server is restarted: nothing has been sent.
                pooled.invalidate()
                pooled = await engine.raw_connection()
            try:
                deadline.connected(pooled.driver_connection)
                await end_what_listeners_began(pooled)
                yield pooled.driver_connection
            except BaseException as error:
                if is_database_error(error) and trouble_of(error) is Trouble.LOST:
                    # The pool's others lead to the same dead server. SQLAlchemy does the same, but only on its own way.
                    engine.sync_engine.pool._invalidate(pooled)  # noqa: SLF001
                elif not isinstance(error, asyncpg.PostgresError):
                    # Cancelled in the middle: it cannot be given to others.
                    pooled.invalidate()
                raise
            finally:
                connection = cast("Any", pooled.driver_connection)
                if connection is not None and connection.is_in_transaction():
                    # An end that failed, or a beginning of which a part was done: the pool would not look.
                    pooled.invalidate()
                await greenlet_spawn(pooled.close)


def as_lost(error: Exception) -> Exception:
    """Translate the driver's error for a connection that has been closed; return other errors unchanged.

    The server's message about ending an unused connection may arrive when a caller has just begun to use it. The driver
    reports this as an internal error.
    """
    closed = isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError) and not isinstance(
        error, asyncpg.ClientConfigurationError | asyncpg.OutdatedSchemaCacheError
    )
    return ConnectionError(type(error).__name__) if closed else error
