"""Stores: where a transaction of the log runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.log.transaction import Transaction

T = TypeVar("T")


class Backend(Protocol):
    """What a session asks of a database. Both methods may be called from any thread with a running event loop."""

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

    async def aclose(self) -> None:
        """Take no more work, and close what nobody else uses."""
        ...
