"""A store: one database with many sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

from sessions.arguments import DEFAULT, Default, check_count, check_session_id, check_ttl
from sessions.clock import as_time, now
from sessions.log.conversation import ForeignTables
from sessions.log.purge import Expired
from sessions.log.remove import delete
from sessions.purging import PURGE_BATCH, purge
from sessions.session import LogSession
from sessions.stores.sqlite.backend import SQLiteBackend
from sessions.stores.sqlite.opening import DEFAULT_BUSY_TIMEOUT, MEMORY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from types import TracebackType

    from sqlalchemy.ext.asyncio import AsyncEngine

    from sessions.codecs import Codec
    from sessions.model import ErasureReceipt, SessionInfo, UsageRow
    from sessions.prices import Price
    from sessions.stores import Backend
    from sessions.stores.sqlite.backend import Durability
    from sessions.sweeper import Sweeper

_SQLITE: Final = "sqlite://"


def open_store(
    url: str | AsyncEngine,
    *,
    sessions_table: str = "agent_sessions",
    messages_table: str = "agent_messages",
    durability: Durability = "full",
    busy_timeout: float = DEFAULT_BUSY_TIMEOUT,
    create_tables: bool = False,
    table_prefix: str = "agent_log_",
    schema: str | None = None,
    attempt_timeout: float = 60.0,
    engine_kwargs: Mapping[str, Any] | None = None,
    codec: Codec | None = None,
    ttl: float | None = None,
    sweep_every: float | None = None,
) -> Store:
    """Return the store in a database. This does no I/O.

    Args:
        url: ``sqlite:///relative/path.db``, ``sqlite:////absolute/path.db`` or ``sqlite://`` for a database in memory;
            or a URL of SQLAlchemy's with an asynchronous driver, as in ``postgresql+asyncpg://…``; or an engine, which
            is used as it is and never disposed.
        sessions_table: The OpenAI Agents SDK's table of sessions, if the database is one of its own.
        messages_table: Its table of messages. Conversations found there are taken over when they are touched.
        durability: As for `SQLiteSession`; for ``sqlite:`` only.
        busy_timeout: As for `SQLiteSession`, in seconds; for ``sqlite:`` only.
        create_tables: As for `SQLAlchemySession`; on ``sqlite:`` tables are made in any case.
        table_prefix: As for `SQLAlchemySession`; not for ``sqlite:``.
        schema: As for `SQLAlchemySession`; not for ``sqlite:``.
        attempt_timeout: As for `SQLAlchemySession`, in seconds; not for ``sqlite:``.
        engine_kwargs: Passed to `sqlalchemy.ext.asyncio.create_async_engine`.
        codec: What the items of its sessions may hold: `PlusCodec(types=[…])`; plain JSON if not given.
        ttl: Seconds after which an item is gone, in sessions of this store that are not given another; ``None`` means
            never.
        sweep_every: Have what has expired deleted in the background: ``async with open_store(…)`` begins `sweeper`
            with so many seconds between its rounds, and closing the store ends it.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: `url` names no database that is known here, or an argument is out of range.
    """
    if not isinstance(url, str) and not hasattr(url, "sync_engine"):
        hint = '; for a file: f"sqlite:///{path}"' if hasattr(url, "__fspath__") else ""
        raise TypeError(f"url must be a URL or an AsyncEngine, not {type(url).__name__}{hint}")
    foreign = ForeignTables(sessions_table, messages_table).check()
    if isinstance(url, str) and ("+" not in url.partition("://")[0]):
        sqlite = SQLiteBackend(_sqlite_path(url), durability=durability, busy_timeout=busy_timeout)
        return Store(sqlite, foreign, codec, ttl, sweep_every=sweep_every)
    # Imported by those who use it only: SQLAlchemy takes longer to import than all of this package.
    from sessions.stores.sql.backend import SQLAlchemyBackend  # noqa: PLC0415
    from sessions.stores.sql.engines import EngineOfLoop  # noqa: PLC0415

    backend = SQLAlchemyBackend(
        EngineOfLoop(url, engine_kwargs) if isinstance(url, str) else url,
        create_tables=create_tables,
        prefix=table_prefix,
        schema=schema,
        attempt_timeout=attempt_timeout,
    )
    return Store(backend, foreign, codec, ttl, sweep_every=sweep_every)


class Store:
    """Many sessions in one database. Made by `open_store`; usable as an asynchronous context manager."""

    def __init__(
        self,
        backend: Backend,
        foreign: ForeignTables,
        codec: Codec | None = None,
        ttl: float | None = None,
        *,
        sweep_every: float | None = None,
    ) -> None:
        self._backend = backend
        self._foreign = foreign
        self._codec = codec
        self._ttl = ttl
        self._lifetime = check_ttl(ttl)
        self._sweepers: list[Sweeper] = []
        self._own_sweeper = None if sweep_every is None else self.sweeper(every=sweep_every)

    async def __aenter__(self) -> Self:
        if self._own_sweeper is not None:
            self._own_sweeper.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def session(
        self,
        session_id: str,
        *,
        session_settings: object = None,
        strict: bool = False,
        codec: Codec | None = None,
        ttl: float | Default | None = DEFAULT,
    ) -> LogSession:
        """Return the session of that id. This does no I/O; a session begins to exist with its first item.

        Args:
            session_id: The conversation's id: text of 1 to 1024 bytes in UTF-8, compared byte by byte.
            session_settings: How it is read when the caller does not say.
            strict: Raise `UndecodableItemError` for a stored item that cannot be read.
            codec: What its items may hold, if not what the store's sessions do.
            ttl: As for `SQLiteSession`; the store's, if not given. With ``None`` in a store that has one, what is
                added is never to expire, and purging the store spares it.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: `session_id`, a setting or `ttl` is not allowed.
        """
        session = LogSession(
            session_id,
            self._backend,
            session_settings=session_settings,
            foreign=self._foreign,
            strict=strict,
            codec=codec or self._codec,
            ttl=self._ttl if ttl is DEFAULT else ttl,
        )
        if ttl is None and self._ttl is not None:
            session._keeps = True  # noqa: SLF001 - the one difference between this None and that of a constructor
        return session

    async def sessions(self, *, limit: int = 100, after: str | None = None) -> list[SessionInfo]:
        """Return a page of the store's sessions, the newest first, as of one moment.

        Sessions of the OpenAI Agents SDK are listed once they have been touched. What has expired is not counted.

        Args:
            limit: How many at most.
            after: The `cursor` of the last session of the page before.

        Raises:
            TypeError: `limit` is not an integer.
            ValueError: `limit` is not positive, or `after` is no cursor.
            StoreError: The database refused.
            SessionClosedError: The store has been closed.
        """
        check_count(limit, "limit", least=1)
        from sessions.log.catalog import list_sessions  # noqa: PLC0415 - many programs never ask for the list

        return await self._backend.read(lambda tx: list_sessions(tx, now(), limit, after, self._lifetime), "the store")

    async def usage(
        self,
        *keys: str,
        prices: Mapping[str, Price] | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> list[UsageRow]:
        """Return what the model calls of all sessions took, in rows, in the order of the keys' values.

        Sessions that were deleted are not among them. The cost of this rises with the number of records.

        Args:
            keys: Among "session", "turn", "model", "agent" and "day" (in UTC); without any there is one row.
            prices: By model, for records without a cost of their own.
            since: Only what was recorded then or later: a `datetime` with a time zone, or a `date` in UTC.
            until: Only what was recorded before.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: A key is not known, or a time has no time zone.
            StoreError: The database refused.
            SessionClosedError: The store has been closed.
        """
        from sessions.usage_rows import usage_of_store  # noqa: PLC0415 - many programs never ask

        return await usage_of_store(self._backend, keys, prices, since, until)

    async def delete(self, session_id: str) -> bool:
        """Remove a session with all that is known of it; tell whether there was one.

        What the OpenAI Agents SDK holds of it in the same database is removed too, or it would be taken over again.

        Raises:
            TypeError: `session_id` is not text.
            ValueError: `session_id` is not allowed.
            StoreError: The database refused.
            SessionClosedError: The store has been closed.
        """
        session_id = check_session_id(session_id)
        return await self._backend.write(lambda tx: delete(tx, session_id, self._foreign), f"session {session_id!r}")

    async def erase(self, session_id: str, *, scrub: bool = True) -> ErasureReceipt:
        """Remove a session for good: from every table, then from the files, as far as that can be done from here.

        The rows go in one transaction, as with `delete`; then `scrub` is called. The session need not be there: so
        erasing again finishes what was pending. No key is needed for one that is sealed.

        Args:
            session_id: The session.
            scrub: Whether to call `scrub`. Who erases many sessions calls it once, after the last.

        Returns:
            What was removed, and what is pending.

        Raises:
            TypeError: `session_id` is not text.
            ValueError: `session_id` is not allowed.
            StoreError: The database refused; nothing was removed.
            SessionClosedError: The store has been closed.
        """
        from sessions.log.erase import Scrub, erase  # noqa: PLC0415 - few programs erase
        from sessions.model import ErasureReceipt  # noqa: PLC0415

        session_id = check_session_id(session_id)
        subject = f"session {session_id!r}"
        erased_at = as_time(now())
        erased = await self._backend.write(lambda tx: erase(tx, session_id, self._foreign), subject)
        pending: tuple[str, ...] = ("the files have not been scrubbed: call store.scrub()",)
        if scrub:
            pending = await self._backend.write(Scrub(tuple(self._foreign) if erased.sdk_rows else ()), subject)
        return ErasureReceipt(session_id, erased_at, **erased._asdict(), pending=pending)

    async def scrub(self) -> tuple[str, ...]:
        """Have the bytes of what was erased, deleted, cleared, purged or popped really gone from the database's files.

        On SQLite this rewrites the file (``VACUUM``) and empties the write-ahead log; writers wait meanwhile, about a
        second for each 100 MB. Elsewhere the database's administrator does such things, and this only says what.

        Returns:
            Where bytes may still be, and what finishes that, in sentences; nothing if they are gone.

        Raises:
            StoreError: The database refused.
            SessionClosedError: The store has been closed.
        """
        from sessions.log.erase import Scrub  # noqa: PLC0415 - as above

        return await self._backend.write(Scrub(), "the store")

    async def purge_expired(self, *, older_than: float | Default | None = DEFAULT, batch: int = PURGE_BATCH) -> int:
        """Delete physically what has expired, in all sessions and branches; what is gone for readers anyway.

        That is what is beyond its own expiry, and what has none and is older than `older_than`. It is done in short
        transactions, so writers elsewhere do not wait long; if it is interrupted, what has been done stays done.
        Several processes may purge at once. The former is found by an index; for the latter all items are looked at.

        Args:
            older_than: Seconds; the store's `ttl`, if not given. ``None``: only what is beyond its own expiry.
            batch: How many items are deleted in one transaction at most.

        Returns:
            How many items were deleted.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range.
            StoreError: The database refused.
            SessionClosedError: The store has been closed.
        """
        age = self._lifetime if older_than is DEFAULT else check_ttl(older_than, "older_than")
        return await purge(self._backend, "the store", Expired(now(), age), batch)

    def sweeper(self, *, every: float = 60.0) -> Sweeper:
        """Return a task that calls `purge_expired` again and again: ``async with store.sweeper(every=60): …``.

        A round that fails is logged, on the logger ``sessions``, and does not end it; closing the store does.

        Args:
            every: Seconds between two rounds, a quarter more or less, so that processes do not keep step.

        Raises:
            TypeError: `every` is not a number.
            ValueError: `every` is not positive, or more than a hundred years.
        """
        from sessions.sweeper import Sweeper  # noqa: PLC0415 - as above

        sweeper = Sweeper(self.purge_expired, every)
        self._sweepers.append(sweeper)
        return sweeper

    async def close(self) -> None:
        """Give up the hold on the database. Later calls on this store or on its sessions raise."""
        for sweeper in self._sweepers:
            await sweeper.stop()
        await self._backend.aclose()


def _sqlite_path(url: str) -> str:
    if not url.startswith(_SQLITE):
        scheme, is_url, _ = url.partition("://")
        wrong = f"no store for URLs with the scheme {scheme!r}" if is_url else "this is no URL"
        raise ValueError(
            f"{wrong}; use sqlite:///path/to/file.db, or one of SQLAlchemy's asynchronous drivers, as in "
            "postgresql+asyncpg://user@host/database or mysql+aiomysql://user@host/database"
        )
    path = url.removeprefix(_SQLITE)
    if path in ("", "/", f"/{MEMORY}"):
        return MEMORY
    if "?" in path:
        raise ValueError("a SQLite URL takes no options after '?'; pass them to open_store")
    if not path.startswith("/"):
        raise ValueError("a SQLite URL has three slashes before a relative path and four before an absolute one")
    return path[1:]
