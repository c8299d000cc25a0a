"""When a database does what `log/lifetime/upkeep.py` says: beside its first change, and then beside one of many."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from sessions.clock import NEVER
from sessions.log.append import Append
from sessions.log.lifetime.upkeep import keep_up
from sessions.log.statements import records as record_statements

if TYPE_CHECKING:
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


class Upkeep:
    """Counts the changes of one database in this process, and knows which of its keys nobody needs any more.

    Attributes:
        has_expiring: Whether this process has added something that expires.
    """

    def __init__(self) -> None:
        self._left = 0
        self._next = 0.0
        self._settled: list[tuple[str, str]] = []
        self.has_expiring = False

    def settled(self, session_id: str, key: str) -> None:
        """Note that an append has been answered: nobody repeats it, so its key need not wait for its end."""
        if len(self._settled) < _REMEMBERED:
            self._settled.append((session_id, key))

    def note(self, work: object) -> None:
        """Look whether a change adds something that expires."""
        if isinstance(work, Append) and work.expires_at is not None and work.expires_at < NEVER:
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

    def __call__(self, tx: Transaction) -> None:
        """Do it in `tx`; if that fails, there will be another time."""
        settled, self._settled = self._settled, []
        if settled:
            session_ids, keys = zip(*settled, strict=True)
            tx.run(record_statements.FORGET_SETTLED_KEYS, session_ids=list(session_ids), keys=list(keys))
        if keep_up(tx, BATCH):
            self._left = _SOON

    def at_the_end(self, tx: Transaction) -> None:
        """Do what is due before the database is closed; of very much, not all."""
        for _ in range(_ROUNDS):
            if not keep_up(tx, BATCH):
                break
