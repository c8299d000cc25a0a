"""The hot path on Postgres: appends of all waiting sessions in one statement, reads and pops in one each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import asyncpg

from sessions.codecs.json import JSONCodec
from sessions.db.dialect import POSTGRES
from sessions.db.postgres.database import as_lost
from sessions.db.postgres.groups import Groups
from sessions.db.postgres.listening import Listener, ListeningWaker
from sessions.db.postgres.planner import FEW
from sessions.db.sqlalchemy.deadline import Deadline
from sessions.db.sqlalchemy.errors import Trouble, is_database_error, trouble_of
from sessions.db.sqlalchemy.retry import FailedError, retry
from sessions.db.uncancelled import settle
from sessions.errors import StoreError
from sessions.log.append import Append
from sessions.log.core.change_log import KEPT_VERSIONS
from sessions.log.core.heads import EVERYTHING, MAIN, BranchName, number_of
from sessions.log.fast.append_values import append_many_values, append_values
from sessions.log.fast.lease_statements import SET_LEASE, TAKE_LEASE, set_values, take_values
from sessions.log.fast.postgres_sealed import SealedPath
from sessions.log.fast.retry_keys import with_key
from sessions.log.fast.sealed_statements import SEALED_POP, SEALED_TAIL, SEALED_TAIL_FORKED, Sent
from sessions.log.fast.statements import APPEND, APPEND_MANY, POP, TAIL, TAIL_FORKED, payloads_of_tail
from sessions.log.leases import SetLease, TakeLease, Taken
from sessions.log.pop import Pop
from sessions.log.read import ReadTail, Tail

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessions.db.jobs import Job
    from sessions.db.postgres.database import AsyncpgDatabase
    from sessions.db.sqlalchemy.polling import PollingWaker
    from sessions.db.transaction import Statement, Transaction

T = TypeVar("T")

READS: Final = (TAIL, TAIL_FORKED, SEALED_TAIL, SEALED_TAIL_FORKED)

_UNREADABLE_THERE: Final = (
    asyncpg.CharacterNotInRepertoireError,
    asyncpg.UntranslatableCharacterError,
    asyncpg.StatementTooComplexError,
)
"""Of an entry that is no text, has characters that the database's encoding lacks, or is nested beyond its stack."""

_SHORT: Final = (Append, Pop, TakeLease, SetLease)
_NOT_DONE: Final = object()

_WORKERS: Final = 2
"""Groups under way at once: while one waits for the disk, the next is sent."""


class PostgresDatabase:
    """`Database`, with a faster way for append, tail and pop."""

    def __init__(self, general: AsyncpgDatabase) -> None:
        self._general = general
        words = {**general.words, **FEW}
        self._texts = {
            statement: statement.render(POSTGRES, words)[0]
            for statement in (APPEND, APPEND_MANY, POP, SEALED_POP, TAKE_LEASE, SET_LEASE, *READS)
        }
        self._knows_pop = True
        self._appends = Groups(self._append, _WORKERS)
        self._sealed = SealedPath(self)
        self._listener = Listener(general)

    def waker(self, session_id: str) -> PollingWaker:
        """Return what wakes one who watches a session."""
        return ListeningWaker(self._general.looks, self._listener, session_id)

    async def tidy(self) -> None:
        """Do what is due before the engine is let go."""
        await self._general.tidy()

    async def ensure_schema(self, subject: str) -> None:
        """Check the schema, once, and make the tables if that was asked for."""
        await self._general.ensure_schema(subject)

    async def read(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Return what `work` finds in one snapshot."""
        if isinstance(work, ReadTail) and not self._general.carried():
            await self._general.ensure_ours(subject)
            sealed = work.conversation.vault is not None
            tail = await (self._sealed.tail(work, subject) if sealed else self._tail(work, subject))
            if tail is not None:
                return cast("T", tail)
        return await self._general.read(work, subject)

    async def write(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Do `work` as one transaction."""
        if not isinstance(work, _SHORT) or self._general.carried():
            return await self._general.write(work, subject)
        await self._general.ensure_ours(subject, write=True)
        done = await self._write_shortly(work, subject)
        if done is _NOT_DONE:
            done = await self._general.write(cast("Callable[[Transaction], T]", work), subject)
        return cast("T", done)

    async def _write_shortly(self, work: Append | Pop | TakeLease | SetLease, subject: str) -> Any:
        """Return the result, or `_NOT_DONE` if the log's own function must do it."""
        if isinstance(work, Append):
            if work.changes_nothing:
                return None
            if not work.entries and work.idempotency is None:
                return _NOT_DONE
            appends = self._appends if work.conversation.vault is None else self._sealed.appends
            keyed = with_key(work)
            number = await appends.submit(keyed, subject)
            await self._general.changed(keyed)
            return number
        if isinstance(work, Pop):
            item = await self._popped(work, subject)
            return _NOT_DONE if item is None else (item, [])
        done = await (self._take(work, subject) if isinstance(work, TakeLease) else self._set(work, subject))
        return _NOT_DONE if done is None else done

    async def _tail(self, work: ReadTail, subject: str) -> Tail | None:
        """Return the tail, or ``None`` if the log's own function must look."""
        wanted = EVERYTHING if work.limit is None else min(work.limit, EVERYTHING)
        conversation, number = work.conversation, number_of(work.branch)
        values = conversation.session_id, wanted, work.branch, *conversation.visible.values(), number
        rows = await self.retried(subject, TAIL, *values, repeatable=True)
        if rows and rows[-1][0] is None:
            rows = await self.retried(subject, TAIL_FORKED, *values, repeatable=True)
        found = payloads_of_tail(rows, wanted)
        if found is None:
            return None
        payloads, branch = found
        try:
            items = work.conversation.codec.decode_all(payloads)
        except ValueError:
            return None
        items.reverse()
        return Tail(items, [], branch)

    async def _popped(self, work: Pop, subject: str) -> Any:
        """Return the popped item, or ``None`` if the log's own function must look."""
        if work.conversation.lease is not None:
            # Whether it is still held; the session may be another one, made anew, that never had any.
            return None
        sealed = work.conversation.vault is not None
        return await (self._sealed.pop(work, subject) if sealed else self._pop(work, subject))

    async def _pop(self, work: Pop, subject: str) -> Any:
        """Return the popped item, or ``None`` if the log's own function must look."""
        if not self._knows_pop or type(work.conversation.codec) is not JSONCodec:
            # The statement removes what is JSON, and cannot tell what another codec, or one made of it, would not read.
            return None
        values = (
            work.conversation.session_id,
            work.now,
            KEPT_VERSIONS,
            work.branch,
            work.conversation.visible["oldest"],
            number_of(work.branch),
        )
        # A cancelled caller must not be told before it is settled: the server would go on with what was sent.
        rows = await settle(self._general.retried(subject, lambda: self._fetch_pop(*values), repeatable=False))
        return work.conversation.codec.decode(rows[0][0]) if rows else None

    async def _take(self, work: TakeLease, subject: str) -> Taken | None:
        """Return the lease that was taken, or ``None`` if the log's own function must look."""
        seal = None
        if work.conversation.vault is not None:
            seal = await self._sealed.openable_seal(work.conversation, work.branch, subject)
            if seal is None:
                return None
        rows = await settle(self.retried(subject, TAKE_LEASE, *take_values(work, seal), repeatable=True))
        if not rows:
            return None
        name, token, number = rows[0]
        return Taken(name if name == MAIN else BranchName(name, number), token)

    async def _set(self, work: SetLease, subject: str) -> bool:
        """Return whether the lease was still held."""
        return bool(await settle(self.retried(subject, SET_LEASE, *set_values(work), repeatable=True)))

    async def _fetch_pop(self, *values: Any) -> list[Any]:
        try:
            return await self.fetch(POP, *values)
        except FailedError as failed:
            if isinstance(failed.error, _UNREADABLE_THERE):
                return []
            if isinstance(failed.error, asyncpg.PostgresSyntaxError):
                # A server before Postgres 16.
                self._knows_pop = False
                return []
            raise

    async def _append(self, jobs: list[Job[Any]]) -> None:
        """Append together; what that leaves is appended one by one by the log's own function."""
        appends = [cast("Append", job.work) for job in jobs]
        await self.append_together(
            [Sent(job, append, (append.expected_version, None)) for job, append in zip(jobs, appends, strict=True)]
        )

    async def append_together(self, sent: Sequence[Sent]) -> list[Sent]:
        """Append together; what that leaves is appended one by one by the log's own function.

        Returns:
            Those that went together.
        """
        try:
            done = await retry(lambda: self._try_together(sent), self._general.patience, repeatable=True)
        except StoreError as error:
            for one in sent:
                one.job.error = error.about(one.job.subject)
            return []
        await self.append_singly([one.job for number, one in enumerate(sent) if number not in done])
        for index, number in done.items():
            sent[index].job.result = number
        return [sent[index] for index in done]

    async def append_singly(self, jobs: Sequence[Job[Any]]) -> None:
        """Append one by one, by the log's own function."""
        for job in jobs:
            try:
                job.result = await self._general.write(job.work, job.subject)
            except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits for this job
                job.error = error

    async def _try_together(self, sent: Sequence[Sent]) -> dict[int, int]:
        """Return the numbers of the branches of the appends that were done, by their indexes.

        There are none if one was refused or had been done before.
        """
        appends = [one.append for one in sent]
        required = [one.required for one in sent]
        try:
            if len(appends) == 1 and (alone := append_values(appends[0], required[0])):
                rows = await self.fetch(APPEND, *alone)
                return {0: rows[0][0]} if rows else {}
            values, places = append_many_values(appends, required)
            numbers = {row[0]: row[1] for row in await self.fetch(APPEND_MANY, *values)}
        except FailedError as failed:
            # A key that was seen before is for the log's own function to tell, and missing tables for `retried`.
            left = trouble_of(failed.error) in (Trouble.OTHER, Trouble.NO_TABLES)
            if left or isinstance(failed.error, asyncpg.UniqueViolationError):
                return {}
            raise
        return {index: numbers[number] for index, number in enumerate(places) if number in numbers}

    async def retried(self, subject: str, statement: Statement, *values: Any, repeatable: bool) -> list[Any]:
        """Return a statement's rows, tried again if the connection is lost and that is safe."""
        attempt = self._general.retried(subject, lambda: self.fetch(statement, *values), repeatable=repeatable)
        # A cancelled caller must not be told of a change before it is settled: the server would go on with it.
        return await (attempt if repeatable else settle(attempt))

    async def fetch(self, statement: Statement, *values: Any) -> list[Any]:
        """Return a statement's rows, or raise `FailedError`."""
        sent = False
        try:
            async with (
                Deadline(self._general.attempt_timeout, self._general.outage) as deadline,
                self._general.borrowed(deadline) as connection,
            ):
                sent = True
                return cast("list[Any]", await connection.fetch(self._texts[statement], *values))
        except Exception as error:
            if not is_database_error(error):
                raise
            # What the server says, but for "connection exception", it says instead of committing.
            said = isinstance(error, asyncpg.PostgresError) and not isinstance(error, asyncpg.PostgresConnectionError)
            error = as_lost(error) if sent else error
            # Nothing can have come of a read.
            is_read = statement in READS
            raise FailedError(error, outcome_known=said or not sent or is_read) from None
