"""A store: one database with many sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, cast

from sessions.clock import NEVER
from sessions.labels import given_owner
from sessions.log.adopt.sdk import SDKSessions
from sessions.log.lifetime.remove import delete
from sessions.session.base import LogSession
from sessions.session.titles import MakeTitle, Titles
from sessions.store.exports import Exports
from sessions.store.forgetting import Forgetting
from sessions.store.maintenance import Maintenance
from sessions.store.moving import Moving
from sessions.store.searching import StoreSearch
from sessions.validation import AUDITS_KEPT, DEFAULT, Default, check_seconds, check_session_id, check_ttl
from sessions.waits.ending import is_finalizing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, timedelta
    from types import TracebackType

    from sessions.codecs import Codec
    from sessions.db import Backend
    from sessions.labels import Owner
    from sessions.log.conversation import ForeignTables
    from sessions.memories.common import Common, SearchOptions
    from sessions.memories.hold import Hold
    from sessions.memories.memories import Memories
    from sessions.memory.sealing import Sealing
    from sessions.protocol import Settings
    from sessions.session.usage.prices import Price
    from sessions.store.maintenance import Encryption
    from sessions.store.sweeper import Sweeper
    from sessions.types.usage import UsageRow


class Store(StoreSearch, Maintenance, Moving, Exports):
    """Many sessions in one database. Get one from `open_store`; it is also an asynchronous context manager.

    Example: ``async with open_store("sqlite:///chat.db") as store: await store.session("user_123").get_items()``
    """

    def __init__(
        self,
        backend: Backend,
        foreign: ForeignTables,
        codec: Codec | None = None,
        ttl: float | timedelta | None = None,
        *,
        sweep_every: float | timedelta | None = None,
        encryption: Encryption | None = None,
        title: MakeTitle | None = None,
        audit_ttl: float | timedelta | Default | None = DEFAULT,
        memory_ttl: float | timedelta | None = None,
        search: SearchOptions | None = None,
    ) -> None:
        self._backend = backend
        self._sdk = SDKSessions(foreign)
        self._codec = codec
        self._encryption = encryption
        self._titles = None if title is None else Titles(title)
        self._ttl = ttl
        self._lifetime = check_ttl(ttl)
        self._audits_kept = _audits_kept(audit_ttl)
        self._sweepers: list[Sweeper] = []
        self._common: Common | None = None
        self._forgetting = Forgetting()
        self._memory_lifetime = check_ttl(memory_ttl, "memory_ttl")
        self._search = search
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
        owner: Owner | Default = DEFAULT,
        title: MakeTitle | Default | None = DEFAULT,
    ) -> LogSession:
        """Return the session with an id. This does no I/O; a session exists once it has its first item.

        Example: ``session = store.session("user_123")``

        Args:
            session_id: The conversation's id: text of 1 to 1024 bytes in UTF-8, compared byte by byte.
            session_settings: Defaults for reading: `SessionSettings` or a dictionary.
            strict: Raise `UndecodableItemError` for a stored item that cannot be read, instead of skipping it with a
                logged warning.
            codec: The types that its items may contain; the store's codec by default.
            ttl: As for `SQLiteSession`; the store's by default. With ``None`` in a store that has a `ttl`, items added
                here never expire, and purging the store spares them.
            owner: The session's owner: ``"ann"``, or labels as ``("acme", "ann")``. A new session gets it. If the
                session belongs to another owner, or has none, each operation raises `OwnerError`. Leave it out to allow
                any. ``None`` is refused, as it may come from a login that failed.
            title: As for `open_store`; the store's function by default.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: `session_id`, a setting, `ttl` or `owner` is not allowed.
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
            owner=given_owner(owner),
        )
        if self._encryption is not None:
            from sessions.encrypted import EncryptedSession  # noqa: PLC0415 - only encrypted stores need it

            session = EncryptedSession(session_id, session, ttl=lifetime, **self._encryption._asdict())
        if ttl is None and self._ttl is not None:
            # The one difference between this None and that of a constructor.
            session._handle.lifetime = NEVER  # noqa: SLF001 - it is one of ours
        session._handle.memories = self._memory_hold  # noqa: SLF001 - as above
        session._handle.titles = self._titles if title is DEFAULT else title and Titles(title)  # noqa: SLF001 - as above
        return session

    @property
    def memories(self) -> Memories:
        """Get the store's memories: an agent's knowledge across conversations.

        Example: ``await store.memories.put(("users", "alice"), "style", {"text": "prefers short answers"})``
        """
        from sessions.memories.memories import Memories  # noqa: PLC0415 - many programs have none

        return Memories(self._memory_hold())

    async def usage(
        self,
        *keys: str,
        session: str | None = None,
        owner: Owner | Default = DEFAULT,
        below: Owner | Default = DEFAULT,
        author: str | None = None,
        prices: Mapping[str, Price] | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> list[UsageRow]:
        """Sum up the model calls of all sessions, in rows, ordered by the keys' values.

        Example: ``rows = await store.usage("model", "day", prices={"gpt-5": Price(1.25, 10)})``

        Deleted sessions are not included. The cost rises with the number of usage records.

        Args:
            keys: Any of "session", "owner", "turn", "model", "agent", "author" and "day" (in UTC); one row in all
                without keys.
            session: Only usage of the session with this id.
            owner: Only usage of this owner's sessions.
            below: Only usage of sessions of owners whose labels begin with these, as in `sessions`.
            author: Only usage that was recorded through an object of this author: ``session.as_author("ann")``.
            prices: Prices by model, for records without a cost of their own.
            since: Only records from this time on: a `datetime` with a time zone, or a `date` in UTC.
            until: Only records from before this time.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: A key is unknown, or a time has no time zone, or another argument is out of range.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        # Many programs never ask.
        from sessions.session.usage.rows import check_wanted, usage_of_store  # noqa: PLC0415

        wanted = check_wanted(since, until, session, (given_owner(owner), given_owner(below, "below")), author)
        return await usage_of_store(self._backend, keys, prices, wanted)

    async def delete(self, session_id: str) -> bool:
        """Delete a session with all its branches and usage. Return whether it existed.

        Example: ``existed = await store.delete("user_123")``

        Its rows in the OpenAI Agents SDK's tables of the same database are deleted too; otherwise it would be copied
        again.

        Raises:
            TypeError: `session_id` is not a string.
            ValueError: `session_id` is not allowed.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        session_id = check_session_id(session_id)
        self._forget_title(session_id)
        return await self._backend.write(lambda tx: delete(tx, session_id, self._sdk), f"session {session_id!r}")

    async def close(self) -> None:
        """Close the store: later calls on it or on its sessions raise `SessionClosedError`.

        Example: ``await store.close()``

        A cancelled caller still waits until the store is closed, and then gets its `CancelledError`.
        """
        if is_finalizing():
            return  # All that can be closed has been, and nothing can be imported.
        from sessions.db.uncancelled import settle  # noqa: PLC0415 - most programs close once

        await settle(self._close())

    def _memory_hold(self) -> Hold:
        """Return a hold on the store's memories."""
        from sessions.memories.common import SearchOptions, share  # noqa: PLC0415 - as above
        from sessions.memories.hold import Hold  # noqa: PLC0415 - as above

        if self._common is None:
            self._common = share(
                self._backend,
                self._codec,
                self._memory_lifetime,
                self._search or SearchOptions(),
                None if self._encryption is None else self._seal,
            )
            self._common.audits_kept = self._audits_kept
        return Hold(self._common)

    def _seal(self, backend: Backend) -> Sealing:
        """Return how memories are encrypted in a database."""
        from sessions.crypto.key_manager import KeyManager  # noqa: PLC0415 - only encrypted stores need it
        from sessions.db.stored_settings import StoredSettings  # noqa: PLC0415 - as above
        from sessions.memory.sealing import Sealing  # noqa: PLC0415 - as above

        encryption = cast("Encryption", self._encryption)
        keys = KeyManager(encryption.encryption_key, StoredSettings(backend, "memories"))
        return Sealing(keys, encryption.encryption_key, allow_plain_text=encryption.allow_plain_text)

    def _forget_title(self, session_id: str) -> None:
        if self._titles is not None:
            self._titles.forget(session_id)

    async def _close(self) -> None:
        if self._titles is not None:
            await self._titles.settle()
        for sweeper in self._sweepers:
            await sweeper.stop()
        if self._common is not None:
            await self._common.aclose()
        await self._backend.aclose()


def _audits_kept(given: float | timedelta | Default | None) -> int:
    """Return for how long audit rows are kept, in microseconds."""
    if given is DEFAULT:
        return AUDITS_KEPT
    return check_ttl(given, "audit_ttl") or NEVER
