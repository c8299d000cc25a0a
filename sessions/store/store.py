"""A store: one database with many sessions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, Self, cast

from sessions.clock import NEVER, as_time, now
from sessions.log.adopt.sdk import SDKSessions
from sessions.log.lifetime.remove import delete
from sessions.session.base import LogSession
from sessions.validation import DEFAULT, PURGE_BATCH, Default, check_count, check_seconds, check_session_id, check_ttl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, datetime
    from types import TracebackType

    from sessions.codecs import Codec
    from sessions.crypto.keys import KeyProvider, KeyRing
    from sessions.db import Backend
    from sessions.encrypted import EncryptedSession
    from sessions.log.conversation import ForeignTables
    from sessions.protocol import Settings
    from sessions.session.usage.prices import Price
    from sessions.store.sweeper import Sweeper
    from sessions.types import Adoption, ErasureReceipt, Rotation, SessionInfo
    from sessions.usage_types import UsageRow


class Encryption(NamedTuple):
    """How a store's sessions are encrypted: arguments of `EncryptedSession`."""

    encryption_key: KeyRing | KeyProvider
    allow_plain_text: bool = False
    hide_tool_names: bool = False


class Store:
    """Many sessions in one database. Made by `open_store`; usable as an asynchronous context manager."""

    def __init__(
        self,
        backend: Backend,
        foreign: ForeignTables,
        codec: Codec | None = None,
        ttl: float | timedelta | None = None,
        *,
        sweep_every: float | timedelta | None = None,
        encryption: Encryption | None = None,
    ) -> None:
        self._backend = backend
        self._sdk = SDKSessions(foreign)
        self._codec = codec
        self._encryption = encryption
        self._ttl = ttl
        self._lifetime = check_ttl(ttl)
        self._sweepers: list[Sweeper] = []
        seconds = None if sweep_every is None else check_seconds(sweep_every, "sweep_every") / 1_000_000
        self._own_sweeper = None if seconds is None else self.sweeper(every=seconds)

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
        session_settings: Settings | None = None,
        strict: bool = False,
        codec: Codec | None = None,
        ttl: float | timedelta | Default | None = DEFAULT,
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
        lifetime = self._ttl if ttl is DEFAULT else ttl
        session = LogSession(
            session_id,
            self._backend,
            session_settings=session_settings,
            foreign=self._sdk.tables,
            strict=strict,
            codec=codec or self._codec,
            ttl=lifetime,
        )
        if self._encryption is not None:
            from sessions.encrypted import EncryptedSession  # noqa: PLC0415 - for those who encrypt

            session = EncryptedSession(session_id, session, ttl=lifetime, **self._encryption._asdict())
        if ttl is None and self._ttl is not None:
            # The one difference between this None and that of a constructor.
            session._handle.lifetime = NEVER  # noqa: SLF001 - it is one of ours
        return session

    async def sessions(self, *, limit: int = 100, after: str | None = None) -> list[SessionInfo]:
        """Return a page of the store's sessions, the newest first, as of one moment.

        Sessions of the OpenAI Agents SDK are listed once they were used, or `adopt` was called. What has expired is not
        counted.

        Args:
            limit: How many at most.
            after: The `cursor` of the last session of the page before.

        Raises:
            TypeError: `limit` is not an integer.
            ValueError: `limit` is not positive, or `after` is no cursor.
            StoreError: The database refused.
            SessionClosedError: The store has been closed.
        """
        limit = check_count(limit, "limit", least=1)
        from sessions.log.lifetime.catalog import list_sessions  # noqa: PLC0415 - many programs never ask for the list

        return await self._backend.read(lambda tx: list_sessions(tx, now(), limit, after, self._lifetime), "the store")

    async def adopt(self, *, progress: Callable[[Adoption], object] | None = None) -> Adoption:
        """Take over all sessions that the OpenAI Agents SDK wrote into this database, so that they are listed.

        ``report = await store.adopt(progress=print)``. Each session is copied as at its first use, with its branches,
        its usage and its times, in a short transaction of its own, beside other readers and writers. What was encrypted
        by the SDK needs the same `encryption_key` here. The SDK's tables are not changed. After an interruption, call
        it again: a session that is here already is left as it is. docs/switching.md says how to switch a service.

        Args:
            progress: Called after each few sessions with what was done until then.

        Returns:
            What was taken over by this call, how many sessions were here already, and what was skipped and why.

        Raises:
            StoreError: The database refused, or a table that you named is not there; what was done stays done.
            ValueError: The store's tables belong to another pair of the SDK's tables.
            SessionClosedError: The store has been closed.
        """
        from sessions.store.adopting import adopt_all  # noqa: PLC0415 - once in a database's life

        return await adopt_all(self._backend, self._sdk.tables, lambda id_: self.session(id_)._handle, progress)  # noqa: SLF001

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
        from sessions.session.usage.rows import usage_of_store  # noqa: PLC0415 - many programs never ask

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
        return await self._backend.write(lambda tx: delete(tx, session_id, self._sdk), f"session {session_id!r}")

    async def erase(self, session_id: str, *, scrub: bool = True) -> ErasureReceipt:
        """Erase a session from every table, then from the database's files, as far as that can be done from here.

        First the `KeyProvider`'s `destroy` is called, if it has one. The rows go in one transaction, as with `delete`;
        then `scrub` is called. Erasing again finishes what was pending. No key is needed.

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
        from sessions.store.erasing import erase_session  # noqa: PLC0415 - few programs erase

        keys = None if self._encryption is None else self._encryption.encryption_key
        return await erase_session(self._backend, check_session_id(session_id), self._sdk, keys, scrub=scrub)

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
        return await self._backend.vacuum((), "the store")

    async def rotate(
        self,
        *,
        reencrypt: bool = False,
        before: datetime | None = None,
        progress: Callable[[Rotation], object] | None = None,
    ) -> Rotation:
        """Rotate the keys of all encrypted sessions, one after the other; see `EncryptedSession.rotate`.

        Calling it again goes on after an interruption: a session that has the current key is done. With `reencrypt`
        in a store that allows plain text, sessions that are not encrypted yet are encrypted, too.

        Args:
            reencrypt: As for `EncryptedSession.rotate`.
            before: With `reencrypt`: only sessions whose data key is older than this; now, if not given. To go on after
                an interruption, pass the time at which the first attempt began.
            progress: Called after each transaction with what was done until then.

        Returns:
            What was done.

        Raises:
            RotationIncompleteError: Some sessions cannot be opened with the keys here. They were logged and left as
                they are, all others were rotated, and the error's `rotation` says what was done.
            TypeError: `before` is no time.
            ValueError: The store was opened without a key, `before` has no time zone, or there is no `reencrypt`.
            StoreError: The database refused; what was done stays done.
            SessionClosedError: The store has been closed.
        """
        if self._encryption is None:
            raise ValueError("the store was opened without a key; use open_store(…, encryption_key=…)")
        from sessions.session.rotation import rotate_all  # noqa: PLC0415 - few programs rotate

        if reencrypt and before is None:
            # A second later: a data key that was made just now is replaced, too.
            before = as_time(now()) + timedelta(seconds=1)
        everything = reencrypt and self._encryption.allow_plain_text

        async def rotate_one(session_id: str, report: Callable[[Rotation], object]) -> Rotation:
            session = cast("EncryptedSession", self.session(session_id, ttl=None))
            return await session.rotate(reencrypt=reencrypt, before=before, progress=report)

        return await rotate_all(self._backend, rotate_one, progress, everything=everything)

    async def purge_expired(
        self,
        *,
        older_than: float | timedelta | Default | None = DEFAULT,
        batch: int = PURGE_BATCH,
        empty_sessions: bool = False,
    ) -> int:
        """Delete physically what has expired, in all sessions and branches; what is gone for readers anyway.

        That is what is beyond its own expiry, found by an index, and what is older than `older_than`, for which all
        items are read. It takes many short transactions; after an interruption, what was done stays done.

        Args:
            older_than: Seconds; the store's `ttl`, if not given. ``None``: only what is beyond its own expiry.
            batch: How many items are deleted in one transaction at most.
            empty_sessions: Whether sessions of which nothing is left then are deleted, too, with their usage, as by
                `delete`: they are not listed any more. Those stay of which an idempotency key is known (for 30 days,
                if the caller gave it) or a branch is held or waited for.

        Returns:
            How many items were deleted.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range.
            StoreError: The database refused.
            SessionClosedError: The store has been closed.
        """
        from sessions.log.lifetime.purge import Expired  # noqa: PLC0415 - many programs never purge
        from sessions.session.purging import delete_left_empty, purge  # noqa: PLC0415 - as above

        age = self._lifetime if older_than is DEFAULT else check_ttl(older_than, "older_than")
        purged = await purge(self._backend, "the store", Expired(now(), age), batch)
        if empty_sessions:
            await delete_left_empty(self._backend, self._sdk, now())
        return purged

    def sweeper(self, *, every: float | timedelta = 60.0) -> Sweeper:
        """Return a task that calls `purge_expired` again and again: ``async with store.sweeper(every=60): …``.

        A round that fails is logged, on the logger ``sessions``, and does not end it; closing the store does.

        Args:
            every: Seconds between two rounds, a quarter more or less, so that processes do not keep step.

        Raises:
            TypeError: `every` is not a number.
            ValueError: `every` is not positive, or more than a hundred years.
        """
        from sessions.store.sweeper import Sweeper  # noqa: PLC0415 - as above

        sweeper = Sweeper(self.purge_expired, every)
        self._sweepers.append(sweeper)
        return sweeper

    async def close(self) -> None:
        """Give up the hold on the database. Later calls on this store or on its sessions raise.

        If the caller is cancelled meanwhile, that is passed on when it is done.
        """
        from sessions.db.uncancelled import settle  # noqa: PLC0415 - most programs close once

        await settle(self._close())

    async def _close(self) -> None:
        for sweeper in self._sweepers:
            await sweeper.stop()
        await self._backend.aclose()
