"""The times of a database's upkeep: beside its first change, and then beside one change of many."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessions.db.command import Command
    from sessions.db.transaction import Transaction

_EVERY: Final = 256
"""Changes from one time to the next: so it costs a hundredth of what they do."""

_AT_LEAST_EVERY: Final = 60.0
"""Seconds after which the next change comes with it, if they are few."""

BATCH: Final = 2 * _EVERY
"""Rows removed at once: more than come, so that what has gathered goes."""

_SOON: Final = 16
"""Changes to the next time if there was more."""

_WHERE_ITEMS_EXPIRE: Final = 1.0
"""Seconds after which the next change comes with it, once something was added that expires: it is not to lie about."""

_ROUNDS: Final = 16
"""Batches at the end, when the database is closed: nobody waits for long."""

_REMEMBERED: Final = 4 * _EVERY

Duty: TypeAlias = Callable[["Transaction", int], bool]
"""Removes up to so many rows, and tells whether there may be more."""


class Upkeep:
    """Counts the changes of one database in this process, and remembers the useless rows that they left.

    Attributes:
        has_expiring: Whether this process has added something that expires.
    """

    def __init__(self) -> None:
        self._left = 0
        self._next = 0.0
        self._leftovers: dict[Callable[[Transaction, list[Any]], None], list[Any]] = {}
        self.has_expiring = False

    def settled(self, remove: Callable[[Transaction, list[Any]], None], leftover: Any) -> None:
        """Note the leftover of an answered command, for the function that removes it."""
        leftovers = self._leftovers.setdefault(remove, [])
        if len(leftovers) < _REMEMBERED:
            leftovers.append(leftover)

    def note(self, command: Command[Any]) -> None:
        """Look whether a change adds something that expires."""
        if command.expires:
            self._next = self._next if self.has_expiring else min(self._next, time.monotonic() + _WHERE_ITEMS_EXPIRE)
            self.has_expiring = True

    def is_due(self, changes: int = 1) -> bool:
        """Count changes, and tell whether it is time."""
        self._left -= changes
        if self._left >= 0 and time.monotonic() < self._next:
            return False
        within = _WHERE_ITEMS_EXPIRE if self.has_expiring else _AT_LEAST_EVERY
        self._left, self._next = _EVERY, time.monotonic() + within
        return True

    def do(self, tx: Transaction, duties: Iterable[Duty]) -> None:
        """Do duties in `tx`; if that fails, there will be another time."""
        leftovers, self._leftovers = self._leftovers, {}
        for remove, some in leftovers.items():
            remove(tx, some)
        if _do(tx, duties):
            self._left = _SOON

    def do_at_the_end(self, tx: Transaction, duties: Iterable[Duty]) -> None:
        """Do duties before the database is closed; of very much, not all."""
        for _ in range(_ROUNDS):
            if not _do(tx, duties):
                break


def _do(tx: Transaction, duties: Iterable[Duty]) -> bool:
    more = [duty(tx, BATCH) for duty in duties]
    return any(more)
