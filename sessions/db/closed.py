"""The backend of an object that was closed, while others go on to use the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from sessions.errors import SessionClosedError

if TYPE_CHECKING:
    from sessions.db import Waker


class ClosedBackend:
    """A `Backend` that refuses everything."""

    async def read(self, work: object, subject: str) -> NoReturn:
        """Refuse."""
        del work
        raise closed(subject)

    async def write(self, work: object, subject: str) -> NoReturn:
        """Refuse."""
        del work
        raise closed(subject)

    async def vacuum(self, others: object, subject: str) -> NoReturn:
        """Refuse."""
        del others
        raise closed(subject)

    def waker(self, topic: object, subject: str) -> Waker:
        """Refuse."""
        del topic
        raise closed(subject)

    def joined_by(self, components: object) -> ClosedBackend:
        """Return this."""
        del components
        return self

    async def aclose(self) -> None:
        """Do nothing."""


def closed(subject: str) -> SessionClosedError:
    """Return the error for a call on a closed session or store."""
    return SessionClosedError(f"{subject} is closed. Nothing was done. Make a new object to continue.")
