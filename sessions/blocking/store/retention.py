"""Retention: policies, erasing an owner, and the audit of removals.

Made by scripts/build_blocking.py from sessions/store/retention.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.driving import Part, Steps, run
from sessions.validation import DEFAULT, PURGE_BATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, datetime

    import sessions.store.retention
    from sessions.labels import Owner
    from sessions.types.retention import Audit, OwnerErasure, RetentionCandidate, RetentionPolicy, RetentionReport
    from sessions.validation import Default


class Retaining(Part):
    """The part of a store that removes by policy and by owner, and keeps the audit. The rest is `Store`."""

    _async: sessions.store.retention.Retaining

    def retain(
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

        Example: ``report = store.retain(RetentionPolicy(unchanged_for=timedelta(days=90)), dry_run=True)``

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
        return run(
            self._async.retain(policy, dry_run=dry_run, batch=batch, scrub=scrub, actor=actor, progress=progress)
        )

    def preview_retention(self, policy: RetentionPolicy | Sequence[RetentionPolicy]) -> Steps[RetentionCandidate]:
        """Iterate over the sessions that `retain` would erase, trim or spare, the oldest first. Nothing is removed.

        Example: ``for found in store.preview_retention(policy): print(found.session_id, found.spared)``

        They are read in pages, so memory stays constant. Each session is shown as of the moment when it is read.

        Args:
            policy: As for `retain`.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: `policy` is an empty list.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        return Steps(self._async.preview_retention(policy))

    def erase_owner(
        self,
        owner: Owner,
        *,
        below: bool = False,
        scrub: bool = True,
        actor: str | None = None,
        progress: Callable[[OwnerErasure], object] | None = None,
    ) -> OwnerErasure:
        """Erase everything of an owner: all sessions with their branches, usage and keys, in batches.

        Example: ``receipt = store.erase_owner(("acme", "ann"), actor="support")``

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
        return run(self._async.erase_owner(owner, below=below, scrub=scrub, actor=actor, progress=progress))

    def audits(
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

        Example: ``rows = store.audits(what="erase_owner", limit=20)``

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
        return run(
            self._async.audits(
                session_id=session_id,
                thread_id=thread_id,
                owner=owner,
                what=what,
                since=since,
                limit=limit,
                after=after,
            )
        )

    def erased_at(self, session_id: str) -> datetime | None:
        """Return when a session with this id was last erased; ``None`` if the audit has no such row.

        Example: ``was_erased = store.erased_at("user_123") is not None``

        Erased means by `erase`, `erase_owner` or `retain`, within the store's `audit_ttl`. A session of the same id may
        have been started since.

        Raises:
            TypeError: `session_id` is not text.
            ValueError: `session_id` is not allowed.
            StoreError: The database refused the operation.
            SessionClosedError: The store has been closed.
        """
        return run(self._async.erased_at(session_id))
