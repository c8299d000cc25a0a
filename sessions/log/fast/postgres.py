"""The hot path on Postgres: appends of all waiting sessions in one statement, reads in one each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import asyncpg

from sessions.db.dialect import POSTGRES
from sessions.db.postgres.database import as_lost
from sessions.db.postgres.groups import Groups
from sessions.db.postgres.listening import Listener, ListeningWaker
from sessions.db.postgres.planner import FEW
from sessions.db.sqlalchemy.deadline import Deadline
from sessions.db.sqlalchemy.errors import Trouble, is_database_error, trouble_of
from sessions.db.sqlalchemy.retry import FailedError, retry
from sessions.errors import StoreError
from sessions.log.append import Append
from sessions.log.core.heads import EVERYTHING, number_of
from sessions.log.fast.append_values import append_many_values, append_values
from sessions.log.fast.postgres_sealed import SealedPath
from sessions.log.fast.retry_keys import with_key
from sessions.log.fast.sealed_statements import SEALED_TAIL, SEALED_TAIL_FORKED, Sent
from sessions.log.fast.statements import APPEND, APPEND_MANY, TAIL, TAIL_FORKED, payloads_of_tail
from sessions.log.read import ReadTail, Tail

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessions.db.jobs import Job
    from sessions.db.postgres.database import AsyncpgDatabase
    from sessions.db.sqlalchemy.polling import PollingWaker
    from sessions.db.transaction import Statement, Transaction

T = TypeVar("T")

READS: Final = (TAIL, TAIL_FORKED, SEALED_TAIL, SEALED_TAIL_FORKED)

_WORKERS: Final = 2
"""Groups under way at once: while one waits for the disk, the next is sent."""


class PostgresDatabase:
    """`Database`, with a faster way for append and tail."""

    def __init__(self, general: AsyncpgDatabase) -> None:
        self._general = general
        words = {**general.words, **FEW}
        self._texts = {statement: statement.render(POSTGRES, words)[0] for statement in (APPEND, APPEND_MANY, *READS)}
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
        if not isinstance(work, Append) or self._general.carried():
            return await self._general.write(work, subject)
        await self._general.ensure_ours(subject, write=True)
        if work.changes_nothing:
            return cast("T", None)
        if not work.entries and work.idempotency is None:
            # It asks for a version alone.
            return await self._general.write(cast("Callable[[Transaction], T]", work), subject)
        appends = self._appends if work.conversation.vault is None else self._sealed.appends
        keyed = with_key(work)
        number = await appends.submit(keyed, subject)
        await self._general.changed(keyed)
        return cast("T", number)

    async def _tail(self, work: ReadTail, subject: str) -> Tail | None:
        """Return the tail, or ``None`` if the log's own function must look."""
        wanted = EVERYTHING if work.limit is None else min(work.limit, EVERYTHING)
        conversation, number = work.conversation, number_of(work.branch)
        values = conversation.session_id, wanted, work.branch, *conversation.visible.values(), number
        rows = await self.read_rows(subject, TAIL, *values)
        if rows and rows[-1][0] is None:
            rows = await self.read_rows(subject, TAIL_FORKED, *values)
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
            # A key that was seen before is for the log's own function to tell, and so are missing tables.
            left = trouble_of(failed.error) in (Trouble.OTHER, Trouble.NO_TABLES)
            if left or isinstance(failed.error, asyncpg.UniqueViolationError):
                return {}
            raise
        return {index: numbers[number] for index, number in enumerate(places) if number in numbers}

    async def read_rows(self, subject: str, statement: Statement, *values: Any) -> list[Any]:
        """Return what a statement that only reads finds, tried again if the connection is lost."""
        return await self._general.retried(subject, lambda: self.fetch(statement, *values), repeatable=True)

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
