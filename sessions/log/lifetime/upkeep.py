"""Upkeep of the log: removing rows whose time has come, in small batches of any sessions, beside later changes.

A store does the duties after some of its changes (`db/upkeep.py`), in a transaction of their own. A duty waits for no
lock, and needs no key of an encrypted session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.log.core.idempotency import forget_ended_keys
from sessions.log.core.item_keys import forget_ended_item_keys
from sessions.log.lifetime.audit import forget_ended_audits
from sessions.log.lifetime.purge import purge_some
from sessions.log.lifetime.unfinished import collect_unfinished
from sessions.log.statements import leases as lease_statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.db.transaction import Transaction


def forget_abandoned(tx: Transaction, count: int) -> bool:
    """Remove the tickets of callers that wait no more, all at once, as they are few."""
    del count
    tx.run(lease_statements.FORGET_ABANDONED)
    return False


DUTIES: Final[tuple[Callable[[Transaction, int], bool], ...]] = (
    forget_ended_keys,
    forget_abandoned,
    purge_some,
    forget_ended_item_keys,
    forget_ended_audits,
    collect_unfinished,
)
"""Each removes up to so many rows, and tells whether there may be more."""


def keep_up(tx: Transaction, count: int) -> bool:
    """Do all duties in `tx`, up to `count` rows each; tell whether there may be more."""
    more = [duty(tx, count) for duty in DUTIES]
    return any(more)
