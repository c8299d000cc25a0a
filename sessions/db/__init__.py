"""Running transactions on any SQL database, for any component: conversations are one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sessions.db.topics import Topic
    from sessions.db.transaction import Transaction

T = TypeVar("T")


class Waker(Protocol):
    """Wakes one who watches a topic, in one event loop."""

    async def wait(self) -> None:
        """Return when something may have changed since the waker was made, or since this returned last.

        It may return although nothing has. Whoever reads after the waker was made, and again each time this has
        returned, misses nothing.
        """
        ...

    def wake(self) -> None:
        """Have `wait` return. Called from any thread."""
        ...

    async def aclose(self) -> None:
        """Let go of what wakes; end it if nobody else waits for it."""
        ...


class SyncBackend(Protocol):
    """What callers without an event loop ask of a database. All methods may be called from any thread."""

    def read_sync(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Do as `Backend.read`; this thread is blocked meanwhile, also if it has a running event loop."""
        ...

    def write_sync(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Do as `Backend.write`; this thread is blocked meanwhile, also if it has a running event loop.

        A caller that is interrupted, as from the keyboard, finds it done wholly or not at all.
        """
        ...


class Backend(Protocol):
    """A hold on a database, for components. All methods may be called from any thread with a running event loop."""

    async def read(self, work: Callable[[Transaction], T], subject: str) -> T:
        """Return what `work` finds in one snapshot of the database.

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
        """Have the bytes of what was deleted really gone from the database's files, as far as that can be done here.

        Args:
            others: Tables that are not ours and had rows of what was deleted.
            subject: Whom an error is about.

        Returns:
            Where bytes may still be, and what finishes that, in sentences.

        Raises:
            StoreError: The database refused.
            SessionClosedError: The backend has been closed.
        """
        ...

    def waker(self, topic: Topic, subject: str) -> Waker:
        """Return what wakes one who watches a topic, in the running event loop.

        Raises:
            SessionClosedError: The backend has been closed.
        """
        ...

    async def aclose(self) -> None:
        """Take no more work, and close what nobody else uses."""
        ...
