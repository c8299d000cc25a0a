"""A saver's methods that LangGraph knows about whole threads: deleting, copying and pruning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.adapters.langgraph.base import SaverBase
from sessions.adapters.langgraph.configs import id_of_thread
from sessions.adapters.langgraph.thread_types import Pruned
from sessions.checkpoints.values import Query
from sessions.clock import now
from sessions.validation import check_flags, check_ttl
from sessions.waits.blocking import without_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta


class Threads(SaverBase):
    """Deleting, copying and pruning threads. The rest is `SessionSaver`."""

    def delete_thread(self, thread_id: str) -> None:
        """Delete a thread in all its namespaces, in one transaction. A run that goes on gets `ThreadGoneError`.

        Example: ``saver.delete_thread("1")``

        If an official saver's tables in the same database have the thread, it is deleted from there, too: `adopt` does
        not bring it back.

        Raises:
            ThreadOwnerError: It belongs to another owner than the saver's.
            StoreError: The database refused the operation; nothing was deleted.
        """
        without_loop(self._delete(thread_id))

    async def adelete_thread(self, thread_id: str) -> None:
        """Do the same as `delete_thread`.

        Example: ``await saver.adelete_thread("1")``
        """
        await self._delete(thread_id)

    async def _delete(self, thread_id: str) -> None:
        thread_id = id_of_thread(thread_id)
        await self._kept.delete(thread_id, self._owners.encoded, also=self._first_use.removing(self, thread_id))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints and writes of runs, in one transaction.

        Example: ``saver.delete_for_runs(["run-1"])``

        With an `owner`, those in threads of others stay.

        Raises:
            StoreError: The database refused the operation; nothing was deleted.
        """
        without_loop(self._kept.delete_for_runs(_ids(run_ids, "run_ids"), self._owners.encoded))

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Do the same as `delete_for_runs`.

        Example: ``await saver.adelete_for_runs(["run-1"])``
        """
        await self._kept.delete_for_runs(_ids(run_ids, "run_ids"), self._owners.encoded)

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread, with all its checkpoints and writes, under another id, in one transaction.

        Example: ``saver.copy_thread("1", "2")``

        A missing thread is skipped.

        Raises:
            ThreadExistsError: There is a thread of the other id.
            ThreadOwnerError: The thread belongs to another owner than the saver's.
            StoreError: The database refused the operation; nothing was copied.
        """
        without_loop(self._copy(source_thread_id, target_thread_id))

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Do the same as `copy_thread`.

        Example: ``await saver.acopy_thread("1", "2")``
        """
        await self._copy(source_thread_id, target_thread_id)

    async def _copy(self, source_thread_id: str, target_thread_id: str) -> None:
        source, target = id_of_thread(source_thread_id), id_of_thread(target_thread_id)
        await self._before(source)
        await self._before(target)
        await self._kept.copy(source, target, self._owners.encoded)

    def prune(  # type: ignore[override]  # LangGraph's returns nothing
        self,
        thread_ids: Sequence[str],
        *,
        strategy: str = "keep_latest",
        keep_last: int | None = None,
        older_than: float | timedelta | None = None,
        dry_run: bool = False,
    ) -> Pruned:
        """Remove all checkpoints of threads but the latest ones of each namespace, each thread in one transaction.

        Example: ``pruned = saver.prune(["1"], keep_last=5)``

        Checkpoints that a ``DeltaChannel`` is rebuilt from stay, but are no longer listed.

        Args:
            thread_ids: The threads.
            strategy: ``"keep_latest"``, or ``"delete"`` to delete the threads.
            keep_last: How many checkpoints of each namespace stay; 1 by default. Use more where several interrupts may
                be open in a row.
            older_than: Only checkpoints go that are older than so many seconds.
            dry_run: Only count.

        Returns:
            The counts of removed rows, or of those that would be. With ``strategy="delete"``, only checkpoints are
            counted.

        Raises:
            TypeError: An argument has the wrong type.
            ValueError: `strategy` is unknown, or an argument is out of range or does not fit it.
            ThreadOwnerError: A thread belongs to another owner than the saver's; those before it are pruned.
            StoreError: The database refused the operation; finished threads stay pruned.
        """
        work = self._prune(thread_ids, strategy, keep_last=keep_last, older_than=older_than, dry_run=dry_run)
        return without_loop(work)

    async def aprune(  # type: ignore[override]  # as above
        self,
        thread_ids: Sequence[str],
        *,
        strategy: str = "keep_latest",
        keep_last: int | None = None,
        older_than: float | timedelta | None = None,
        dry_run: bool = False,
    ) -> Pruned:
        """Do the same as `prune`.

        Example: ``pruned = await saver.aprune(["1"], keep_last=5)``
        """
        return await self._prune(thread_ids, strategy, keep_last=keep_last, older_than=older_than, dry_run=dry_run)

    async def _prune(
        self,
        thread_ids: Sequence[str],
        strategy: str,
        *,
        keep_last: int | None,
        older_than: float | timedelta | None,
        dry_run: bool,
    ) -> Pruned:
        ids = _ids(thread_ids, "thread_ids", id_of_thread)
        age = check_ttl(older_than, "older_than")
        check_flags(dry_run=dry_run)
        if strategy == "delete":
            if keep_last is not None or age is not None:
                raise ValueError(
                    'strategy="delete" deletes whole threads. Nothing was deleted. Leave keep_last and older_than out.'
                )
            return Pruned(sum([await self._delete_counted(thread_id, dry_run=dry_run) for thread_id in ids]))
        if strategy != "keep_latest":
            raise ValueError(
                f'strategy must be "keep_latest" or "delete", not {strategy!r}. Nothing was pruned. Use one of these.'
            )
        if not dry_run:
            for thread_id in ids:
                await self._before(thread_id)
        before = None if age is None else now() - age
        keep = 1 if keep_last is None else keep_last
        owner = self._owners.encoded
        found = await self._kept.prune(ids, keep_last=keep, older_than=before, owner=owner, dry_run=dry_run)
        return Pruned(*found)

    async def _delete_counted(self, thread_id: str, *, dry_run: bool) -> int:
        count = 0

        def counted(_: bytes) -> bool:
            nonlocal count
            count += 1
            return False

        async for _ in self._kept.list(Query(thread_id=thread_id, owner=self._owners.encoded), counted):
            pass
        if not dry_run:
            await self._delete(thread_id)
        return count


def _ids(given: Any, name: str, id_of: Callable[[Any], str] = str) -> list[str]:
    if isinstance(given, str):
        raise TypeError(f"{name} must be a list of ids, not one text. Nothing was removed. Pass [{name[:-1]}].")
    return [id_of(one) for one in given]
