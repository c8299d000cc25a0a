"""Operations on whole threads of checkpoints: listing, copying, pruning, expiring, deleting, erasing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import msgspec

from sessions.checkpoints.component import THREADS
from sessions.checkpoints.copy import copy
from sessions.checkpoints.delete import delete, delete_for_runs
from sessions.checkpoints.erase import check_owner_of, remove_expired, set_ttl
from sessions.checkpoints.erase import erase as erase_thread
from sessions.checkpoints.prune import Keep, prune
from sessions.checkpoints.thread_list import Wanted, list_threads
from sessions.checkpoints.values import MOST_ID_BYTES, Pruned
from sessions.clock import now
from sessions.crypto.subject import KeyWanted, Subject
from sessions.db.component import Removed
from sessions.store.thread_damage import damage_named
from sessions.validation import check_count, check_flags, check_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from sessions.checkpoints.covers import Covers
    from sessions.checkpoints.values import ThreadRow
    from sessions.db import Backend
    from sessions.db.transaction import Transaction

T = TypeVar("T")

Also: TypeAlias = "Callable[[Transaction, bool], Removed]"
"""Removes what other programs have of a thread, and tells which rows; called with whether the thread was here."""

MOST_BYTES: Final = 1024
"""The length of a thread's id and of a namespace, in UTF-8."""

MOST_PATH_BYTES: Final = 65_535
"""The same of a task's path, which may be empty."""

SUBJECT: Final = "threads"
_PURGED_AT_ONCE: Final = 16


class ThreadMaintenance:
    """Operations on whole threads.

    Args:
        backend: A hold on the database, which is joined by the component of checkpoints.
        covers: How contents are stored.
        audits_kept: For how long the audit row of an erasure is kept, in microseconds.
    """

    def __init__(self, backend: Backend, covers: Covers, audits_kept: int) -> None:
        self._backend = backend.joined_by([THREADS])
        self._covers = covers
        self._audits_kept = audits_kept

    async def delete(self, thread_id: str, owner: str | None = None, *, also: Also | None = None) -> bool:
        """Delete a thread in all its namespaces, in one transaction; return whether there was one.

        Args:
            thread_id: The thread.
            owner: Refuse a thread of another owner.
            also: Done in the same transaction.

        Raises:
            OwnerError: It is another owner's.
            StoreError: The database refused; nothing was changed.
            SessionClosedError: The store has been closed.
        """
        check_text(thread_id, "thread_id", MOST_BYTES)

        def work(tx: Transaction) -> bool:
            existed = delete(tx, thread_id, owner)
            if also is not None:
                also(tx, existed)
            return existed

        try:
            return await self._do(self._backend.write, work, f"thread {thread_id!r}")
        finally:
            self._forget(thread_id)

    async def delete_for_runs(self, run_ids: Sequence[str], owner: str | None = None) -> None:
        """Delete the checkpoints of runs with their writes, in one transaction.

        Args:
            run_ids: The runs.
            owner: Only those in threads of this owner.

        Raises:
            TypeError: `run_ids` is one text, or an id is no text.
            StoreError: The database refused; nothing was changed.
            SessionClosedError: The store has been closed.
        """
        if isinstance(run_ids, str):
            raise TypeError("run_ids must be a sequence of ids, not one text. Nothing was deleted. Pass [run_id].")
        ids = [check_text(run_id, "run_id", MOST_ID_BYTES) for run_id in run_ids]
        if ids:
            work = partial(delete_for_runs, run_ids=ids, owner=owner)
            self._forget_lines(await self._do(self._backend.write, work, SUBJECT))

    async def copy(self, source_id: str, target_id: str, owner: str | None = None) -> None:
        """Copy a thread with all its namespaces, in one transaction. Without such a thread, nothing is done.

        Raises:
            ThreadExistsError: The target is there.
            OwnerError: The thread is another owner's.
            DecryptionError: The thread cannot be opened with the given keys.
            StoreError: The database refused; nothing was changed.
            SessionClosedError: The store has been closed.
        """
        check_text(source_id, "source_thread_id", MOST_BYTES)
        check_text(target_id, "target_thread_id", MOST_BYTES)
        work = partial(copy, source_id=source_id, target_id=target_id, covers=self._covers, owner=owner, now=now())
        await self._do(self._backend.write, work, f"thread {source_id!r}")

    async def prune(
        self,
        thread_ids: Sequence[str],
        *,
        keep_last: int = 1,
        older_than: int | None = None,
        owner: str | None = None,
        dry_run: bool = False,
    ) -> Pruned:
        """Remove all checkpoints of threads but the latest ones of each namespace, each thread in one transaction.

        A graph within that was called from a checkpoint goes with it. Checkpoints that a channel is rebuilt from stay,
        but are no longer listed.

        Args:
            thread_ids: The threads.
            keep_last: How many checkpoints of each namespace stay; more than one, where runs were interrupted in a row.
            older_than: Only those go that were put before this time, in microseconds since 1970.
            owner: Refuse threads of other owners.
            dry_run: Only count.

        Raises:
            TypeError: `thread_ids` is one text, or an id is no text.
            ValueError: `keep_last` is below 1.
            OwnerError: A thread is another owner's; those before it are pruned.
            DecryptionError: A thread cannot be opened with the given keys; those before it are pruned.
            StoreError: The database refused; threads before are pruned.
            SessionClosedError: The store has been closed.
        """
        if isinstance(thread_ids, str):
            raise TypeError("thread_ids must be a sequence of ids, not one text. Nothing was pruned. Pass [thread_id].")
        check_count(keep_last, "keep_last", least=1)
        check_flags(dry_run=dry_run)
        ids = [check_text(thread_id, "thread_id", MOST_BYTES) for thread_id in thread_ids]
        totals = Pruned()
        for thread_id in ids:
            keep = Keep(keep_last, older_than)
            work = partial(prune, thread_id=thread_id, keep=keep, covers=self._covers, owner=owner)
            try:
                found = await self._do(
                    self._backend.write, partial(_undone, work) if dry_run else work, f"thread {thread_id!r}"
                )
            except _Undone as undone:
                found = undone.result
            totals = Pruned(*(one + more for one, more in zip(totals, found, strict=True)))
        return totals

    async def threads(
        self,
        *,
        limit: int = 100,
        after: str | None = None,
        prefix: str = "",
        owners: tuple[str, str] | None = None,
        expired: bool = False,
    ) -> list[ThreadRow]:
        """Return a page of threads, the newest first.

        Args:
            limit: How many, at most.
            after: The `cursor` of the last thread of the page before.
            prefix: Only threads whose ids begin with it.
            owners: Only those of owners from the first on and before the second, as `labels.py` writes them.
            expired: Those that have expired and are not purged yet, instead of the others.

        Raises:
            ValueError: `limit` is below 1, or `after` is no cursor.
            DecryptionError: A thread cannot be opened with the given keys.
            StoreError: The database refused.
            SessionClosedError: The store has been closed.
        """
        check_count(limit, "limit", least=1)
        check_flags(expired=expired)
        if after is not None and not (after.isascii() and after.isdigit()):
            raise ValueError("after is no cursor of a thread. Nothing was read. Pass the cursor of a listed thread.")
        read = partial(
            list_threads, wanted=Wanted(prefix, owners, expired), covers=self._covers,
            before=None if after is None else int(after), count=limit, now=now(),
        )  # fmt: skip
        return await self._do(self._backend.read, read, SUBJECT)

    async def set_ttl(self, thread_id: str, ttl: int | None, owner: str | None = None) -> bool:
        """Keep a thread for another time after its last change, in microseconds; return whether there is one.

        Raises:
            OwnerError: It is another owner's.
            StoreError: The database refused; nothing was changed.
            SessionClosedError: The store has been closed.
        """
        check_text(thread_id, "thread_id", MOST_BYTES)
        work = partial(set_ttl, thread_id=thread_id, ttl=ttl, owner=owner)
        return await self._do(self._backend.write, work, f"thread {thread_id!r}")

    async def purge_expired(self) -> int:
        """Remove the threads that have expired, a few in each transaction; return how many that were.

        Raises:
            StoreError: The database refused; earlier removals stay.
            SessionClosedError: The store has been closed.
        """
        total = 0
        work = partial(remove_expired, count=_PURGED_AT_ONCE)
        while removed := await self._do(self._backend.write, work, SUBJECT):
            total += len(removed)
            for thread_id in removed:
                self._forget(thread_id)
        return total

    async def erase(
        self,
        thread_id: str,
        *,
        owner: str | None = None,
        scrub: bool = True,
        actor: str | None = None,
        also: Also | None = None,
    ) -> tuple[Removed, tuple[str, ...]]:
        """Delete a thread and remove its bytes from the database's files, as far as a client can.

        First a key provider destroys the thread's keys, if it can. Then all rows go in one transaction, which adds an
        audit row. Erasing again finishes pending work. No key is needed.

        Args:
            thread_id: The thread.
            owner: Refuse a thread of another owner.
            scrub: Whether the bytes are removed, too.
            actor: Who has it erased, for the audit row: text of 1 to 255 bytes in UTF-8.
            also: Done in the same transaction.

        Returns:
            How many rows went, by table; and the places that may still contain bytes, with the remedy for each.

        Raises:
            TypeError: An argument is no text.
            ValueError: An argument is empty, too long, or no Unicode text.
            OwnerError: It is another owner's; nothing was changed.
            StoreError: The database refused. If it refused to remove the rows, nothing was changed.
            SessionClosedError: The store has been closed.
        """
        from sessions.log.lifetime.audit import Done, record  # noqa: PLC0415 - few programs erase
        from sessions.store.erasing import erase_subject  # noqa: PLC0415 - as above

        check_text(thread_id, "thread_id", MOST_BYTES)
        check_flags(scrub=scrub)
        if actor is not None:
            check_text(actor, "actor", MOST_ID_BYTES)
        subject, at = Subject("thread", thread_id), now()

        def remove(tx: Transaction, name: str) -> Removed:
            rows = erase_thread(tx, name, owner)
            more = Removed({}) if also is None else also(tx, bool(rows.threads))
            return Removed({**rows._asdict(), **more.rows}, more.others)

        def note(tx: Transaction, removed: Removed) -> None:
            if any(removed.rows.values()):
                record(tx, Done("erase", actor, self._audits_kept), thread_id, removed.rows, at, kind="thread")

        if owner is not None:
            # Before its keys are destroyed.
            await self._backend.read(partial(check_owner_of, thread_id=thread_id, owner=owner), str(subject))
        component = msgspec.structs.replace(THREADS, erase=remove)
        with damage_named(str(subject)):
            try:
                return await erase_subject(self._backend, component, subject, self._covers.source, note, scrub=scrub)
            finally:
                self._forget(thread_id)

    def _forget(self, thread_id: str) -> None:
        """Forget the contents of a thread that was removed, if this object remembers any."""

    def _forget_lines(self, lines: Iterable[int]) -> None:
        """Forget the contents of lines of which checkpoints were removed, if this object remembers any."""

    async def aclose(self) -> None:
        """Close this, but not the hold that it was made with: later calls raise `SessionClosedError`."""
        await self._backend.aclose()

    async def read_rows(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Return the result of `work`, run in one snapshot; again when the keys that it needs have been fetched."""
        return await self._do(self._backend.read, work, subject)

    async def change_rows(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Do `work` as one transaction; again when the keys that it needs have been fetched."""
        return await self._do(self._backend.write, work, subject)

    async def _do(
        self,
        run: Callable[[Callable[[Transaction], T], str], Awaitable[T]],
        work: Callable[[Transaction], T],
        subject: str,
    ) -> T:
        """Run a piece of work, again when the keys that it needs have been fetched.

        Raises:
            DamagedSessionError: It failed in a way that only rows cause which make no sense.
        """
        while True:
            try:
                with damage_named(subject):
                    return await run(work, subject)
            except KeyWanted as wanted:
                await wanted.fetch()


class _Undone(Exception):  # noqa: N818 - no error: it undoes a transaction whose result is wanted
    """Carries the result of a dry run out of its transaction."""

    def __init__(self, result: Pruned) -> None:
        super().__init__()
        self.result = result


def _undone(work: Callable[[Transaction], Pruned], tx: Transaction) -> Pruned:
    raise _Undone(work(tx))
