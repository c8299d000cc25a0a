"""The hot path on Postgres: appends of all waiting sessions in one statement, reads in one each.

What a group leaves is done for its caller alone, beside the groups: it may wait for a lock, and others do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from sessions.db.component import NOT_DONE
from sessions.db.groups import Groups
from sessions.db.sqlalchemy.errors import Trouble, trouble_of
from sessions.db.sqlalchemy.retry import FailedError, retry
from sessions.db.uncancelled import settle
from sessions.errors import StoreError
from sessions.log.append import Append
from sessions.log.core.heads import number_of
from sessions.log.fast.append_values import append_many_values, append_values, item_keys_values
from sessions.log.fast.encrypted_statements import Sent
from sessions.log.fast.parameters import OneTail
from sessions.log.fast.postgres_encrypted import EncryptedPath
from sessions.log.fast.statements import (
    APPEND,
    APPEND_KEYED,
    APPEND_MANY,
    APPEND_MANY_BESIDE,
    BEGIN,
    TAIL,
    TAIL_FORKED,
    payloads_of_tail,
)
from sessions.log.read import ReadTail, Tail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.db.component import FastPath, NotDone
    from sessions.db.jobs import Job
    from sessions.db.postgres.database import AsyncpgDatabase
    from sessions.db.transaction import Statement

_WORKERS: Final = 2
"""Groups under way at once: while one waits for the disk, the next is sent."""

_FOR_THE_LOG: Final = (Trouble.OTHER, Trouble.NO_TABLES)
"""Troubles of which the log's own function has to say why: a key was seen before, or tables are missing."""

_MISSING: Final = object()
"""The result of an append whose session was not found."""


class PostgresPaths:
    """The fast paths of conversations on one database: each does the same as its command, or leaves it to the command.

    Args:
        database: The database.
    """

    def __init__(self, database: AsyncpgDatabase) -> None:
        self._database = database
        self._appends = Groups(self._append_group, _WORKERS)
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
            async with self._database.turns.at(append.locks, subject):
                return await settle(self._append_keyed(append, subject))
        appends = self._encrypted.appends if encrypted else self._appends
        done: Any = await appends.submit(append, subject)
        if done is not _MISSING:
            return cast("int | NotDone", done)
        async with self._database.turns.at(append.locks, subject):
            return await settle(self._begin(append, subject))

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
        appends = [cast("Append", job.work) for job in jobs]
        await self.append_together(
            [Sent(job, append, (append.expected_version, None)) for job, append in zip(jobs, appends, strict=True)]
        )

    async def append_together(self, sent: Sequence[Sent]) -> list[Sent]:
        """Append together, and leave the rest.

        Returns:
            Those that went together.
        """
        try:
            done, new = await retry(lambda: self._try_together(sent), self._database.patience, repeatable=True)
        except StoreError as error:
            for one in sent:
                one.job.error = error.about(one.job.subject)
            return []
        for index, one in enumerate(sent):
            one.job.result = done.get(index, _MISSING if index in new else NOT_DONE)
        return [sent[index] for index in done]

    async def _append_keyed(self, append: Append, subject: str) -> int | NotDone:
        """Append in one statement if all keys are new."""
        values = append_values(append, (append.expected_version, None))
        if values is None:
            return NOT_DONE
        return await self._number(subject, APPEND_KEYED, *values, *item_keys_values(append))

    async def _begin(self, append: Append, subject: str) -> int | NotDone:
        """Make a session of its first items in one statement."""
        conversation = append.conversation
        nothing_to_adopt = conversation.elsewhere.is_known_to_be_empty(self._database.known)
        if not nothing_to_adopt or conversation.encryption is not None or not append.entries or not append.idempotency:
            return NOT_DONE
        values = append_values(append, (append.expected_version, None))
        return NOT_DONE if values is None else await self._number(subject, BEGIN, *values)

    async def _number(self, subject: str, statement: Statement, *values: Any) -> int | NotDone:
        """Return the number of the branch that a statement has appended to."""
        try:
            rows = await self._database.rows_unless(_FOR_THE_LOG, statement, *values)
        except StoreError as error:
            raise error.about(subject) from error.__cause__
        return NOT_DONE if not rows or rows[0][0] is None else int(rows[0][0])

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
            try:
                rows = await self._database.fetch(APPEND_MANY, *values)
            except FailedError as failed:
                if trouble_of(failed.error) is not Trouble.LOCKED:
                    raise
                rows = await self._database.fetch(APPEND_MANY_BESIDE, *values)
        except FailedError as failed:
            if trouble_of(failed.error) in (*_FOR_THE_LOG, Trouble.LOCKED):
                return {}, []
            raise
        found = {number: of_branch for number, of_branch, _ in rows}
        done = {index: found[number] for index, number in enumerate(places) if found.get(number) is not None}
        return done, [index for index, number in enumerate(places) if number and number not in found]
