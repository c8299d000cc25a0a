"""One database behind a SQLAlchemy engine: schema checked once, transactions tried again where that is safe."""

from __future__ import annotations

import weakref
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from sqlalchemy.exc import DBAPIError, InvalidRequestError

from sessions.clock import now
from sessions.db.command import command_of, repeatable_form
from sessions.db.dialect import MARIADB, POSTGRES, PREFIX, SQLITE
from sessions.db.migration_statements import APPLIED
from sessions.db.migrations import is_current, migrate
from sessions.db.sqlalchemy.beside import WITHIN, Beside
from sessions.db.sqlalchemy.boundaries import PostgresBounds
from sessions.db.sqlalchemy.boundaries_mariadb import MariaDBBounds
from sessions.db.sqlalchemy.boundaries_sqlite import SQLiteBounds
from sessions.db.sqlalchemy.brief import WAIT_LONG
from sessions.db.sqlalchemy.deadline import ATTEMPT_TIMEOUT, MIGRATION_TIMEOUT, Deadline
from sessions.db.sqlalchemy.engine_features import carried, translated
from sessions.db.sqlalchemy.error_origin import outcome_of
from sessions.db.sqlalchemy.errors import TablesGoneError, Trouble, is_database_error, translate, trouble_of
from sessions.db.sqlalchemy.outage import Outage
from sessions.db.sqlalchemy.packets import check_packet
from sessions.db.sqlalchemy.polling import Looks, PollingWaker
from sessions.db.sqlalchemy.pools import borrowed, shared_pool
from sessions.db.sqlalchemy.retry import RETRY_TIMEOUT, FailedError, Patience, retry
from sessions.db.sqlalchemy.transaction import SQLAlchemyTransaction, Texts
from sessions.db.sqlalchemy.turns import Turns
from sessions.db.sqlalchemy.urls import address, place
from sessions.db.sqlalchemy.vacuum import pending_on_server, scrub, tables_with_content
from sessions.db.uncancelled import settle
from sessions.db.words import words
from sessions.errors import SchemaVersionError, StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from sessions.db.command import Command
    from sessions.db.component import Component
    from sessions.db.sqlalchemy.boundaries import Bounds
    from sessions.db.topics import Topic
    from sessions.db.transaction import Transaction

T = TypeVar("T")

_BOUNDS: Final[dict[str, type[Bounds]]] = {POSTGRES: PostgresBounds, MARIADB: MariaDBBounds, SQLITE: SQLiteBounds}


class _Progress:
    """The progress of an attempt, and the outcome of its work."""

    committing = False
    refused: BaseException | None = None


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
        components: Sequence[Component] = (),
    ) -> None:
        self._schemas = tuple(one.schema for one in components)
        self._owners = [one.owner for one in components if one.owner is not None]
        self._is_ours = False
        self._engine = weakref.ref(engine)
        self._create_tables = create_tables
        self.where = place(engine.url)
        self.outage = Outage(address(engine.url), retry_timeout)
        self.patience = Patience(self.where, retry_timeout, attempt_timeout + retry_timeout, self.outage)
        # SQLAlchemy knows the same dialect by two names: mysql+aiomysql:// and mariadb+aiomysql://.
        self._name = MARIADB if engine.dialect.name == "mariadb" else engine.dialect.name
        # SQLite needs no network.
        self.attempt_timeout = None if self._name == SQLITE else attempt_timeout
        self._prefix = prefix
        self._given_schema = schema
        self._schema = schema = translated(engine.sync_engine.get_execution_options(), schema)
        self._bounds = _BOUNDS[self._name]()
        # As the command line takes them.
        self._names = f" --table-prefix {prefix}" * (prefix != PREFIX) + f" --schema {schema}" * (schema is not None)
        self._table_names = tables_with_content(self._schemas, prefix, schema)
        self._texts = Texts(self._schemas, self._name, prefix, schema)
        self.words = words(self._schemas, self._name, prefix, schema)
        self.looks = Looks(self)
        self.turns = Turns(self.outage)
        self._beside = Beside(components, self._attempt_beside, removes_leftovers=self._name == POSTGRES)
        self.pool = shared_pool(engine)

    @property
    def engine(self) -> AsyncEngine:
        """The engine. The database's users hold it, and it holds the database."""
        engine = self._engine()
        if engine is None:
            raise RuntimeError("the engine of this database is gone")
        return engine

    def carried(self) -> str:
        """Return the engine's feature that depends on a caller's context, or that only SQLAlchemy calls; see `carried`.

        With such a feature, each operation has its own connection, borrowed in its caller's context.
        """
        return carried(self.engine)

    async def read(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Run `work` in one snapshot and return its result."""
        await self.ensure_ours(subject)
        return await self._found(work, subject)

    async def _found(self, work: Callable[[Transaction], T], subject: str) -> T:
        found = self.retried(subject, lambda: self._attempt(work, write=False), repeatable=True)
        # The thread of a cancelled read would go on, and keep the file locked.
        return await (settle(found) if self._name == SQLITE else found)

    async def write(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Do `work` as one transaction."""
        await self.ensure_ours(subject, write=True)
        if self._name != SQLITE:
            work = repeatable_form(work)
        command = command_of(work)
        # One in doubt is tried in any case: that the server cannot be reached does not tell its outcome.
        async with self.turns.at(None if command.in_doubt else command.locks, subject):
            done = await settle(self.write_alone(work, subject))
        await self.changed(command)
        return done

    async def write_alone(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Do `work` as one transaction, which may not be cancelled."""

        def change(tx: Transaction) -> T:
            self.check(tx, work)
            return work(tx)

        asked = command_of(work)
        repeatable, in_doubt = asked.repeatable, asked.in_doubt
        return await self.retried(subject, lambda: self.attempt(change), repeatable=repeatable, in_doubt=in_doubt)

    def check(self, tx: Transaction, work: Callable[[Transaction], object]) -> None:
        """Refuse a command that the server would not accept.

        Raises:
            StoreError: A payload is too large.
        """
        if self._name == MARIADB:
            check_packet(tx, command_of(work), self.where)

    async def attempt(self, work: Callable[[Transaction], T]) -> T:
        """Do `work` as one transaction, once.

        Raises:
            FailedError: The database failed.
        """
        return await self._attempt(work, write=True)

    async def changed(self, command: Command[Any]) -> None:
        """Note that a command has been answered, and do any upkeep that is due."""
        await self._beside.changed(command)

    async def tidy(self) -> None:
        """Do any upkeep that is due before the engine is released."""
        await self._beside.tidy()

    async def _attempt_beside(self, work: Callable[[Transaction], None]) -> None:
        await settle(self._attempt(work, write=True, seconds=WITHIN))

    def waker(self, topic: Topic) -> PollingWaker:
        """Return a waker for a watcher of a topic."""
        return PollingWaker(self.looks, topic)

    async def vacuum(self, others: Sequence[str], subject: str) -> tuple[str, ...]:
        """Remove the bytes of deleted rows, as far as a client can; return the pending work in sentences."""
        await self.ensure_ours(subject, write=True)
        if self._name != SQLITE:
            return pending_on_server(self._name, self._table_names, others)
        return await settle(self._vacuum_file(subject))

    async def _vacuum_file(self, subject: str) -> tuple[str, ...]:
        async with self.pool.lock(self.engine, write=True):
            return await self.retried(subject, lambda: scrub(self.engine), repeatable=True)

    async def retried(
        self, subject: str, attempt: Callable[[], Awaitable[T]], *, repeatable: bool, in_doubt: bool = False
    ) -> T:
        """Return the result of an attempt that succeeds; see `retry`.

        If tables are missing that were there, the schema is looked at again, and then it is tried once more.
        """
        try:
            return await self._retried(subject, attempt, repeatable=repeatable, in_doubt=in_doubt)
        except TablesGoneError:
            self.pool.ready.discard((self._prefix, self._schema, self._schemas))
        await self.ensure_schema(subject)
        try:
            return await self._retried(subject, attempt, repeatable=repeatable, in_doubt=in_doubt)
        except TablesGoneError as error:
            raise StoreError(
                f"{error}. The table agent_log_schema, or the one with your prefix, says that they exist: restore "
                "them from a backup, or drop all of our tables."
            ) from None

    async def _retried(
        self, subject: str, attempt: Callable[[], Awaitable[T]], *, repeatable: bool, in_doubt: bool = False
    ) -> T:
        try:
            return await retry(attempt, self.patience, repeatable=repeatable, in_doubt=in_doubt)
        except StoreError as error:
            raise error.about(subject) from None

    async def _attempt(self, work: Callable[[Transaction], T], *, write: bool, seconds: float | None = None) -> T:
        limit = None if self.attempt_timeout is None else seconds or self.attempt_timeout
        engine = self.engine
        progress = _Progress()
        async with self.pool.lock(engine, write=write):
            try:
                async with (
                    Deadline(limit, self.outage) as deadline,
                    self.pool.place(engine),
                    borrowed(engine) as connection,
                ):
                    deadline.connected((await connection.get_raw_connection()).driver_connection)
                    try:
                        result = await connection.run_sync(self._transact, work, progress, write=write)
                    except BaseException as error:
                        await self._give_up(connection, error)
                        raise
            except Exception as error:
                if progress.refused is not None:
                    raise progress.refused from None
                if not is_database_error(error):
                    raise
                rolled_back = trouble_of(error) is Trouble.ROLLED_BACK
                # Nothing is committed on a SQLite file that was closed, as for a fork.
                known = rolled_back or not progress.committing or self._name == SQLITE
                raise FailedError(error, outcome_known=known) from None
        if progress.refused is not None:
            raise progress.refused
        return cast("T", result)

    def _transact(
        self, connection: Connection, work: Callable[[Transaction], T], progress: _Progress, *, write: bool
    ) -> T | None:
        if translated(connection.get_execution_options(), self._given_schema) != self._schema:
            raise StoreError(
                "a listener gives this connection a schema_translate_map that its engine does not have. Nothing "
                "was changed. Set it on the engine with execution_options, or pass schema=…."
            )
        self._bounds.begin(connection, write=write)
        result, progress.refused = outcome_of(work, SQLAlchemyTransaction(connection, self._texts))
        if progress.refused is not None:
            self._bounds.roll_back(connection)
            return None
        progress.committing = write
        self._bounds.commit(connection)
        return cast("T", result)

    async def _give_up(self, connection: AsyncConnection, error: BaseException) -> None:
        """Leave nothing of a transaction that failed."""
        if isinstance(error, DBAPIError) and trouble_of(error) is Trouble.LOST:
            if not error.connection_invalidated:
                # The server is up but takes no writes; the pool should not hand this connection out again.
                await connection.invalidate()
            return
        if not isinstance(error, Exception):
            if self._name == MARIADB:
                # Its settings may be ours, and are not set back.
                await connection.invalidate()
            return
        if connection.invalidated:
            return
        with suppress(DBAPIError, InvalidRequestError):
            await connection.run_sync(self._bounds.roll_back)
            return
        if self._name != SQLITE:
            await connection.invalidate()

    async def ensure_ours(self, subject: str, *, write: bool = False) -> None:
        """Check the schema and whose the tables are, once; note that before the first change.

        Raises:
            ValueError: They are another owner's.
        """
        await self.ensure_schema(subject)
        if self._is_ours:
            return
        owners = self._owners

        def note(tx: Transaction) -> None:
            for owner in owners:
                owner.note(tx, subject)

        self._is_ours = not owners or await self._found(
            lambda tx: all(owner.is_noted(tx, subject) for owner in owners), subject
        )
        if write and not self._is_ours:
            await settle(self.retried(subject, lambda: self._attempt(note, write=True), repeatable=True))
            self._is_ours = True

    async def ensure_schema(self, subject: str) -> None:
        """Check the schema, once, and make the tables if that was asked for."""
        ready, names = self.pool.ready, (self._prefix, self._schema, self._schemas)
        if names in ready:
            return
        async with self.turns.behind(self.pool.schema_lock(self.engine), subject):
            if names in ready:
                return
            self._is_ours = False
            check = partial(is_current, schemas=self._schemas, where=self.where)
            checked = self._retried(subject, lambda: self._attempt(check, write=False), repeatable=True)
            if not await (settle(checked) if self._name == SQLITE else checked):
                await self._check_rights(subject)
                if not self._create_tables:
                    raise SchemaVersionError(
                        f"{subject}: {self.where} lacks our tables, or has older ones. Nothing was changed. Run "
                        f"`python -m sessions migrate{self._names} URL`, or pass create_tables=True."
                    )
                await settle(self._retried(subject, self._migrate, repeatable=True))
            ready.add(names)

    async def _check_rights(self, subject: str) -> None:
        """Tell missing rights from missing tables where the database hides a table from those without rights.

        Raises:
            StoreReadOnlyError: This user may not even read our tables, if they are there.
        """
        if self._name == MARIADB:
            try:
                await self._attempt(lambda tx: tx.all(APPLIED), write=False)
            except FailedError as failed:
                if trouble_of(failed.error) is Trouble.READ_ONLY:
                    raise translate(failed.error, self.where, "read once").about(subject) from None

    async def _migrate(self) -> None:
        def work(tx: Transaction) -> None:
            tx.run(WAIT_LONG)
            migrate(tx, self._schemas, now(), self.where)

        await self._attempt(work, write=True, seconds=MIGRATION_TIMEOUT)
