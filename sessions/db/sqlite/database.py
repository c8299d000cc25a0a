"""One database with its two connections: a lane for writing and a lane for reading."""

from __future__ import annotations

import os
import sqlite3
import time
import weakref
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sessions.db.command import LONG, command_of
from sessions.db.jobs import ClosedError
from sessions.db.sqlite.connection_thread import ConnectionThread
from sessions.db.sqlite.errors import translate
from sessions.db.sqlite.final_checkpoint import Completing
from sessions.db.sqlite.group_commit import read_group, write_beside, write_group
from sessions.db.sqlite.opening import MEMORY, FileIdentity, Opening, identify
from sessions.db.sqlite.transaction import About, BriefRead
from sessions.db.sqlite.vacuum import Vacuum, scrub
from sessions.db.sqlite.worker import Lane, settle_all
from sessions.db.upkeep import Upkeep
from sessions.errors import StoreError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from sessions.db.component import Component
    from sessions.db.jobs import Job
    from sessions.db.sqlite.transaction import Texts
    from sessions.db.sqlite.watching import Look
    from sessions.db.transaction import Transaction
    from sessions.db.upkeep import Duty

T = TypeVar("T")

_REPORT_AFTER: Final = 0.001
"""Seconds after which finished reads are reported although others of their group still run."""

_AHEAD: Final = 4
"""Groups after which a file is completed that is closed and used again and again, until it is closed once more."""


class Database:
    """The connections of one database in this process.

    In memory there is one connection and readers queue with writers; a file has a second one for reading.

    Args:
        path: The file, or `MEMORY`.
        busy_timeout: How long to wait for other processes, in seconds.
        file: Which file is at `path`. Jobs that find another one there are refused with `ClosedError`.
    """

    def __init__(self, path: str, busy_timeout: float, file: FileIdentity | None) -> None:
        self.path = path
        self._file = file
        self.holders: weakref.WeakSet[Any] = weakref.WeakSet()  # Its users that have not been closed.
        self.found: dict[int, Sequence[Component]] = {}
        """The components whose tables are known to be there, by the id of the statements about these."""
        self.inherited = False  # It belongs to this process, and not to its parent, from before a fork.
        self.listeners: set[Look] = set()  # Told on the writing thread that something was written, by `wrote`.
        self.closings = 0  # How often the connections were closed, to be opened again.
        self._opening = Opening(path, busy_timeout)
        self._writing = ConnectionThread(self._opening.writer)
        self._writer = Lane(self._writing.post, self._do_writes)
        self._syncs_fully = True
        self.upkeep = Upkeep()
        """What is done beside some of the changes; it is told of each by whoever asks for it."""
        self._texts: dict[int, Texts] = {}
        """Statements about the tables that are used in this process: for each prefix and components."""
        self._duties: dict[int, dict[Duty, None]] = {}
        self._completing = Completing(self._texts)
        self._ahead = 0
        self.is_hasty = False
        """Whether the log may still have an end that is in the file only once it is closed."""
        self._stamp: object = None
        if path == MEMORY:
            self._reading, self._reader = None, self._writer
        else:
            self._reading = ConnectionThread(self._opening.reader)
            self._reader = Lane(self._reading.post, partial(self._do_reads, self._reading))
        # A database in memory ends with the last object that holds it.
        weakref.finalize(self, self._writing.finish).atexit = False

    def serve(self, components: Sequence[Component], texts: Texts) -> None:
        """Do the upkeep of components from now on, of those in the tables that `texts` are about."""
        self._texts[id(texts)] = texts
        duties = dict.fromkeys(one.upkeep for one in components if one.upkeep is not None)
        self._duties[id(texts)] = {**self._duties.get(id(texts), {}), **duties}

    async def read(self, work: Callable[[Transaction], T], subject: str, texts: Texts) -> T:
        """Run `work` in one snapshot of the tables of `texts`, and return its result."""
        briefly = command_of(work).briefly
        if briefly is not None and self._reading is not None and self._writer.is_idle:
            found = await self._writer.submit(BriefRead(briefly, texts), subject)
            if found is not LONG:
                return found
        return await self._reader.submit(About(work, texts), subject)

    async def write(self, work: Callable[[Transaction], T], subject: str, texts: Texts, *, full: bool) -> T:
        """Do `work` as one transaction; with `full`, it survives the loss of power."""
        return await self._writer.submit(About(work, texts), subject, full=full)

    async def vacuum(self, subject: str) -> tuple[str, ...]:
        """Remove the bytes of deleted rows; return in sentences any part that failed."""
        return await self._writer.submit(Vacuum(), subject)

    @property
    def is_complete(self) -> bool:
        """Whether all that is committed is in the file, and nothing is to be done before it is closed."""
        return self._writer.is_idle and not self._completing.is_due and not self.upkeep.has_expiring

    def was_reopened(self) -> None:
        """Expect to be closed again soon: the file is completed hastily, and after the next changes, not only then."""
        self._ahead = _AHEAD
        self.is_hasty = True

    def complete(self) -> Callable[[], bool]:
        """Move everything committed into the file itself, after the waiting jobs.

        Returns:
            A function that waits for that, and tells whether it is so.
        """
        if self.is_complete:
            return lambda: True
        return self._writing.ask(self._complete_if_there)

    def empty_log(self) -> None:
        """Complete the file without haste; do not wait for that."""
        self.is_hasty = False
        self._completing.is_due = True
        self._writing.post(self._complete_if_there)

    @property
    def is_as_it_was(self) -> bool:
        """Whether the file is unwritten since it was completed; if not, remembered facts about it may be wrong."""
        return self._stamp == _stamp(self.path)

    def finish(self) -> None:
        """Do the waiting jobs, close the connections and end the threads; do not wait for that."""
        if self._reading is not None:
            self._reading.post(self._reader.close)
            self._reading.finish()
        self._writing.post(self._writer.close)
        if self.upkeep.has_expiring and not self.inherited:
            self._writing.post(self._tidy)
        self._writing.post(self._opening.close)
        self._writing.finish()

    def join(self, timeout: float | None = None) -> None:
        """Wait until the threads have ended."""
        for thread in self._threads():
            thread.join(timeout)

    def checkpoint(self) -> None:
        """Move the WAL's content into the file, even if the file was moved; do not wait for it."""
        for thread in self._threads():
            thread.post(partial(_checkpoint, thread))

    def park(self, until: threading.Event) -> Callable[[float], bool]:
        """Stop between two groups until an event.

        No SQLite connection to a file may be open while the process forks: the child would inherit SQLite's belief to
        hold this process's locks, and write without any.

        Returns:
            A function of a deadline (`time.monotonic`) that waits for having stopped, and tells whether that was so.
        """
        stopping = [thread.park(until, close=self.path != MEMORY) for thread in self._threads()]
        # Only now: a caller that reads the new number and then uses the connection gets one that was opened since.
        self.closings += 1
        return lambda deadline: all(stopped(deadline) for stopped in stopping)

    def abandon(self) -> None:
        """Leave everything to the parent process; called in its child after a fork."""
        self.inherited = True
        self._opening.close()
        for thread in self._threads():
            thread.abandon(close=self.path == MEMORY)

    def _threads(self) -> list[ConnectionThread]:
        return [self._writing] if self._reading is None else [self._writing, self._reading]

    def _do_writes(self, jobs: list[Job[Any]]) -> None:
        vacuums = [job for job in jobs if isinstance(job.work, Vacuum)]
        if vacuums:
            jobs = [job for job in jobs if job not in vacuums]
        reads = [job for job in jobs if isinstance(job.work, BriefRead)]
        if reads:
            jobs = [job for job in jobs if job not in reads]
            self._do_reads(self._writing, reads)
        if jobs:
            self._do_changes(jobs)
        for job in vacuums:
            self._do_vacuum(job)

    def _do_changes(self, jobs: list[Job[Any]]) -> None:
        changes = 0
        try:
            self._check_file()
            connection = self._writing.database()
            self._opening.take_turn()
            try:
                self._set_durability(connection, full=any(job.full for job in jobs))
                changes = -connection.total_changes
                self._completing.is_due = True
                self._completing.is_synced &= bool(self._syncs_fully)
                write_group(connection, jobs)
                if self.upkeep.is_due(len(jobs)):
                    self._keep_up(connection, self.upkeep.do)
                changes += connection.total_changes
            finally:
                self._opening.give_turn_back()
        except BaseException as error:  # noqa: BLE001 - it belongs to the waiting caller
            _fail(jobs, error)
        if changes and self._ahead and self._writer.is_empty:
            # A caller that is told earlier and then closes has to ask this thread again, which costs more.
            self._ahead -= 1
            self._complete()
        self._report(jobs)
        # In memory, woken watchers read this way, too: a read is no news.
        for listener in tuple(self.listeners) if changes else ():
            listener.wrote()

    def _keep_up(self, connection: sqlite3.Connection, do: Callable[..., None]) -> None:
        for which, duties in tuple(self._duties.items()):
            write_beside(connection, About(partial(do, duties=duties), self._texts[which]))

    def _tidy(self) -> None:
        """Do any upkeep that is due before the connections are closed, unless another process has the turn."""
        # The next process that changes the file does the rest.
        with suppress(Exception):
            self._check_file()
            if not self._completing.is_due and not self.is_as_it_was:
                return  # Overwritten since it was closed: this would mix the old content with the new.
            connection = self._writing.database()
            if self._opening.take_turn_if_free():
                try:
                    self._keep_up(connection, self.upkeep.do_at_the_end)
                finally:
                    self._opening.give_turn_back()

    def _complete_if_there(self) -> bool:
        try:
            self._check_file()
        except (ClosedError, StoreError):
            return False
        if self.upkeep.has_expiring and self._writing.open_database() is not None:
            self._tidy()
            self._completing.is_due = True
        return self._complete()

    def _complete(self) -> bool:
        """Have all that is committed in the file; return False if it takes closing the file."""
        connection = self._writing.open_database()
        if connection is None:
            return False
        if not self._completing.is_due:
            return True
        try:
            second = self._writing.second_database(self._opening.without_settings)
            done = self._completing.complete(connection, second, self.closings, hastily=self.is_hasty)
        except Exception:  # noqa: BLE001 - committed changes have to be reported in any case
            return False
        else:
            self._stamp = _stamp(self.path)
            return done
        finally:
            connection.execute(f"pragma busy_timeout = {round(self._opening.busy_timeout * 1000)}")
            connection.execute("pragma synchronous = full")
            self._syncs_fully = True

    def _do_vacuum(self, job: Job[Any]) -> None:
        """Rewrite the file, which is done by itself: it takes much longer than any group."""
        try:
            self._check_file()
            connection = self._writing.database()
            self._opening.take_turn()
            try:
                self._completing.is_due, self._completing.is_synced = True, False
                job.result = scrub(connection, self.path, self._opening.busy_timeout)
            finally:
                self._opening.give_turn_back()
        except BaseException as error:  # noqa: BLE001 - it belongs to the waiting caller
            _fail([job], error)
        self._report([job])

    def _do_reads(self, reading: ConnectionThread, jobs: list[Job[Any]]) -> None:
        done: list[Job[Any]] = []
        left = list(jobs)
        began = time.monotonic()

        def note(job: Job[Any]) -> None:
            done.append(job)
            if time.monotonic() - began > _REPORT_AFTER:
                self._report(done)
                del left[: len(done)]
                done.clear()

        try:
            self._check_file()
            # Not the other way round: a change would wait for its thread's work for readers.
            other = self._reading if reading is self._writing else None
            read_group(reading.database(), jobs, note, other)
        except BaseException as error:  # noqa: BLE001 - it belongs to the waiting caller
            _fail(left, error)
        self._report(left)

    def _check_file(self) -> None:
        """Refuse to work on a file that is not at its path any more."""
        if self._file is not None and identify(self.path) != self._file:
            raise ClosedError

    def _set_durability(self, connection: sqlite3.Connection, *, full: bool) -> None:
        """Sync at each commit, or only at checkpoints. One job that asks for it makes its whole group sync."""
        if full != self._syncs_fully:
            connection.execute(f"pragma synchronous = {'full' if full else 'normal'}")
            self._syncs_fully = full

    def _report(self, jobs: list[Job[Any]]) -> None:
        for job in jobs:
            if isinstance(job.error, sqlite3.Error):
                job.error = translate(job.error, self.path).about(job.subject)
        settle_all(jobs)


def _stamp(path: str) -> object:
    """Return a value that changes with each write to a file."""
    try:
        status = os.stat(path)  # noqa: PTH116 - as in `identify`
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _fail(jobs: list[Job[Any]], error: BaseException) -> None:
    """Give all jobs of a group the error that kept it from being done."""
    for job in jobs:
        job.error = error.about(job.subject) if isinstance(error, StoreError) else error


def _checkpoint(thread: ConnectionThread) -> None:
    connection = thread.open_database()
    if connection is not None:
        # If it fails, a later opening recovers as much as possible.
        with suppress(sqlite3.Error):
            connection.execute("pragma wal_checkpoint(truncate)").fetchall()
