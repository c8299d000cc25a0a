"""Applying retention policies to a store: sessions are judged one by one, and removed in short transactions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from sessions.clock import as_time, now
from sessions.crypto.subject import Subject
from sessions.db.erasure import NOT_SCRUBBED
from sessions.errors import DecryptionError, MissingKeyError
from sessions.labels import decode_owner
from sessions.log.component import conversations
from sessions.log.lifetime.retain import (
    Judged,
    Removal,
    Rule,
    find_old,
    judge,
    remove_sessions,
    trim_session,
)
from sessions.store.erasing import Destroying
from sessions.types.retention import RetentionCandidate, RetentionPolicy, RetentionReport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from sessions.db.transaction import Transaction
    from sessions.log.lifetime.audit import Done
    from sessions.log.lifetime.retain import Old
    from sessions.store.place import Place

_PAGE: Final = 256
"""Sessions looked at in one read."""

_SESSIONS: Final = 32
"""Sessions erased in one transaction, at most."""

_NAMED: Final = 100
"""Ids in a report."""


def check_policies(policy: object) -> tuple[RetentionPolicy, ...]:
    """Return one or several policies as a tuple.

    Raises:
        TypeError: They are neither.
        ValueError: There are none.
    """
    policies = (policy,) if isinstance(policy, RetentionPolicy) else policy
    if not isinstance(policies, list | tuple) or not all(isinstance(one, RetentionPolicy) for one in policies):
        raise TypeError(
            f"policy must be a RetentionPolicy or a list of them, not {type(policy).__name__}. Nothing was done. Write "
            "RetentionPolicy(unchanged_for=timedelta(days=90))."
        )
    if not policies:
        raise ValueError("policy is an empty list. Nothing was done. Pass at least one RetentionPolicy.")
    return tuple(policies)


async def candidates(place: Place, rules: Sequence[Rule]) -> AsyncIterator[Judged]:
    """Yield each session that goes by some rules, or would if nothing spared it, the oldest first."""
    after: int | None = 0
    while after is not None:
        page = partial(find_old, rules=rules, after=after, count=_PAGE)
        found, after = await place.backend.read(page, "the store")
        for old in found:
            judged = await _judge(place, old, rules)
            if judged is not None:
                yield judged


async def preview(place: Place, policies: Sequence[RetentionPolicy]) -> AsyncIterator[RetentionCandidate]:
    """Yield the sessions that `retain` would remove, and those it would spare; see `Store.preview_retention`."""
    at = now()
    async for one in candidates(place, [Rule.of(policy, at) for policy in policies]):
        yield RetentionCandidate(
            session_id=one.old.session_id,
            owner=decode_owner(one.owner),
            keep_turns=one.keep,
            entries=one.entries,
            spared=one.spared,
        )


class Retention:
    """One run of policies over a store.

    Args:
        place: Where they are applied.
        policies: The policies.
        done: For the audit rows; ``None`` for a dry run.
        entries: After so many entries, a transaction goes no further.
        progress: Called after each transaction, and in a dry run for each session, with the report so far.
    """

    def __init__(
        self,
        place: Place,
        policies: Sequence[RetentionPolicy],
        done: Done | None,
        entries: int,
        progress: Callable[[RetentionReport], object] | None,
    ) -> None:
        self._place = place
        self._done = done
        self._entries = entries
        self._progress = progress
        at = now()
        self._rules = [Rule.of(policy, at) for policy in policies]
        self._at = as_time(at)
        self._destroying = Destroying(place.backend, place.keys, [conversations(place.elsewhere.tables)])
        self._counts = dict.fromkeys(
            ("erased", "trimmed", "entries", "leased", "pending_calls", "unreadable", "changed"), 0
        )
        self._ids: dict[str, None] = {}
        self._others: dict[str, None] = {}

    async def run(self, *, scrub: bool) -> RetentionReport:
        """Apply them, and return the report."""
        if self._done is not None:
            await self._destroying.finish()
        waiting: list[Judged] = []
        async for one in candidates(self._place, self._rules):
            if one.spared is not None:
                self._counts["pending_calls" if one.spared == "pending" else one.spared] += 1
            elif self._done is None:
                self._removed(one, one.entries)
                self._tell()
            elif one.keep is not None:
                await self._trim(one, self._done)
            else:
                waiting.append(one)
            if len(waiting) >= _SESSIONS or sum(each.entries for each in waiting) >= self._entries:
                await self._erase(waiting)
                waiting = []
        await self._erase(waiting)
        pending: tuple[str, ...] = ()
        if self._done is not None:
            others = list(self._others)
            pending = await self._place.backend.vacuum(others, "the store") if scrub else (NOT_SCRUBBED,)
        return self._report((*self._destroying.pending, *pending))

    async def _erase(self, judged: list[Judged]) -> None:
        while judged and self._done is not None:
            removal = Removal(self._done, now(), self._entries, self._destroying.has_keys)
            work = partial(remove_sessions, judged=judged, removal=removal, elsewhere=self._place.elsewhere)
            erased = await self._place.backend.write(work, "the store")
            for one, rows in zip(judged, erased, strict=False):
                if rows is None:
                    self._counts["changed"] += 1
                    continue
                self._removed(one, rows.entries)
                self._place.forget(Subject("session", one.old.session_id))
                if rows.sdk_rows:
                    self._others.update(dict.fromkeys(self._place.elsewhere.tables))
            await self._destroying.finish()
            self._tell()
            judged = judged[len(erased) :]

    async def _trim(self, judged: Judged, done: Done) -> None:
        """Remove the older turns of a session in batches; before each one, it is judged again."""
        left: Judged | None = judged
        total = 0
        while left is not None and left.spared is None and left.keep is not None:
            removal = Removal(done, now(), self._entries, has_keys=False)
            handle = self._place.open(left.old.session_id)
            trim = partial(trim_session, conversation=handle.conversation, judged=left, removal=removal)
            try:
                gone = await handle.write(trim)
            except (DecryptionError, MissingKeyError):
                # As in `_judge`.
                self._counts["unreadable"] += 1
                break
            if gone is None:
                self._counts["changed"] += 1
                break
            total += gone
            if gone >= left.entries:
                break
            left = await _judge(self._place, left.old, self._rules)
        if total:
            self._removed(judged, total)
            self._tell()

    def _removed(self, judged: Judged, entries: int) -> None:
        self._counts["erased" if judged.keep is None else "trimmed"] += 1
        self._counts["entries"] += entries
        if len(self._ids) < _NAMED:
            self._ids[judged.old.session_id] = None

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self._report(()))

    def _report(self, pending: tuple[str, ...]) -> RetentionReport:
        return RetentionReport(
            ran_at=self._at, dry_run=self._done is None, session_ids=tuple(self._ids), pending=pending, **self._counts
        )


async def _judge(place: Place, old: Old, rules: Sequence[Rule]) -> Judged | None:
    handle = place.open(old.session_id)

    def work(tx: Transaction) -> Judged | None:
        return judge(tx, handle.conversation, old.number, rules)

    try:
        return await handle.read(work)
    except (DecryptionError, MissingKeyError):
        # Fetching its keys failed.
        return Judged(old, None, 0, None, 0, [], "unreadable")
