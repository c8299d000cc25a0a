"""Retention: policies, erasing an owner, and the audit of removals."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from sessions.clock import check_moment
from sessions.labels import encode_owner, given_owner
from sessions.validation import (
    DEFAULT,
    MAX_ID_BYTES,
    PURGE_BATCH,
    check_count,
    check_flags,
    check_progress,
    check_session_id,
    check_text,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import date, datetime

    from sessions.crypto.keys import KeyProvider, KeyRing
    from sessions.crypto.subject import Subject
    from sessions.db import Backend
    from sessions.labels import Owner
    from sessions.log.adopt.sdk import SDKSessions
    from sessions.log.lifetime.audit import Done
    from sessions.session.base import LogSession
    from sessions.session.handle import Handle
    from sessions.store.forgetting import Forgetting
    from sessions.store.maintenance import Encryption
    from sessions.store.place import Place
    from sessions.types.retention import Audit, OwnerErasure, RetentionCandidate, RetentionPolicy, RetentionReport
    from sessions.validation import Default

MAX_ACTOR_BYTES: Final = 255
MAX_BATCH: Final = 10_000


class Retaining(ABC):
    """The part of a store that removes by policy and by owner, and keeps the audit. The rest is `Store`."""

    _backend: Backend
    _sdk: SDKSessions
    _encryption: Encryption | None
    _audits_kept: int
    _forgetting: Forgetting

    @abstractmethod
    def session(self, session_id: str) -> LogSession:
        """Return the session with an id, as `Store.session` does.

        Example: ``session = store.session("user_123")``
        """

    @abstractmethod
    def _forget_title(self, session_id: str) -> None: ...

    async def retain(
        self,
        policy: RetentionPolicy | Sequence[RetentionPolicy],
        *,
        dry_run: bool = False,
        batch: int = PURGE_BATCH,
        scrub: bool = True,
        actor: str | None = None,
        progress: Callable[[RetentionReport], object] | None = None,
    ) -> RetentionReport:
        """Remove the sessions, or the older turns of sessions, to which a policy applies.

        Example: ``report = await store.retain(RetentionPolicy(unchanged_for=timedelta(days=90)), dry_run=True)``

        Of several policies, those with the most specific owner count for a session: more labels before fewer, and
        ``owner`` before ``below``. If one of these applies, the session goes. A leased session is spared, and so is one
        with a tool call without an output, as a human may still have to approve it.

        Each session is erased in one transaction, as `erase` does, with all branches and usage; older turns are removed
        in batches, as expired items are purged. Each transaction adds an audit row. A session that another caller uses
        at the same moment is left for the next run. After an interruption, call it again: finished transactions stay
        done. Several processes may run it at once. Ages are counted by the clock of this process.

        Args:
            policy: One policy, or a list.
            dry_run: Whether to remove nothing, and only count. `preview_retention` lists it.
            batch: After so many items, a transaction goes no further. A session of more is still erased in one.
            scrub: Whether to call `scrub` at the end; otherwise call it yourself.
            actor: The person or program that removes, for the audit rows: text of 1 to 255 bytes in UTF-8.
            progress: Called after each transaction with the report so far; in a dry run, for each session that would
                go.

        Returns:
            The report: how many sessions and items went, how many sessions were spared and why, and the pending work.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range.
            StoreError: The database refused the operation; finished transactions stay done.
            SessionClosedError: The store has been closed.
        """
        from sessions.store.retaining import Retention, check_policies  # noqa: PLC0415 - few programs retain

        check_flags(dry_run=dry_run, scrub=scrub)
        check_progress(progress)
        policies = check_policies(policy)
        entries = min(check_count(batch, "batch", least=1), MAX_BATCH)
        done = self._done("retain", actor)
        retention = Retention(self._place(), policies, None if dry_run else done, entries, progress)
        return await retention.run(scrub=scrub)

    async def preview_retention(
        self, policy: RetentionPolicy | Sequence[RetentionPolicy]
    ) -> AsyncIterator[RetentionCandidate]:
        """Iterate over the sessions that `retain` would erase, trim or spare, the oldest first. Nothing is removed.

        Example: ``async for found in store.preview_retention(policy): print(found.session_id, found.spared)``

        They are read in pages, so memory stays constant. Each session is shown as of the moment when it is read.

        Args:
            policy: As for `retain`.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: `policy` is an empty list.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        from sessions.store.retaining import check_policies, preview  # noqa: PLC0415 - as above

        async for found in preview(self._place(), check_policies(policy)):
            yield found

    async def erase_owner(
        self,
        owner: Owner,
        *,
        below: bool = False,
        scrub: bool = True,
        actor: str | None = None,
        progress: Callable[[OwnerErasure], object] | None = None,
    ) -> OwnerErasure:
        """Erase everything of an owner: all sessions with their branches, usage and keys, in batches.

        Example: ``receipt = await store.erase_owner(("acme", "ann"), actor="support")``

        Each session goes as with `erase`, in one transaction with its audit row, also if it is leased. Sessions that
        are made meanwhile go too, as it looks again until it finds none: stop the owner's programs first. After an
        interruption, call it again, also to finish pending work. No key is needed.

        The OpenAI Agents SDK's sessions have no owner until they are adopted and given one.

        Args:
            owner: The owner. ``None`` is refused, as it may come from a login that failed.
            below: Whether to erase those of all owners whose labels begin with this one's, as ``sessions(below=…)``
                lists them.
            scrub: Whether to call `scrub` at the end. To erase many owners, call it once, after the last one.
            actor: The person or program that removes, for the audit rows: text of 1 to 255 bytes in UTF-8.
            progress: Called after each transaction that removed something with the receipt so far.

        Returns:
            One receipt: the removed rows of every component and the pending work.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: `owner` or `actor` is not allowed.
            StoreError: The database refused the operation; finished transactions stay done.
            SessionClosedError: The store has been closed.
        """
        from sessions.store.erasing import erase_owner  # noqa: PLC0415 - few programs erase

        if owner is None:
            raise TypeError(
                "owner is None, perhaps from a login that found nobody. Nothing was done. Pass the owner to be erased."
            )
        encode_owner(owner)
        check_flags(below=below, scrub=scrub)
        check_progress(progress)
        done = self._done("erase_owner", actor)
        return await erase_owner(self._place(), owner, done, below=below, scrub=scrub, progress=progress)

    async def audits(
        self,
        *,
        session_id: str | None = None,
        thread_id: str | None = None,
        owner: Owner | Default = DEFAULT,
        what: str | None = None,
        since: date | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> list[Audit]:
        """List one page of the audit, the latest erasure first: its time, its actor, its counts.

        Example: ``rows = await store.audits(what="erase_owner", limit=20)``

        Rows hold no ids. With `session_id` or `thread_id`, those of this session or thread are found by its HMAC. Rows
        end after the store's `audit_ttl`, by the database's clock.

        Args:
            session_id: Only rows about the session with this id.
            thread_id: Only rows about the thread of LangGraph with this id.
            owner: Only the rows that sum up `erase_owner` for this owner. ``None`` is refused.
            what: Only rows of one operation: ``"erase"``, ``"erase_owner"``, ``"erase_memories"``,
                ``"retain"``, ``"redact"``, ``"remove"``.
            since: Only rows from this time on: a `datetime` with a time zone, or a `date` in UTC.
            limit: The maximum number of rows.
            after: The `cursor` of the previous page's last row.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: An argument is out of range, or two of `session_id`, `thread_id` and `owner` are given.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        from sessions.log.lifetime.audit import Wanted, find_audits, parse_cursor  # noqa: PLC0415 - few programs ask

        wanted = Wanted(most=check_count(limit, "limit", least=1))
        whose = given_owner(owner)
        if sum(one is not None for one in (session_id, thread_id, whose)) > 1:
            raise ValueError("session_id, thread_id and owner cannot be combined. Nothing was read. Give one of them.")
        if thread_id is not None:
            wanted = wanted._replace(subject=check_text(thread_id, "thread_id", MAX_ID_BYTES), kind="thread")
        if session_id is not None:
            wanted = wanted._replace(subject=check_session_id(session_id))
        if whose is not None:
            wanted = wanted._replace(subject=encode_owner(whose), kind="owner")
        if what is not None:
            wanted = wanted._replace(what=check_text(what, "what", MAX_ACTOR_BYTES))
        if since is not None:
            wanted = wanted._replace(since=check_moment(since, "since"))
        if after is not None:
            wanted = wanted._replace(before=parse_cursor(after))
        return await self._backend.read(lambda tx: find_audits(tx, wanted), "the store")

    async def erased_at(self, session_id: str) -> datetime | None:
        """Return when a session with this id was last erased; ``None`` if the audit has no such row.

        Example: ``was_erased = await store.erased_at("user_123") is not None``

        Erased means by `erase`, `erase_owner` or `retain`, within the store's `audit_ttl`. A session of the same id may
        have been started since.

        Raises:
            TypeError: `session_id` is not text.
            ValueError: `session_id` is not allowed.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        after: str | None = None
        while page := await self.audits(session_id=session_id, after=after):
            for row in page:
                if "sessions" in row.counts:
                    return row.at
            after = page[-1].cursor
        return None

    @property
    def _keys(self) -> KeyRing | KeyProvider | None:
        return None if self._encryption is None else self._encryption.encryption_key

    def _done(self, what: str, actor: str | None) -> Done:
        """Return the fields of an audit row that describe an operation."""
        from sessions.log.lifetime.audit import Done  # noqa: PLC0415 - few programs erase

        if actor is not None:
            check_text(actor, "actor", MAX_ACTOR_BYTES)
        return Done(what, actor, self._audits_kept)

    def _place(self) -> Place:
        from sessions.store.place import Place  # noqa: PLC0415 - as above

        def open_(session_id: str) -> Handle:
            return self.session(session_id)._handle  # noqa: SLF001 - it is one of ours

        def forget(subject: Subject) -> None:
            if subject.kind == "session":
                self._forget_title(subject.name)
            elif subject.kind == "thread":
                self._forgetting.thread(subject.name)

        return Place(self._backend, self._sdk, open_, forget, self._keys)
