"""The hot path of encrypted sessions on Postgres.

A payload is bound to its place and its version, which are known only under the session's lock. So it is encrypted for
those that were read last, and appended on condition that the session still has the version and the wrapped keys of
then. If it has not, the log's own function encrypts it under the lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import msgspec

from sessions.crypto.subject import KeyWanted
from sessions.db.component import NOT_DONE
from sessions.db.groups import Groups
from sessions.errors import DecryptionError
from sessions.items.kinds import USER
from sessions.log.core.extend import NewEntry, entry_rows
from sessions.log.core.heads import EVERYTHING, number_of
from sessions.log.core.reader import reader_of
from sessions.log.fast.encrypted_statements import ENCRYPTED_TAIL, ENCRYPTED_TAIL_FORKED, End, Sent
from sessions.log.fast.parameters import OneTail
from sessions.log.read import Tail

if TYPE_CHECKING:
    from sessions.db.component import NotDone
    from sessions.db.jobs import Job
    from sessions.db.postgres.database import AsyncpgDatabase
    from sessions.log.append import Append
    from sessions.log.conversation import Conversation
    from sessions.log.encryption.session_encryption import SessionEncryption
    from sessions.log.fast.append_values import Required
    from sessions.log.fast.postgres import PostgresPaths
    from sessions.log.read import ReadTail

_REMEMBERED: Final = 10_000
"""Of how many branches the ends are remembered."""


class _Growing(NamedTuple):
    """A group's appends to one session.

    Attributes:
        way: Its branch, the lease that is held and the owner that is wanted; appends with others do not go together
            with these.
        required: The version and the wrapped keys that the session must have.
        end: The branch's end after the group's appends.
    """

    way: tuple[str | None, int | None, str | None]
    required: Required
    end: End


class EncryptedPath:
    """Reads and appends for the encrypted sessions of a database.

    Attributes:
        appends: Takes appends. One group at a time: the next one is encrypted for the version that this one makes.
    """

    def __init__(self, database: AsyncpgDatabase, paths: PostgresPaths) -> None:
        self._database = database
        self._paths = paths
        self.appends = Groups(self._append, workers=1)
        # By session and branch, with None for the current one.
        self._ends: dict[tuple[str, str | None], End] = {}

    async def tail(self, work: ReadTail, subject: str) -> Tail | NotDone:
        """Return the tail, unless the command itself must look.

        Raises:
            DecryptionError: The session is encrypted with another key, or an entry was altered.
        """
        wanted = work.wanted
        rows, end = await self._read(work.conversation, work.branch, wanted, subject)
        # Fewer than wanted although there may be more below: something was removed in between.
        if end is None or end.annotated or (wanted < EVERYTHING and len(rows) < min(wanted, end.tip)):
            return NOT_DONE
        try:
            items = reader_of(work.conversation, end.wrapped_keys).open_all(rows)
        except ValueError:
            return NOT_DONE
        items.reverse()
        return Tail(items, [], end.branch)

    async def _read(
        self, conversation: Conversation, branch: str | None, wanted: int, subject: str
    ) -> tuple[list[Any], End | None]:
        """Return the latest entries of a branch, newest first, and its end.

        ``None`` if the session is not encrypted, or if the stored branch is impossible.
        """
        values = OneTail(
            conversation.session_id,
            wanted,
            branch,
            number_of(branch),
            owner=conversation.owner,
            **conversation.visible,
        )
        rows = await self._database.read_rows(subject, ENCRYPTED_TAIL, *values)
        if rows and rows[-1][0] is None:
            rows = await self._database.read_rows(subject, ENCRYPTED_TAIL_FORKED, *values)
        if not rows or rows[-1][0] is None:
            return [], None
        end = End.of(rows.pop())
        self._remember(conversation.session_id, branch, end)
        return rows, end

    def _remember(self, session_id: str, branch: str | None, end: End) -> None:
        for name in {branch, end.branch}:
            self._ends[session_id, name] = end
        while len(self._ends) > _REMEMBERED:
            del self._ends[next(iter(self._ends))]

    async def _append(self, jobs: list[Job[Any]]) -> None:
        """Append together all that can be encrypted for known positions, and leave the rest."""
        moment = max(cast("Append", job.work).now for job in jobs)
        ends: dict[str, _Growing] = {}
        sent: list[Sent] = []
        for job in jobs:
            job.result = NOT_DONE
            try:
                encrypted = await self._encrypted(job, moment, ends)
            except BaseException as error:  # noqa: BLE001 - it belongs to the waiting caller
                job.error = error
                continue
            if encrypted is not None:
                sent.append(encrypted)
        done = await self._paths.append_together(sent) if sent else []
        for job in jobs:
            append = cast("Append", job.work)
            # It has another version now, unless all of its appends went together.
            self._ends.pop((append.conversation.session_id, append.branch), None)
        if len(done) == len(jobs):
            for one in done:
                session_id = one.append.conversation.session_id
                self._remember(session_id, one.append.branch, ends[session_id].end)

    async def _encrypted(self, job: Job[Any], moment: int, ends: dict[str, _Growing]) -> Sent | None:
        """Return an append as it is sent; ``None`` if it cannot be encrypted before its session is locked.

        Args:
            job: The job.
            moment: When the group is appended.
            ends: By session, the group's earlier appends.
        """
        append = cast("Append", job.work)
        session_id = append.conversation.session_id
        before = remembered = self._ends.get((session_id, append.branch))
        if before is None:
            _, before = await self._read(append.conversation, append.branch, 0, job.subject)
        if before is None or not before.may_extend:
            return None
        if append.expected_version is not None and (session_id in ends or append.expected_version != before.version):
            return None
        way = append.branch, append.conversation.lease, append.conversation.owner
        required = before.version, before.wrapped_keys
        first = _Growing(way, required, before._replace(version=before.version + 1))
        growing = ends.setdefault(session_id, first)
        if growing[:2] != first[:2]:
            # `append_many_values` would not send it, and later appends would be encrypted for a wrong position.
            return None
        end = growing.end
        try:
            key = cast("SessionEncryption", append.conversation.encryption).unlock(session_id, end.wrapped_keys)
        except (DecryptionError, KeyWanted):
            if remembered is None:
                raise
            # The session may have other wrapped keys by now.
            return None
        times = [moment] * len(append.entries)
        rows = entry_rows(append.entries, times, append.expires_at, end.entry + 1, version=end.version, turn=end.turn)
        encrypted = [key.encrypt(row) for row in rows]
        turns = sum(entry.kind == USER for entry in append.entries)
        ends[session_id] = growing._replace(end=end._replace(tip=end.tip + len(encrypted), turn=end.turn + turns))
        idempotency = append.idempotency and append.idempotency._replace(digest=key.digest(append.idempotency.digest))
        entries = [NewEntry(payload, kind, tool, author) for _, _, _, kind, tool, author, _, _, _, payload in encrypted]
        sent = msgspec.structs.replace(append, entries=entries, now=moment, idempotency=idempotency)
        return Sent(job, sent, required)
