"""The maintenance of a store: adopting, erasing, rotating keys and purging."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from sessions.clock import now
from sessions.store.components import purge_others
from sessions.store.retention import Retaining
from sessions.validation import DEFAULT, PURGE_BATCH, Default, check_flags, check_progress, check_session_id, check_ttl

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from sessions.crypto.keys import KeyProvider, KeyRing
    from sessions.db import Backend
    from sessions.log.adopt.sdk import SDKSessions
    from sessions.memories.hold import Hold
    from sessions.session.base import LogSession
    from sessions.session.verifying import Verification
    from sessions.store.sweeper import Sweeper
    from sessions.types.receipts import Adoption, ErasureReceipt, Rotation
    from sessions.types.verify import Verified


class Encryption(NamedTuple):
    """How a store's sessions are encrypted: the arguments of `EncryptedSession`."""

    encryption_key: KeyRing | KeyProvider
    allow_plain_text: bool = False
    hide_tool_names: bool = False


class Maintenance(Retaining):
    """The operators' part of a store. The rest is `Store`."""

    _backend: Backend
    _sdk: SDKSessions
    _encryption: Encryption | None
    _lifetime: int | None
    _sweepers: list[Sweeper]

    @abstractmethod
    def _memory_hold(self) -> Hold:
        """Return a hold on the store's memories."""

    @abstractmethod
    def session(self, session_id: str, *, ttl: float | timedelta | Default | None = DEFAULT) -> LogSession:
        """Return the session with an id, as `Store.session` does.

        Example: ``session = store.session("user_123")``
        """

    async def adopt(self, *, progress: Callable[[Adoption], object] | None = None) -> Adoption:
        """Copy all sessions that the OpenAI Agents SDK wrote into this database, so that they are listed.

        Example: ``report = await store.adopt(progress=print)``

        Each session is copied as at its first use, with its branches, usage and times, in a short transaction of its
        own; others can read and write meanwhile. Sessions that the SDK encrypted need the same `encryption_key` here.
        The SDK's tables are not changed. After an interruption, call it again: sessions that are already here are left
        unchanged. docs/switching.md describes how to switch a service.

        Args:
            progress: Called after every few sessions with the result so far.

        Returns:
            The sessions that this call copied, the number that were already here, and those skipped, with reasons.

        Raises:
            StoreError: The database refused the operation, or a table that you named is missing; finished sessions stay
                done.
            ValueError: The store's tables belong to another pair of the SDK's tables.
            SessionClosedError: The store has been closed.
        """
        check_progress(progress)
        from sessions.store.adopting import adopt_all  # noqa: PLC0415 - once in a database's life

        return await adopt_all(self._backend, self._sdk.tables, lambda id_: self.session(id_)._handle, progress)  # noqa: SLF001

    async def erase(self, session_id: str, *, scrub: bool = True, actor: str | None = None) -> ErasureReceipt:
        """Erase a session from every table and then, as far as possible from here, from the database's files.

        Example: ``receipt = await store.erase("user_123")``

        First the `KeyProvider`'s `destroy` is called, if it has one. Then all rows go in one transaction, as with
        `delete`, which adds an audit row, and `scrub` is called. Erasing again finishes pending work. No key is needed.

        Args:
            session_id: The session.
            scrub: Whether to call `scrub`. To erase many sessions, call it once, after the last one.
            actor: The person or program that erases, for the audit row: text of 1 to 255 bytes in UTF-8.

        Returns:
            The receipt: the removed rows and the pending work.

        Raises:
            TypeError: `session_id` or `actor` is not a string.
            ValueError: `session_id` or `actor` is not allowed.
            StoreError: The database refused the operation; nothing was removed.
            SessionClosedError: The store has been closed.
        """
        from sessions.store.erasing import erase_session  # noqa: PLC0415 - few programs erase

        check_flags(scrub=scrub)
        session_id, done = check_session_id(session_id), self._done("erase", actor)
        self._forget_title(session_id)
        return await erase_session(self._backend, session_id, self._sdk.tables, self._keys, done, scrub=scrub)

    async def scrub(self) -> tuple[str, ...]:
        """Remove the bytes of erased, deleted, cleared, purged or popped items from the database's files.

        Example: ``pending = await store.scrub()``

        On SQLite this rewrites the file (``VACUUM``) and empties the write-ahead log; writers wait about a second for
        each 100 MB. On servers this is the administrator's task, and the result says how to do it.

        Returns:
            Where bytes may still be, and how to finish that, in sentences; empty if nothing is left to do.

        Raises:
            StoreError: The database refused the operation.
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
        """Rotate the keys of all encrypted sessions, one after the other, as `EncryptedSession.rotate` does.

        Example: ``rotation = await store.rotate()``

        Keys of memories are rotated in the same way, namespace by namespace, and keys of threads of LangGraph. After an
        interruption, call it again: what already has the current key is skipped. With `reencrypt` in a store that
        allows plain text, unencrypted sessions, namespaces and threads are encrypted too; threads under a serializer's
        own cipher are left.

        Args:
            reencrypt: As for `EncryptedSession.rotate`.
            before: With `reencrypt`: only where the data key is older than this; now by default. To continue after an
                interruption, pass the time at which the first attempt began.
            progress: Called after each transaction with the result so far.

        Returns:
            The result.

        Raises:
            RotationIncompleteError: The given keys do not open some sessions, namespaces or threads. They were logged
                and left unchanged; all others were rotated. The error's `rotation` has the result.
            TypeError: `before` is not a datetime.
            ValueError: The store was opened without a key, or `before` has no time zone or is given without
                `reencrypt`.
            StoreError: The database refused the operation; finished transactions stay done.
            SessionClosedError: The store has been closed.
        """
        check_progress(progress)
        if self._encryption is None:
            raise ValueError(
                "the store was opened without a key. Nothing was changed. Use open_store(…, encryption_key=…)."
            )
        from sessions.store.rotating import rotate_store  # noqa: PLC0415 - few programs rotate

        return await rotate_store(self, self._encryption, reencrypt=reencrypt, before=before, progress=progress)

    async def purge_expired(
        self,
        *,
        older_than: float | timedelta | Default | None = DEFAULT,
        batch: int = PURGE_BATCH,
        empty_sessions: bool = False,
        progress: Callable[[int], object] | None = None,
    ) -> int:
        """Delete expired items physically, in all sessions and branches. Readers do not see them anyway.

        Example: ``deleted = await store.purge_expired(empty_sessions=True)``

        An index finds items past their own expiry; finding items older than `older_than` reads all items. It takes many
        short transactions; after an interruption, the deleted items stay deleted.

        Args:
            older_than: Age in seconds; the store's `ttl` if not given. ``None`` deletes only items past their own
                expiry.
            batch: The maximum number of items deleted in one transaction.
            empty_sessions: Whether to delete sessions that are then empty, with their usage, as `delete` does. A
                session stays if it has a remembered idempotency key (30 days, if the caller gave it), or a branch that
                is leased or waited for.
            progress: Called after each transaction with the number of items deleted so far.

        Returns:
            The number of deleted items.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        from sessions.log.lifetime.purge import Expired  # noqa: PLC0415 - many programs never purge
        from sessions.session.purging import delete_left_empty, purge  # noqa: PLC0415 - as above

        check_flags(empty_sessions=empty_sessions)
        age = self._lifetime if older_than is DEFAULT else check_ttl(older_than, "older_than")
        purged = await purge(self._backend, "the store", Expired(now(), age), batch, progress)
        if empty_sessions:
            await delete_left_empty(self._backend, self._sdk, now())
        return purged

    def verify(self, *, progress: Callable[[Verified], object] | None = None, after: str | None = None) -> Verification:
        """Check everything that is stored, and yield each finding: damaged, missing, contradictory or stray rows.

        Example: ``findings = [finding async for finding in store.verify()]``

        It checks the schema, sessions, lineages, branches, entries and all other rows, on SQLite also the file. With
        the store's key, it decrypts every item; without one, the summary tells how many items were `locked`.
        Findings name no contents. docs/verify.md lists the codes.

        Nothing is changed or locked, and others may write meanwhile: each page is read in one short snapshot. Memory
        does not grow with the number of sessions and items.

        Args:
            progress: Called after each page with the summary so far.
            after: The `after` of an earlier verification's summary, to go on behind it.

        Returns:
            An iterator of findings, with a `summary`.

        Raises:
            TypeError: `after` is no text.
            ValueError: `after` is not such a text.
            NotADatabaseError: The file is not a SQLite database, or is too damaged to be read at all.
            StoreError: The database cannot be reached, or is locked by others for too long.
            SessionClosedError: The store has been closed.
        """
        from sessions.log.verify.reading import Reading  # noqa: PLC0415 - few programs verify
        from sessions.session.verifying import Verification, check_after  # noqa: PLC0415 - as above
        from sessions.store.verifying import steps_of_store  # noqa: PLC0415 - as above

        handle = self.session("any")._handle  # noqa: SLF001 - it reads all sessions
        reading = Reading(handle.codec, handle.conversation.encryption)
        return Verification(steps_of_store(self._backend, self._sdk.tables, reading, check_after(after)), progress)

    def sweeper(self, *, every: float | timedelta = 60.0) -> Sweeper:
        """Return a background task that deletes expired items, memories and threads again and again.

        Example: ``async with store.sweeper(every=60): await store.session("user_123").get_items()``

        A round that fails is logged, on the logger ``sessions``, and the next one follows. Closing the store ends the
        task.

        Args:
            every: Seconds between two rounds, varied by a quarter, so that several processes do not run in step.

        Raises:
            TypeError: `every` is not a number.
            ValueError: `every` is not positive, or above a hundred years.
        """
        from sessions.store.sweeper import Sweeper  # noqa: PLC0415 - as above

        sweeper = Sweeper(self._sweep, self._backend, every)
        self._sweepers.append(sweeper)
        return sweeper

    async def _sweep(self) -> int:
        """Do one round of a sweeper."""
        removed = await self.purge_expired() + sum((await purge_others(self._backend, self._sdk.tables)).values())
        self._forgetting.expired(now())
        return removed
