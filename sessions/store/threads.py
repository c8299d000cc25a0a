"""Threads of checkpoints in one database, as bytes, for adapters of agent frameworks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sessions.checkpoints.covers import PlainCovers
from sessions.checkpoints.listing import history, load, page
from sessions.checkpoints.plan import given_values
from sessions.checkpoints.put import Put
from sessions.checkpoints.put_writes import WAIT_FROM, PutWrites
from sessions.checkpoints.read import Read, opened
from sessions.checkpoints.remembered import DEFAULT_BYTES, Remembered
from sessions.checkpoints.statements.listing import AT_ONCE
from sessions.checkpoints.under_way import PutsUnderWay
from sessions.checkpoints.values import MOST_ID_BYTES
from sessions.clock import now
from sessions.errors import ThreadGoneError
from sessions.labels import MAX_OWNER_BYTES
from sessions.store.forgetting import Forgetting
from sessions.store.thread_damage import damage_named
from sessions.store.thread_maintenance import MOST_BYTES, MOST_PATH_BYTES, SUBJECT, ThreadMaintenance
from sessions.validation import AUDITS_KEPT, check_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from sessions.checkpoints.covers import Covers
    from sessions.checkpoints.remembered import State
    from sessions.checkpoints.runs import Run
    from sessions.checkpoints.under_way import Putting
    from sessions.checkpoints.values import Checkpoint, History, NewCheckpoint, NewWrite, Place, Query, Value
    from sessions.db import Backend
    from sessions.store.maintenance import Encryption


class ThreadStore(ThreadMaintenance):
    """Threads of checkpoints in one database. All methods may be called from any thread with an event loop.

    Without one, `waits.blocking.without_loop` runs their coroutines, which then block the thread.

    Args:
        backend: A hold on the database, as a store has it. This one is closed by itself, before that.
        ttl: The time to live of new threads after their last change, in microseconds; ``None`` for ever.
        covers: How contents are stored; in the clear, if ``None``.
        remembered: The bytes of values that are remembered, so that the next put has something to compare with.
        audits_kept: For how long the audit row of an erasure is kept, in microseconds.
        forgetting: That of the store, whose other savers forget what is removed here, and the other way round.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        ttl: int | None = None,
        covers: Covers | None = None,
        remembered: int = DEFAULT_BYTES,
        audits_kept: int = AUDITS_KEPT,
        forgetting: Forgetting | None = None,
    ) -> None:
        super().__init__(backend, PlainCovers() if covers is None else covers, audits_kept)
        self._ttl = ttl
        self._remembered = Remembered(remembered)
        self._forgetting = forgetting or Forgetting()
        self._forgetting.add(self._remembered)
        self._under_way = PutsUnderWay(self._remembered)

    def remembered(self, place: Place) -> dict[str, Value]:
        """Return the large values of the checkpoint that this process last put or read at a place, if it does know."""
        known = self._remembered.get(place)
        if known is None:
            return {}
        return {channel: one.value for channel, one in known.values.items() if not isinstance(one, bytes)}

    def changed(self, place: Place) -> tuple[int, int] | None:
        """Return two numbers that every change of a place's checkpoints moves, as of the last `put` or `read` there."""
        known = self._remembered.get(place)
        return None if known is None else (known.line.number, known.line.next_number)

    def putting(self, place: Place, checkpoint_id: str, run: Run | None = None) -> Putting:
        """Return a context for `put` and the serializing before it: large writes at the checkpoint wait for its end.

        Raises:
            TypeError: An id is no text.
            ValueError: An id is empty, too long, or no Unicode text.
        """
        _check_place(place)
        check_text(checkpoint_id, "checkpoint_id", MOST_ID_BYTES)
        return self._under_way.begin(place, checkpoint_id, run)

    async def put(
        self, place: Place, new: NewCheckpoint, *, run: Run | None = None, putting: Putting | None = None
    ) -> None:
        """Store a checkpoint, and its thread if that is missing. One with the same id is replaced; its writes stay.

        Nothing is serialized after this has first suspended. A repetition changes nothing.

        Args:
            place: Where.
            new: The checkpoint.
            run: The run that puts it: what it has used of the thread has to be there still.
            putting: The context of `putting`, if the caller has begun one.

        Raises:
            TypeError: An id is no text.
            ValueError: An id is empty, too long, or no Unicode text.
            ThreadGoneError: The thread that the run has used, or in which the parent was read, was deleted or has
                expired; or, in a namespace within, the thread that this object last used, unless its latest checkpoint
                was found missing.
            ThreadConflictError: It was to follow the last checkpoint, and does not.
            OwnerError: The thread is another owner's.
            DecryptionError: The thread cannot be opened with the given keys.
            StoreError: The database refused; nothing was changed.
            SessionClosedError: The store has been closed.
        """
        with putting or self.putting(place, new.checkpoint_id, run) as one:
            one.state = await self._put(place, new, run)

    async def _put(self, place: Place, new: NewCheckpoint, run: Run | None) -> State:
        for name, value in (("parent_id", new.parent_id), ("run_id", new.run_id), ("root_id", new.root_id)):
            if value is not None:
                check_text(value, name, MOST_ID_BYTES)
        known = self._remembered.get(place)
        if known is not None and known.checkpoint_id != new.parent_id:
            known = None
        given = given_values(new, known.values if known else {}, known.versions if known else {})
        seen, within = self._seen(place, new.parent_id, run)
        if seen is None and within is None and place.ns:
            # Without a parent, the graph itself begins the thread, anew perhaps; a graph within goes on in it.
            within = self._remembered.thread(place)
        put = Put(place, new, given, self._covers, now(), self._ttl, known, seen, within)
        try:
            state = await self._do(self._backend.write, put, put.subject)
        except ThreadGoneError:
            self._remembered.forget(place)
            self._remembered.refused(place, new.checkpoint_id)
            if run is not None:
                run.refused(place)
            raise
        except BaseException:
            self._remembered.forget(place)
            raise
        self._remembered.put(place, state)
        if run is not None:
            run.note(place, state.line.number, state.line.thread.number)
        return state

    async def put_writes(
        self,
        place: Place,
        checkpoint_id: str,
        task_id: str,
        task_path: str,
        writes: Sequence[NewWrite],
        *,
        run: Run | None = None,
    ) -> None:
        """Store the writes of a task at a checkpoint, which may be put later.

        Ordinary writes that are there stay, and missing ones are added; special ones are replaced. Writes at a
        checkpoint that was pruned are left out. Large ones wait for the put of the checkpoint, if that is under way.

        Raises:
            TypeError: An id or the path is no text.
            ValueError: An id is empty, or an id or the path is too long or no Unicode text.
            ThreadGoneError: The thread that the run has used, or in which the checkpoint was read or put, was deleted
                or has expired; or, if that was none, the thread that this object last used, unless its latest
                checkpoint was found missing.
            OwnerError: The thread is another owner's.
            DecryptionError: The thread cannot be opened with the given keys.
            StoreError: The database refused; nothing was changed.
            SessionClosedError: The store has been closed.
        """
        _check_place(place)
        check_text(checkpoint_id, "checkpoint_id", MOST_ID_BYTES)
        check_text(task_id, "task_id", MOST_ID_BYTES)
        if task_path != "":
            check_text(task_path, "task_path", MOST_PATH_BYTES)
        if not writes:
            return
        last = self._remembered.get(place)
        known = None if last is None else last.at(checkpoint_id)
        if known is None and any(write.size >= WAIT_FROM for write in writes):
            known = await self._under_way.state(place, checkpoint_id, run)
        seen, within = self._seen(place, checkpoint_id, run)
        if seen is None and within is None:
            # A framework does not wait for the put of the checkpoint, so nothing but the thread may be known of it.
            within = self._remembered.thread(place)
        was_put = self._remembered.seen(place, checkpoint_id) is not None
        work = PutWrites(
            place,
            checkpoint_id,
            task_id,
            task_path,
            writes,
            self._covers,
            now(),
            self._ttl,
            known,
            seen,
            within,
            was_put,
        )
        line = await self._do(self._backend.write, work, work.subject)
        if run is not None:
            run.note(place, line)

    def _forget(self, thread_id: str) -> None:
        self._forgetting.thread(thread_id)

    def _forget_lines(self, lines: Iterable[int]) -> None:
        self._forgetting.lines(set(lines))

    def _seen(self, place: Place, checkpoint_id: str | None, run: Run | None) -> tuple[int | None, int | None]:
        """Return the line that a caller has used, and the thread of a run that has not used this line itself."""
        line = None if run is None else run.line(place)
        within = run.thread(place) if run is not None and line is None else None
        return self._remembered.seen(place, checkpoint_id) if line is None else line, within

    async def read(
        self, place: Place, checkpoint_id: str | None = None, *, run: Run | None = None
    ) -> Checkpoint | None:
        """Return a checkpoint, the latest unless named, with its tasks' writes; ``None`` if it is missing.

        Raises:
            TypeError: An id is no text.
            ValueError: An id is empty, too long, or no Unicode text.
            OwnerError: The thread is another owner's.
            DecryptionError: The thread cannot be opened with the given keys, or was altered.
            DamagedSessionError: Its rows contradict each other.
            StoreError: The database refused.
            SessionClosedError: The store has been closed.
        """
        _check_place(place)
        read = Read(place, checkpoint_id, self._covers, now(), self._remembered.get(place))
        rows = await self._do(self._backend.read, read, f"thread {place.thread_id!r}")
        if rows is None:
            if checkpoint_id is None:
                self._remembered.missed(place)
            return None
        if run is not None:
            run.note(place, rows.line.number, rows.line.thread.number)
        with damage_named(f"thread {place.thread_id!r}"):
            found = opened(place, rows)
        if checkpoint_id is None:
            self._remembered.put(place, found.state(rows))
        else:
            self._remembered.note(place, checkpoint_id, rows.line)
        return found.checkpoint

    async def list(self, query: Query, matches: Callable[[bytes], bool] | None = None) -> AsyncIterator[Checkpoint]:
        """Yield checkpoints, highest id first; those that others delete meanwhile may be missing.

        Each page is read in a snapshot of its own; values are only read of matching checkpoints.

        Args:
            query: Which ones.
            matches: Tells from a checkpoint's metadata if it is wanted; called outside of transactions.

        Raises:
            DecryptionError: A thread cannot be opened with the given keys, or was altered.
            DamagedSessionError: Rows contradict each other.
            StoreError: The database refused.
            SessionClosedError: The store has been closed.
        """
        left, after = query.limit, None
        while left is None or left > 0:
            count = AT_ONCE if left is None or matches is not None else min(left, AT_ONCE)
            read = partial(page, query=query, covers=self._covers, now=now(), after=after, count=count)
            found = await self._do(self._backend.read, read, SUBJECT)
            if not found:
                return
            after = found[-1].cursor
            wanted = [one for one in found if matches is None or matches(one.metadata())][:left]
            loaded = await self._do(self._backend.read, partial(load, found=wanted, covers=self._covers), SUBJECT)
            for place, rows in loaded:
                self._remembered.note(place, rows.row.checkpoint_id, rows.line)
                with damage_named(f"thread {place.thread_id!r}"):
                    one = opened(place, rows).checkpoint
                yield one
            left = None if left is None else left - len(wanted)
            if len(found) < count:
                return

    async def history(self, place: Place, checkpoint_id: str | None, channels: Sequence[str]) -> dict[str, History]:
        """Return the writes that channels are rebuilt from, as of before a checkpoint, the latest unless named.

        Raises:
            TypeError: An id is no text.
            ValueError: An id is empty, too long, or no Unicode text.
            OwnerError: The thread is another owner's.
            DecryptionError: The thread cannot be opened with the given keys, or was altered.
            DamagedSessionError: Its rows contradict each other.
            StoreError: The database refused.
            SessionClosedError: The store has been closed.
        """
        _check_place(place)
        read = partial(
            history, place=place, checkpoint_id=checkpoint_id, channels=channels, covers=self._covers, now=now()
        )
        return await self._do(self._backend.read, read, f"thread {place.thread_id!r}")


def covers_of(backend: Backend, encryption: Encryption | None) -> Covers:
    """Return how a store with some keys stores the contents of threads: encrypted, if it has any."""
    if encryption is None:
        return PlainCovers()
    # Imported only where needed: cryptography takes as long to import as this whole package.
    from sessions.checkpoints.encryption import KeyedCovers  # noqa: PLC0415
    from sessions.crypto.key_manager import KeyManager  # noqa: PLC0415
    from sessions.db.stored_settings import StoredSettings  # noqa: PLC0415

    keys = KeyManager(encryption.encryption_key, StoredSettings(backend, "the store"))
    return KeyedCovers(keys, encryption.encryption_key, allow_plain_text=encryption.allow_plain_text)


def _check_place(place: Place) -> None:
    check_text(place.thread_id, "thread_id", MOST_BYTES)
    if place.ns:
        check_text(place.ns, "checkpoint_ns", MOST_BYTES)
    if place.owner is not None:
        check_text(place.owner, "owner", MAX_OWNER_BYTES)
