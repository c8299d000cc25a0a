"""Running transactions on any SQL database, for any component: conversations are one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sessions.db.topics import Topic
    from sessions.db.transaction import Transaction

T = TypeVar("T")


class Waker(Protocol):
    """Wakes the watcher of a topic, in one event loop."""

    async def wait(self) -> None:
        """Return when something may have changed since the waker was made, or since this returned last.

        It may also return without a change. A caller that reads after the waker was made, and again each time this
        returns, misses nothing.
        """
        ...

    def wake(self) -> None:
        """Have `wait` return. Called from any thread."""
        ...

    async def aclose(self) -> None:
        """Release the source of wake-ups, and end it if it has no other waiter."""
        ...


class SyncBackend(Protocol):
    """Access to a database for callers without an event loop. All methods may be called from any thread."""

    def read_sync(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Do the same as `Backend.read`, blocking this thread, even if it has a running event loop."""
        ...

    def write_sync(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Do the same as `Backend.write`, blocking this thread, even if it has a running event loop.

        If the caller is interrupted, for example from the keyboard, the work is done completely or not at all.
        """
        ...

    def wait(self, operation: Callable[[], Awaitable[T]], subject: str) -> T:
        """Return the result of an operation on an event loop where this database can be used, blocking this thread.

        Raises:
            SyncCallInLoopError: That event loop is the one which this call blocks.
        """
        ...


class Backend(Protocol):
    """A hold on a database, for components. All methods may be called from any thread with a running event loop."""

    async def read(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Run `work` in one snapshot of the database and return its result.

        Args:
            work: A function of a transaction that changes nothing.
            subject: Whom an error is about, as in "session 'user_123'".

        Raises:
            StoreError: The database refused.
            SessionClosedError: The backend has been closed.
        """
        ...

    async def write(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Do `work` as one transaction; when this returns, it is as durable as was asked for.

        A cancelled caller finds it done wholly or not at all, and is told of the cancellation only when that is
        settled.

        Args:
            work: A function of a transaction. It may be run more than once if the database gave a transaction up.
            subject: Whom an error is about, as in "session 'user_123'".

        Raises:
            StoreError: The database refused; nothing was changed.
            SessionClosedError: The backend has been closed.
        """
        ...

    async def vacuum(self, others: Sequence[str], subject: str) -> tuple[str, ...]:
        """Remove the bytes of deleted rows from the database's files, as far as a client can.

        Args:
            others: Other libraries' tables from which rows were deleted.
            subject: Whom an error is about.

        Returns:
            Places that may still contain bytes, and the remedy for each, in sentences.

        Raises:
            StoreError: The database refused.
            SessionClosedError: The backend has been closed.
        """
        ...

    def waker(self, topic: Topic, subject: str) -> Waker:
        """Return a waker for a watcher of a topic, in the running event loop.

        Raises:
            SessionClosedError: The backend has been closed.
        """
        ...

    def joined_by(self, components: Sequence[Any]) -> Backend:
        """Return a hold on the same database for more components, whose tables are made when it is first used.

        It is closed by itself, before this one.

        Args:
            components: The other `Component` objects; those of this hold belong to it, too.
        """
        ...

    async def aclose(self) -> None:
        """Refuse further work, and close everything without another user."""
        ...
