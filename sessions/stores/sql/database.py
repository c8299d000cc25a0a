"""One database behind a SQLAlchemy engine: schema checked once, transactions tried again where that is safe."""

from __future__ import annotations

import asyncio
import weakref
from contextlib import nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar, cast

from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from sessions.clock import now
from sessions.errors import StoreError
from sessions.log.append import Append
from sessions.log.conversation import ForeignTables
from sessions.log.dialect import MARIADB, POSTGRES, PREFIX, SQLITE, words
from sessions.log.erase import Scrub
from sessions.log.lease import SetLease, TakeLease
from sessions.log.schema import migrate, schema_is_current
from sessions.log.table_pair import claim, is_ours
from sessions.log.usage import Record
from sessions.stores.settle import settle
from sessions.stores.sql.deadline import ATTEMPT_TIMEOUT, MIGRATION_TIMEOUT, Deadline
from sessions.stores.sql.errors import TablesGoneError, Trouble, is_database_error, trouble_of
from sessions.stores.sql.few import FOR_THIS_TRANSACTION
from sessions.stores.sql.forks import use
from sessions.stores.sql.keys import is_automatic, with_key
from sessions.stores.sql.mariadb import check_packet
from sessions.stores.sql.outage import Outage
from sessions.stores.sql.outcome import outcome_of
from sessions.stores.sql.polling import Looks, PollingWaker
from sessions.stores.sql.retry import RETRY_TIMEOUT, FailedError, Patience, retry
from sessions.stores.sql.scrub import pending_on_server, scrub_file, tables_with_content
from sessions.stores.sql.transaction import SQLAlchemyTransaction, Texts
from sessions.stores.sql.urls import address, file_of, place
from sessions.stores.sqlite.opening import identify
from sessions.stores.upkeep import Upkeep

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from sessions.log.transaction import Transaction

T = TypeVar("T")

_REPEATABLE: Final = (Record, TakeLease, SetLease)
"""Changes that tell by themselves whether they were done."""

_FILE: Final = "sessions_file"
"""Which file a connection to SQLite has open, in its `info`."""

_UPKEEP_WITHIN: Final = 5.0
"""Seconds for what is done beside some changes."""

_SECURE: Final = "sessions_secure_delete"
"""What a connection's `info` says once SQLite overwrites on it what is deleted."""


class Database:
    """A database behind an engine. Used from one event loop, as its engine is."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        create_tables: bool,
        prefix: str = PREFIX,
        schema: str | None = None,
        attempt_timeout: float = ATTEMPT_TIMEOUT,
        retry_timeout: float = RETRY_TIMEOUT,
        foreign: ForeignTables | None = None,
    ) -> None:
        self._foreign = foreign or ForeignTables()
        self._is_ours = False
        self._engine = weakref.ref(engine)
        self._create_tables = create_tables
        self.where = place(engine.url)
        self.outage = Outage(address(engine.url), retry_timeout)
        self.patience = Patience(self.where, retry_timeout, self.outage)
        # SQLAlchemy knows the same dialect by two names: mysql+aiomysql:// and mariadb+aiomysql://.
        self._name = MARIADB if engine.dialect.name == "mariadb" else engine.dialect.name
        # Between us and SQLite there is no network.
        self.attempt_timeout = None if self._name == SQLITE else attempt_timeout
        self._prefix = prefix
        # As the command line takes them.
        self._names = f" --table-prefix {prefix}" * (prefix != PREFIX) + f" --schema {schema}" * (schema is not None)
        self._table_names = tables_with_content(prefix, schema)
        self._texts = Texts(self._name, prefix, schema)
        self.words = words(self._name, prefix, schema)
        self._autocommit = getattr(engine.dialect, "_on_connect_isolation_level", None) == "AUTOCOMMIT"
        self.looks = Looks(self)
        self._upkeep = Upkeep()
        self._schema_ready = False
        self._schema_lock = asyncio.Lock()
        # SQLite has one writer. In memory, all share one connection, so readers wait too.
        self._write_lock = asyncio.Lock() if self._name == SQLITE else None
        self._in_memory = isinstance(engine.pool, StaticPool)
        self._read_lock = self._write_lock if self._in_memory else None
        self._path = file_of(engine.url) if self._name == SQLITE else None

    @property
    def engine(self) -> AsyncEngine:
        """The engine. It is held by who uses the database, which is held by the engine."""
        engine = self._engine()
        if engine is None:
            raise RuntimeError("the engine of this database is gone")
        return engine

    async def read(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Return what `work` finds in one snapshot."""
        await self.ensure_ours(subject)
        return await self._found(work, subject)

    async def _found(self, work: Callable[[Transaction], T], subject: str) -> T:
        found = self.retried(subject, lambda: self._attempt(work, write=False), repeatable=True)
        # The thread of a cancelled read would go on, and keep the file locked.
        return await (settle(found) if self._name == SQLITE else found)

    async def write(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Do `work` as one transaction."""
        await self.ensure_ours(subject, write=True)
        if isinstance(work, Scrub):
            return cast("T", await settle(self._scrub(work, subject)))
        if not isinstance(work, Append):
            attempted = self.retried(
                subject, lambda: self._attempt(work, write=True), repeatable=isinstance(work, _REPEATABLE)
            )
            done = await settle(attempted)
            await self._keep_up()
            return done
        keyed = work if self._name == SQLITE else with_key(work)
        repeatable = keyed.idempotency is not None

        def append(tx: Transaction) -> None:
            if self._name == MARIADB:
                check_packet(tx, keyed, self.where)
            keyed(tx)

        appended = self.retried(subject, lambda: self._attempt(append, write=True), repeatable=repeatable)
        await settle(appended)
        await self.changed(keyed)
        return cast("T", None)

    async def changed(self, append: Append) -> None:
        """Note that an append is done and its answer has come, and do what is done beside some changes."""
        if append.idempotency and self._name == POSTGRES and is_automatic(append.idempotency.key):
            self._upkeep.settled(append.conversation.session_id, append.idempotency.key)
        self._upkeep.note(append)
        await self._keep_up()

    async def _keep_up(self) -> None:
        if self._upkeep.is_due():
            # What is not done now is done another time, and is nothing to the caller.
            with suppress(FailedError):
                await settle(self._attempt(self._upkeep, write=True, seconds=_UPKEEP_WITHIN))

    async def tidy(self) -> None:
        """Do what is due before the engine is let go, if something was added here that expires."""
        if self._upkeep.has_expiring:
            # What cannot be done now is done by whoever changes the database next.
            with suppress(Exception):
                await settle(self._attempt(self._upkeep.at_the_end, write=True, seconds=_UPKEEP_WITHIN))

    def waker(self, session_id: str) -> PollingWaker:
        """Return what wakes one who watches a session."""
        return PollingWaker(self.looks, session_id)

    async def _scrub(self, work: Scrub, subject: str) -> tuple[str, ...]:
        if self._name != SQLITE:
            return pending_on_server(self._name, self._table_names, work.tables)
        async with self._write_lock or nullcontext():
            return await self.retried(subject, self._scrub_file, repeatable=True)

    async def _scrub_file(self) -> tuple[str, ...]:
        try:
            async with self.engine.connect() as connection:
                return await connection.run_sync(partial(scrub_file, path=self.engine.url.database))
        except Exception as error:
            if not is_database_error(error):
                raise
            raise FailedError(error, outcome_known=True) from None

    async def retried(self, subject: str, attempt: Callable[[], Awaitable[T]], *, repeatable: bool) -> T:
        """Return the result of an attempt that succeeds; see `retry`.

        If tables are missing that were there, the schema is looked at again, and then it is tried once more.
        """
        try:
            return await self._retried(subject, attempt, repeatable=repeatable)
        except TablesGoneError:
            self._schema_ready = False
        await self.ensure_schema(subject)
        try:
            return await self._retried(subject, attempt, repeatable=repeatable)
        except TablesGoneError as error:
            raise StoreError(
                f"{error}. The table agent_log_schema, or that of your prefix, says that they are there: restore them "
                "from a backup, or drop all of our tables"
            ) from None

    async def _retried(self, subject: str, attempt: Callable[[], Awaitable[T]], *, repeatable: bool) -> T:
        try:
            return await retry(attempt, self.patience, repeatable=repeatable)
        except StoreError as error:
            raise error.about(subject) from None

    async def _attempt(self, work: Callable[[Transaction], T], *, write: bool, seconds: float | None = None) -> T:
        limit = None if self.attempt_timeout is None else seconds or self.attempt_timeout
        lock = self._write_lock if write else self._read_lock
        async with lock or nullcontext():
            committing = False
            refused: BaseException | None = None
            try:
                async with Deadline(limit, self.outage) as deadline, self.engine.connect() as connection:
                    deadline.connected((await connection.get_raw_connection()).driver_connection)
                    try:
                        await self._begin(connection, write=write)
                        result, refused = await connection.run_sync(
                            lambda c: outcome_of(work, SQLAlchemyTransaction(c, self._texts))
                        )
                        if refused is not None:
                            await connection.rollback()
                        else:
                            committing = write
                            await connection.commit()
                    except DBAPIError as error:
                        if trouble_of(error) is Trouble.LOST and not error.connection_invalidated:
                            # The server is up but takes no writes; the pool should not hand this connection out again.
                            await connection.invalidate()
                        raise
            except Exception as error:
                if refused is not None:
                    raise refused from None
                if not is_database_error(error):
                    raise
                rolled_back = trouble_of(error) is Trouble.ROLLED_BACK
                # Nothing is committed on a SQLite file that was closed, as for a fork.
                known = rolled_back or not committing or self._name == SQLITE
                raise FailedError(error, outcome_known=known) from None
        if refused is not None:
            raise refused
        return cast("T", result)

    async def _begin(self, connection: AsyncConnection, *, write: bool) -> None:
        if self._name == SQLITE:
            raw = await connection.get_raw_connection()
            known = raw.info
            if not self._in_memory:
                file = None if self._path is None else identify(self._path)
                if _FILE not in known:
                    use(raw.driver_connection, str(self._path or self.engine.url.database), self.engine.pool)
                    known[_FILE] = file
                elif known[_FILE] != file:
                    # What is written to a file that was replaced or deleted is read by nobody.
                    await connection.invalidate()
                    raise FailedError(ConnectionResetError(), outcome_known=True)
            if write and _SECURE not in known:
                await connection.exec_driver_sql("pragma secure_delete = on")
                known[_SECURE] = True
            # Python's sqlite3 would begin only before the first change, and SQLite would then not wait for others.
            await connection.exec_driver_sql("begin immediate" if write else "begin")
        elif self._name == POSTGRES:
            # A snapshot for several reads; for changes, what the log is written for. Both, whatever the engine's own.
            await connection.execution_options(isolation_level="READ COMMITTED" if write else "REPEATABLE READ")
            await connection.exec_driver_sql(FOR_THIS_TRANSACTION)
        else:
            # Not by `execution_options`, which costs four round trips, and fails on a connection that has ended.
            level = "read committed" if write else "repeatable read"
            await connection.exec_driver_sql(f"set transaction isolation level {level}")
            if self._autocommit:
                await connection.exec_driver_sql("start transaction")

    async def ensure_ours(self, subject: str, *, write: bool = False) -> None:
        """Check the schema and the SDK's tables that the log belongs to, once; note these before the first change.

        Raises:
            ValueError: It belongs to another pair of them.
        """
        await self.ensure_schema(subject)
        if self._is_ours:
            return
        noted = partial(is_ours, tables=self._foreign, subject=subject)
        self._is_ours = await self._found(noted, subject)
        if write and not self._is_ours:
            note = partial(claim, tables=self._foreign, subject=subject)
            await settle(self.retried(subject, lambda: self._attempt(note, write=True), repeatable=True))
            self._is_ours = True

    async def ensure_schema(self, subject: str) -> None:
        """Check the schema, once, and make the tables if that was asked for."""
        if self._schema_ready:
            return
        async with self._schema_lock:
            if self._schema_ready:
                return
            self._is_ours = False
            check = partial(schema_is_current, where=self.where, prefix=self._prefix)
            checked = self._retried(subject, lambda: self._attempt(check, write=False), repeatable=True)
            if not await (settle(checked) if self._name == SQLITE else checked):
                if not self._create_tables:
                    raise StoreError(
                        f"{subject}: {self.where} lacks our tables, or has older ones; nothing was changed. Run "
                        f"`python -m sessions migrate{self._names} URL`, or pass create_tables=True"
                    )
                await settle(self._retried(subject, self._migrate, repeatable=True))
            self._schema_ready = True

    async def _migrate(self) -> None:
        await self._attempt(lambda tx: migrate(tx, now()), write=True, seconds=MIGRATION_TIMEOUT)
