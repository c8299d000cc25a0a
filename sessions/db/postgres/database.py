"""A Postgres behind an engine, with transactions on asyncpg's own connections, borrowed from the engine's pool."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

import asyncpg
from sqlalchemy.util import greenlet_spawn

from sessions.db.postgres.planner import FOR_THIS_TRANSACTION
from sessions.db.postgres.transaction import AsyncpgTransaction, NumberedTexts
from sessions.db.sqlalchemy.database import Database
from sessions.db.sqlalchemy.deadline import Deadline
from sessions.db.sqlalchemy.error_origin import outcome_of
from sessions.db.sqlalchemy.errors import Trouble, is_database_error, trouble_of
from sessions.db.sqlalchemy.retry import FailedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sessions.db.transaction import Transaction

T = TypeVar("T")

_logger = logging.getLogger("sessions")


class AsyncpgDatabase(Database):
    """`Database`, without SQLAlchemy between a transaction and the driver."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._numbered = NumberedTexts(self.words)

    def carried(self) -> str:
        """Return what the engine carries that the short ways would pass by; say so once, as the others take longer."""
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
                # A snapshot for several reads; for changes, what the log is written for. In one round trip.
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
                # It ended while nobody used it, as all do when the server is restarted: nothing has been sent.
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


async def end_what_listeners_began(pooled: Any) -> None:
    """Commit what a listener of the engine's has executed when the connection was made, as SET, and left open.

    What we do in that transaction would be rolled back when the connection is given back, and is told to nobody before.
    """
    if pooled.driver_connection.is_in_transaction():
        await greenlet_spawn(pooled.dbapi_connection.commit)


def as_lost(error: Exception) -> Exception:
    """Return the driver's words for a connection that was closed meanwhile as what they are; other errors as they are.

    What the server says when it ends a connection that nobody uses may come when somebody has just begun to use it; to
    the driver, that is an internal error.
    """
    closed = isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError) and not isinstance(
        error, asyncpg.ClientConfigurationError | asyncpg.OutdatedSchemaCacheError
    )
    return ConnectionError(type(error).__name__) if closed else error
