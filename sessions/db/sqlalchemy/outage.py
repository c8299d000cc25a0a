"""A database that cannot be reached: told once, soon, and by name, while operations go on trying."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sessions.errors import StoreUnreachableError

TELL_AFTER: Final = 1.5
"""Seconds without a connection after which it is told. What a failover takes is not worth a word."""

_CONNECT_WITHIN: Final = 10.0
"""Seconds for which one attempt waits for a connection to a host that says nothing, before another one is made."""

_ENOUGH: Final = 0.9
"""The part of its time after which an operation need not be tried, so that those that begin together end together."""

_log = logging.getLogger("sessions")


class Outage:
    """Whether a database can be reached, as far as this process knows.

    Args:
        address: Where the database is, as in "host db.example.com, port 5432".
        seconds: For how long an operation is tried again.

    Attributes:
        told: Whether it was told that the database cannot be reached.
        connected: How many attempts have a connection. While there are some, another one that has to wait for its own
            waits for the pool.
        connect_within: Seconds after which an attempt that has no connection is given up.
    """

    def __init__(self, address: str, seconds: float) -> None:
        self._address = address
        self._seconds = seconds
        self.told = False
        self._last: tuple[float, StoreUnreachableError] | None = None
        self.connected = 0
        self.connect_within = min(_CONNECT_WITHIN, seconds) or _CONNECT_WITHIN

    def tell(self, reason: str) -> None:
        """Tell of it, unless that was done since it could be reached last."""
        if not self.told:
            self.told = True
            _log.warning(
                "the database at %s is unreachable or refuses writes now (%s). Each operation is retried for up "
                "to %g s.",
                self._address,
                reason,
                self._seconds,
            )

    def given_up(self, error: StoreUnreachableError) -> None:
        """Note that an operation has been tried for long enough."""
        self._last = time.monotonic(), error

    def over(self) -> None:
        """Note that the database can be reached."""
        self.told = False
        self._last = None

    def check(self, since: float, subject: str) -> None:
        """Refuse an operation that has waited for its turn since then, for as long as it would be tried.

        Else the last of many that wait for each other would learn of the outage after the sum of all their times.

        Raises:
            StoreUnreachableError: Another operation has been given up meanwhile.
        """
        enough = _ENOUGH * self._seconds
        if self._last is not None and self._last[0] >= since and time.monotonic() - since >= enough:
            raise self._last[1].about(subject)
