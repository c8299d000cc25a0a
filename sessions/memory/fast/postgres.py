"""The fast paths of memories on Postgres: each in one statement; puts that wait go together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from sessions.db.component import NOT_DONE
from sessions.db.groups import Groups
from sessions.db.sqlalchemy.errors import Trouble, trouble_of
from sessions.db.sqlalchemy.retry import FailedError, retry
from sessions.db.uncancelled import settle
from sessions.errors import StoreError
from sessions.memory.by_age import ByAge
from sessions.memory.candidates import SETTINGS_SEEN, WIDE
from sessions.memory.changes import Change
from sessions.memory.fast.statements import FILTER, LIST, PUT, OneByAge, OneFilter, OneList, OnePut, by_age
from sessions.memory.filtering import Begin
from sessions.memory.listing import BRIEF, ListMemories
from sessions.memory.narrowing import narrowings_of
from sessions.memory.prepared import Changed, PreparedPut
from sessions.memory.rows import MemoryRow
from sessions.memory.statements.listing import SPACES_AT_ONCE
from sessions.memory.writing import ends_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.db.component import FastPath, NotDone
    from sessions.db.jobs import Job
    from sessions.db.postgres.database import AsyncpgDatabase
    from sessions.memory.filtering import Part
    from sessions.memory.settings import Settings

_WORKERS: Final = 2
"""Groups under way at once: while one waits for the disk, the next is sent."""

_CANDIDATES: Final = WIDE
"""The most rows of a declared field that a filter looks at in one statement."""

_ALONE: Final = object()
"""The result of a put that is to be done by itself, beside the groups."""

_LARGE: Final = 1 << 20
"""Bytes of values that go together, at most."""


class PostgresPaths:
    """The fast paths of memories on one database: each does the same as its command, or leaves it to the command.

    Args:
        database: The database.
    """

    def __init__(self, database: AsyncpgDatabase) -> None:
        self._database = database
        self._puts = Groups(self._put_group, _WORKERS)

    def by_type(self) -> dict[type, FastPath]:
        """Return the fast paths by type of command."""
        return {ListMemories: self._list, ByAge: self._by_age, Begin: self._filter, Change: self._change}

    async def _list(self, work: ListMemories, subject: str) -> list[MemoryRow] | NotDone:
        if work.limit > BRIEF:
            return NOT_DONE
        below = work.below
        path, name = work.after or (below.low, "")
        values = OneList(path, name, below.high, work.limit, below.now)
        rows = await self._database.read_rows(subject, LIST, *values)
        found = [MemoryRow.of(tuple(row)) for row in rows if row["id"] is not None]
        found = [row for row in found if below.owner in (None, row.owner)][: work.limit]
        is_all = len(rows) < work.limit + SPACES_AT_ONCE and len({row["path"] for row in rows}) < SPACES_AT_ONCE
        return found if is_all or len(found) == work.limit else NOT_DONE

    async def _by_age(self, work: ByAge, subject: str) -> list[MemoryRow] | NotDone:
        if work.count > BRIEF:
            return NOT_DONE
        below = work.below
        values = OneByAge(below.low, below.high, below.owner, below.now, work.count)
        rows = await self._database.read_rows(subject, by_age(newest=work.newest), *values)
        if rows[0]["spaces"] > SPACES_AT_ONCE:
            return NOT_DONE
        return [MemoryRow.of(tuple(row)[1:]) for row in rows if row["id"] is not None]

    async def _filter(self, work: Begin, subject: str) -> Part | NotDone:
        settings: Settings | None = self._database.known.get(SETTINGS_SEEN)
        wanted, below = work.wanted, work.wanted.below
        narrowings = [] if settings is None else narrowings_of(wanted.compiled, settings.numbers)
        if settings is None or len(narrowings) != 1 or wanted.may_be_sealed:
            return NOT_DONE
        ((field, ranges),) = narrowings
        if len(ranges) > _CANDIDATES:
            return NOT_DONE
        since = next(one.since for one in settings.fields if one.number == field)
        firsts, lasts = zip(*ranges, strict=True)
        values = OneFilter(
            settings.number, since, field, firsts, lasts, below.low, below.high, below.owner, below.now, _CANDIDATES + 1
        )
        rows = await self._database.read_rows(subject, FILTER, *values)
        if not rows or rows[0]["rows"] > _CANDIDATES:
            return NOT_DONE
        found = [MemoryRow.of(tuple(row)[2:]) for row in rows if row["id"] is not None]
        return work.among([found], rows[0]["looked"])

    async def _change(self, change: Change, subject: str) -> Sequence[Changed] | NotDone:
        if change.sealing is not None:
            # Values are encrypted for the version and the id that only the transaction knows.
            return NOT_DONE
        if any(one.if_version is not None or not isinstance(one, PreparedPut) for one in change.changes):
            # It may be refused for a reason of its own, so it waits for no others.
            done: Any = _ALONE
        else:
            done = await self._puts.submit(change, subject)
        if done is not _ALONE:
            return cast("Sequence[Changed] | NotDone", done)
        async with self._database.turns.at(change.locks, subject):
            return await settle(self._put_alone(change, subject))

    async def _put_alone(self, change: Change, subject: str) -> Sequence[Changed] | NotDone:
        """Put one memory in one statement; return `NOT_DONE` if the general function has to do it."""
        values = _values_of(change)
        if values is None or change.mark is None or change.mark.is_in_doubt:
            return NOT_DONE
        mark = change.mark

        async def attempt() -> list[Any]:
            try:
                return await self._database.fetch(PUT, *values)
            except FailedError as failed:
                if not failed.outcome_known:
                    # Sent again, it might be done a second time, over the changes of others.
                    mark.is_in_doubt = True
                    return []
                if trouble_of(failed.error) in (Trouble.OTHER, Trouble.NO_TABLES, Trouble.LOCKED):
                    return []  # The general function says why, or waits.
                raise

        try:
            rows = await retry(attempt, self._database.patience, repeatable=True)
        except StoreError as error:
            raise error.about(subject) from error.__cause__
        if not rows:
            return NOT_DONE
        # A second attempt cannot tell how far it came.
        mark.is_in_doubt = True
        version, created_at, _ = rows[0]
        return [Changed(version, created_at, values.now, values.expires_at)]

    async def _put_group(self, jobs: list[Job[Any]]) -> None:
        """Do the waiting puts in one transaction, if nothing prevents that, and leave the rest."""
        together: list[Job[Any]] = []
        seen: set[tuple[str, str]] = set()
        size = 0
        for job in jobs:
            change = cast("Change", job.work)
            names = {(one.path, one.name) for one in change.changes}
            size += change.size
            job.result = _ALONE
            if not seen & names and size <= _LARGE and change.number == cast("Change", jobs[0].work).number:
                seen |= names
                together.append(job)
        if len(together) > 1:
            await self._put_together(together)
            return
        for job in together:
            try:
                job.result = await self._put_alone(cast("Change", job.work), job.subject)
            except BaseException as error:  # noqa: BLE001 - it belongs to the waiting caller
                job.error = error

    async def _put_together(self, jobs: Sequence[Job[Any]]) -> None:
        """Put several callers' memories in one transaction.

        If one is refused, or its namespace is locked for long, nothing is put: each is put by itself.
        """
        changes = [cast("Change", job.work) for job in jobs]
        whole = Change(
            [one for change in changes for one in change.changes],
            max(change.now for change in changes),
            changes[0].number,
        ).made_repeatable()

        async def attempt() -> Sequence[Changed] | None:
            try:
                return await self._database.attempt(whole)
            except FailedError as failed:
                if trouble_of(failed.error) is Trouble.LOCKED:
                    return None  # Each waits by itself.
                raise

        try:
            done = await retry(attempt, self._database.patience, repeatable=True)
        except StoreError as error:
            for job in jobs:
                job.error = error.about(job.subject)
            return
        except Exception:  # noqa: BLE001 - one was refused; it is told so when it is put by itself
            return
        if done is None:
            return
        results = iter(done)
        for job, change in zip(jobs, changes, strict=True):
            job.result = [next(results) for _ in change.changes]


def _values_of(change: Change) -> OnePut | None:
    """Return the parameters for one put in the clear; ``None`` of other changes, as of an imported memory."""
    if len(change.changes) != 1 or change.number or change.mark is None:
        return None
    (put,) = change.changes
    if not isinstance(put, PreparedPut) or put.fields or put.restored is not None:
        return None
    search = (None,) * 5 if put.search is None else put.search[:5]
    expires_at = ends_at(change.now, put.ttl)
    return OnePut(
        put.path,
        put.name,
        put.payload,
        put.ttl,
        expires_at,
        put.if_version,
        put.owner,
        change.number,
        change.mark.value,
        change.now,
        *search,
    )
