"""The hot path on Postgres: appends of all waiting sessions in one statement, reads in one each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, cast

import asyncpg

from sessions.db.component import NOT_DONE
from sessions.db.groups import Groups
from sessions.db.sqlalchemy.errors import Trouble, trouble_of
from sessions.db.sqlalchemy.retry import FailedError, retry
from sessions.errors import StoreError
from sessions.log.append import Append
from sessions.log.core.heads import number_of
from sessions.log.fast.append_values import append_many_values, append_values, item_keys_values
from sessions.log.fast.encrypted_statements import Sent
from sessions.log.fast.parameters import OneAppend, OneTail
from sessions.log.fast.postgres_encrypted import EncryptedPath
from sessions.log.fast.statements import APPEND, APPEND_KEYED, APPEND_MANY, BEGIN, TAIL, TAIL_FORKED, payloads_of_tail
from sessions.log.read import ReadTail, Tail

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sessions.db.component import FastPath, NotDone
    from sessions.db.jobs import Job
    from sessions.db.postgres.database import AsyncpgDatabase

_WORKERS: Final = 2
"""Groups under way at once: while one waits for the disk, the next is sent."""

_ANY_NUMBER: Final = 1_000
"""The same for appends with keys, which are sent one by one: the pool limits how many."""


class PostgresPaths:
    """The fast paths of conversations on one database: each does the same as its command, or leaves it to the command.

    Args:
        database: The database.
    """

    def __init__(self, database: AsyncpgDatabase) -> None:
        self._database = database
        self._appends = Groups(self._append_group, _WORKERS)
        self._keyed = Groups(self._append_each_keyed, _ANY_NUMBER)
        self._encrypted = EncryptedPath(database, self)

    def by_type(self) -> dict[type, FastPath]:
        """Return the fast paths by type of command."""
        return {ReadTail: self._tail, Append: self._append}

    async def _append(self, append: Append, subject: str) -> int | NotDone | None:
        if append.changes_nothing:
            return None
        alone = not append.entries and append.idempotency is None
        other = any(entry.format is not None for entry in append.entries)
        encrypted = append.conversation.encryption is not None
        if alone or other or (append.keyed and encrypted) or append.conversation.attempt is not None:
            # It asks for a version alone; or stores a format, which the statements write none of; or the digests of its
            # keys are to be encrypted, too; or it also looks at the lease of the branch of which it is an attempt.
            return NOT_DONE
        if append.keyed:
            return await self._keyed.submit(append, subject)
        appends = self._encrypted.appends if encrypted else self._appends
        return await appends.submit(append, subject)

    async def _tail(self, work: ReadTail, subject: str) -> Tail | NotDone:
        if work.conversation.attempt is not None:
            return NOT_DONE
        if work.conversation.encryption is not None:
            return await self._encrypted.tail(work, subject)
        wanted = work.wanted
        conversation, number = work.conversation, number_of(work.branch)
        values = OneTail(
            conversation.session_id, wanted, work.branch, number, owner=conversation.owner, **conversation.visible
        )
        rows = await self._database.read_rows(subject, TAIL, *values)
        if rows and rows[-1][0] is None:
            rows = await self._database.read_rows(subject, TAIL_FORKED, *values)
        found = payloads_of_tail(rows, wanted)
        if found is None:
            return NOT_DONE
        payloads, branch = found
        try:
            items = work.conversation.codec.decode_all(payloads)
        except ValueError:
            return NOT_DONE
        items.reverse()
        return Tail(items, [], branch)

    async def _append_group(self, jobs: list[Job[Any]]) -> None:
        """Append together; the log's own function appends the rest one by one."""
        appends = [cast("Append", job.work) for job in jobs]
        await self.append_together(
            [Sent(job, append, (append.expected_version, None)) for job, append in zip(jobs, appends, strict=True)]
        )

    async def append_together(self, sent: Sequence[Sent]) -> list[Sent]:
        """Append together; the log's own function appends the rest one by one.

        Returns:
            Those that went together.
        """
        try:
            done, new = await retry(lambda: self._try_together(sent), self._database.patience, repeatable=True)
        except StoreError as error:
            for one in sent:
                one.job.error = error.about(one.job.subject)
            return []
        left = {index: one.job for index, one in enumerate(sent) if index not in done}
        await self.append_singly(left.values(), new=[left[index] for index in new])
        for index, number in done.items():
            sent[index].job.result = number
        return [sent[index] for index in done]

    async def append_singly(self, jobs: Iterable[Job[Any]], *, new: Sequence[Job[Any]] = ()) -> None:
        """Append one by one: the first items of a `new` session in one statement, others by the log's own function."""
        for job in jobs:
            try:
                if job in new and (number := await self._begin(job)) is not None:
                    job.result = number
                    continue
                job.result = await self._database.write_in_transaction(job.work, job.subject)
            except BaseException as error:  # noqa: BLE001 - it belongs to the waiting caller
                job.error = error

    async def _append_each_keyed(self, jobs: list[Job[Any]]) -> None:
        """Append items with keys, each append by itself, at the same time."""
        await asyncio.gather(*map(self._append_keyed, jobs))

    async def _append_keyed(self, job: Job[Any]) -> None:
        """Append in one statement if all keys are new; else the log's own function does."""
        append = cast("Append", job.work)
        values = append_values(append, (append.expected_version, None))
        try:
            number = await retry(lambda: self._try_keyed(append, values), self._database.patience, repeatable=True)
        except StoreError as error:
            job.error = error.about(job.subject)
        else:
            job.result = number
            if number is None:
                await self.append_singly([job])

    async def _try_keyed(self, append: Append, values: OneAppend | None) -> int | None:
        """Return the branch's number; ``None`` if the append is left."""
        if values is None:
            return None
        try:
            rows = await self._database.fetch(APPEND_KEYED, *values, *item_keys_values(append))
        except FailedError as failed:
            if _is_for_the_log(failed):
                return None
            raise
        return rows[0][0] if rows else None

    async def _begin(self, job: Job[Any]) -> int | None:
        """Make a session of its first items; return its branch's number, or ``None`` if the log's function must."""
        append = cast("Append", job.work)
        conversation = append.conversation
        nothing_to_adopt = conversation.elsewhere.is_known_to_be_empty(self._database.known)
        if not nothing_to_adopt or conversation.encryption is not None or not append.entries or not append.idempotency:
            return None
        values = append_values(append, (append.expected_version, None))
        if values is None:
            return None

        async def attempt() -> list[Any]:
            try:
                return await self._database.fetch(BEGIN, *values)
            except FailedError as failed:
                if trouble_of(failed.error) in (Trouble.OTHER, Trouble.NO_TABLES):
                    return []  # The log's own function says why.
                raise

        try:
            rows = await retry(attempt, self._database.patience, repeatable=True)
        except StoreError as error:
            raise error.about(job.subject) from error.__cause__
        return int(rows[0][0]) if rows else None

    async def _try_together(self, sent: Sequence[Sent]) -> tuple[dict[int, int], list[int]]:
        """Return the numbers of the branches of the appends that were done, by their indexes.

        The result is empty if one was refused or had been done before.

        Returns:
            These, and the indexes of the appends whose session was not found.
        """
        appends = [one.append for one in sent]
        required = [one.required for one in sent]
        try:
            if len(appends) == 1 and (alone := append_values(appends[0], required[0])):
                rows = await self._database.fetch(APPEND, *alone)
                if not rows:
                    return {}, [0]
                number, _ = rows[0]
                return {} if number is None else {0: number}, []
            values, places = append_many_values(appends, required)
            found = {number: of_branch for number, of_branch, _ in await self._database.fetch(APPEND_MANY, *values)}
        except FailedError as failed:
            if _is_for_the_log(failed):
                return {}, []
            raise
        done = {index: found[number] for index, number in enumerate(places) if found.get(number) is not None}
        return done, [index for index, number in enumerate(places) if number and number not in found]


def _is_for_the_log(failed: FailedError) -> bool:
    """Tell whether the log's own function has to say why: a key was seen before, or tables are missing."""
    left = trouble_of(failed.error) in (Trouble.OTHER, Trouble.NO_TABLES)
    return left or isinstance(failed.error, asyncpg.UniqueViolationError)
