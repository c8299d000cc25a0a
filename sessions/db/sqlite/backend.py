"""A hold on a SQLite database: by a path, with how durable its commits are."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from sessions.db.command import command_of
from sessions.db.dialect import PREFIX
from sessions.db.jobs import ClosedError
from sessions.db.sqlite.connection_thread import is_connection_thread
from sessions.db.sqlite.errors import lacks_tables
from sessions.db.sqlite.opening import DEFAULT_BUSY_TIMEOUT, MEMORY
from sessions.db.sqlite.registry import end, is_complete, let_go, linger, open_file, open_memory, retire, unused
from sessions.db.sqlite.transaction import texts_of
from sessions.db.uncancelled import settle
from sessions.errors import SessionClosedError, StoreError, SyncCallInLoopError
from sessions.validation import check_timeout
from sessions.waits.blocking import blocked, in_thread, without_loop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import timedelta
    from pathlib import Path

    from sessions.db import Waker
    from sessions.db.component import Component
    from sessions.db.sqlite.database import Database
    from sessions.db.sqlite.watching import FileWaker
    from sessions.db.topics import Topic
    from sessions.db.transaction import Transaction

T = TypeVar("T")

_MAX_BUSY_TIMEOUT = 86_400

Durability: TypeAlias = Literal["full", "normal"]
"""``full``: what was acknowledged survives the loss of power. ``normal``: it survives the end of the process, but the
loss of power may take the last commits; the file stays whole. Commits cost about a quarter as much."""


class SQLiteBackend:
    """A `Backend` on a SQLite file or, for ``":memory:"``, on a database of its own in memory.

    Making one does no I/O. Objects with the same file share its connections.

    Args:
        path: The file; the first operation creates it if it is missing.
        durability: See `Durability`.
        busy_timeout: How long to wait for other processes, in seconds. The first to open a file in a process decides.
        prefix: The common prefix of our tables' names.
        components: Its users: all operations are about their tables.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of range.
    """

    def __init__(
        self,
        path: str | Path = MEMORY,
        *,
        durability: Durability = "full",
        busy_timeout: float | timedelta = DEFAULT_BUSY_TIMEOUT,
        prefix: str = PREFIX,
        components: Sequence[Component] = (),
    ) -> None:
        self._components = tuple(components)
        self._prefix = prefix
        self._origin = self
        self._texts = texts_of(prefix, tuple(one.schema for one in components))
        self._path = _checked_path(path)
        if durability not in ("full", "normal"):
            raise ValueError(
                f'durability must be "full" or "normal", not {durability!r}. Nothing was opened. Leave it out for '
                '"full".'
            )
        self._full = durability == "full"
        self._busy_timeout = check_timeout(busy_timeout, "busy_timeout", _MAX_BUSY_TIMEOUT)
        self._closed = False
        self._wakers: weakref.WeakSet[FileWaker] = weakref.WeakSet()

    def joined_by(self, components: Sequence[Component]) -> SQLiteBackend:
        """Return a hold on the same database for more components."""
        joined = SQLiteBackend(
            self._path,
            durability="full" if self._full else "normal",
            busy_timeout=self._busy_timeout,
            prefix=self._prefix,
            components=(*self._components, *components),
        )
        joined._origin = self._origin
        return joined

    @property
    def path(self) -> str:
        """The file's absolute path, or ``":memory:"``."""
        return self._path

    async def read(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Run `work` in one snapshot of the database and return its result."""
        _check_may_wait(subject)
        looked_again = False
        while True:
            database = self.database(subject)
            try:
                if database.found.get(id(self._texts)) != self._components:
                    return await self._first(database, work, subject, write=False)
                return await database.read(work, subject, self._texts)
            except ClosedError:
                self._open_again(database, subject)
            except StoreError as error:
                looked_again = self._look_again(database, error, looked_again)

    async def write(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Do `work` as one transaction, which is committed when this returns."""
        _check_may_wait(subject)
        looked_again = False
        while True:
            database = self.database(subject)
            database.upkeep.note(command_of(work))
            try:
                if database.found.get(id(self._texts)) != self._components:
                    return await self._first(database, work, subject, write=True)
                return await database.write(work, subject, self._texts, full=self._full)
            except ClosedError:
                self._open_again(database, subject)
            except StoreError as error:
                looked_again = self._look_again(database, error, looked_again)

    async def _first(self, database: Database, work: Callable[[Transaction], T], subject: str, *, write: bool) -> T:
        """Do `work`, and find out with it whether the tables are there, and are this store's."""
        # Once in each process and file.
        from sessions.db.sqlite.tables import First, TablesMissingError  # noqa: PLC0415

        database.serve(self._components, self._texts)
        about = self._path, self._components, subject
        first = First(work, *about, write=write)
        if write:
            result = await database.write(first, subject, self._texts, full=self._full)
        else:
            try:
                result = await database.read(first, subject, self._texts)
            except TablesMissingError:
                make = First(work, *about, write=True).make_tables
                await database.write(make, subject, self._texts, full=self._full)
                result = await database.read(first, subject, self._texts)
        if first.is_ours:
            database.found[id(self._texts)] = self._components
        return result

    def read_sync(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Do the same as `read`, blocking this thread, even if it has a running event loop."""
        return without_loop(self.read(work, subject))

    def write_sync(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Do the same as `write`, blocking this thread, even if it has a running event loop."""
        return without_loop(self.write(work, subject))

    def wait(self, operation: Callable[[], Awaitable[T]], subject: str) -> T:
        """Return the result of an operation that needs an event loop, blocking this thread."""
        # Few operations do.
        from sessions.waits.portal import wait_for  # noqa: PLC0415

        return wait_for(operation, subject)

    async def vacuum(self, others: Sequence[str], subject: str) -> tuple[str, ...]:
        """Rewrite the file and empty its write-ahead log."""
        del others
        _check_may_wait(subject)
        while True:
            database = self.database(subject)
            try:
                return await database.vacuum(subject)
            except ClosedError:
                self._open_again(database, subject)

    def waker(self, topic: Topic, subject: str) -> Waker:
        """Return a waker for a watcher of a topic, which wakes at any change in the file."""
        # Few watch.
        from sessions.db.background import BlockingWaker  # noqa: PLC0415
        from sessions.db.sqlite.watching import FileWaker  # noqa: PLC0415

        if self._closed:
            raise _closed(subject)
        if blocked() is not None:
            return BlockingWaker(self, lambda: self.waker(topic, subject), subject)
        waker = FileWaker(self, subject)
        self._wakers.add(waker)
        return waker

    def close(self) -> None:
        """Release the file, which stays open for a moment if it has no other holder.

        When this returns, all earlier operations are done, and all their changes are in the file itself.
        """
        for database in self._let_go():
            if database.path != MEMORY and database.complete()():
                linger(database)
            else:
                end(database)

    async def close_soon(self) -> None:
        """Do as `close`, without blocking the event loop."""
        if is_complete(self._path):
            self.close()
        else:
            await settle(in_thread(self.close))

    def end(self) -> None:
        """Do the same, and close the file at once if it has no other holder, even one that is lingering."""
        for database in {*self._let_go(), *unused(self._path)}:
            end(database)

    async def aclose(self) -> None:
        """Do as `end`, without blocking the event loop."""
        await settle(in_thread(self.end))

    def _let_go(self) -> list[Database]:
        self._closed = True
        for waker in tuple(self._wakers):
            waker.wake()
        return let_go(self)

    def database(self, subject: str) -> Database:
        """Return the database as it is open now, or open it.

        Raises:
            SessionClosedError: This has been closed.
            StoreError: There can be no such file.
        """
        if self._closed:
            raise _closed(subject)
        try:
            database = (
                open_memory(self._origin) if self._path == MEMORY else open_file(self._path, self._busy_timeout, self)
            )
        except StoreError as error:
            raise error.about(subject) from error.__cause__
        if self._closed:  # By another thread.
            for last in let_go(self):
                linger(last)
            raise _closed(subject)
        if database.inherited:
            raise StoreError(
                f"{subject}: this process was forked from the one that made a database in memory, which cannot be "
                "shared. Nothing was changed. Use a file instead."
            )
        return database

    def _look_again(self, database: Database, error: StoreError, looked_again: bool) -> bool:  # noqa: FBT001 - a state
        """Have the next attempt make the tables if they were dropped, once; raise other errors."""
        if looked_again or not lacks_tables(error.__cause__):
            raise error
        database.found.pop(id(self._texts), None)
        return True

    def _open_again(self, database: Database, subject: str) -> None:
        """Have the next attempt open the file that is there now; a database in memory cannot be opened again."""
        if database.path == MEMORY:
            raise _closed(subject)
        retire(database)


def _check_may_wait(subject: str) -> None:
    if blocked() is not None and is_connection_thread():
        raise SyncCallInLoopError(
            f"{subject}: it was called inside another operation on a SQLite file, for example by a codec, and "
            "would wait for itself. Nothing was changed. Call it outside."
        )


def _closed(subject: str) -> SessionClosedError:
    return SessionClosedError(f"{subject} is closed. Nothing was done. Make a new object to continue.")


def _checked_path(path: object) -> str:
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(
            f"db_path must be a path or ':memory:', not {type(path).__name__}. Nothing was opened. Pass text "
            "or a pathlib.Path."
        )
    text = os.fspath(path)
    if not isinstance(text, str):
        raise TypeError(
            f"db_path must be text, not {type(text).__name__}. Nothing was opened. Decode it with os.fsdecode."
        )
    if not text or "\0" in text:
        raise ValueError(
            "db_path is empty or has a NUL character in it. Nothing was opened. Pass a path, or ':memory:'."
        )
    return text if text == MEMORY else os.path.abspath(text)  # noqa: PTH100 - resolves no links, so no I/O
