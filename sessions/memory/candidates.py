"""Candidates of a filter: the memories that declared fields leave, as ids, if these are few enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.memory.narrowing import narrowings_of
from sessions.memory.settings import read_settings
from sessions.memory.statements import filtering as statements
from sessions.memory.statements import settings as setting_statements

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.memory.filters import Filter
    from sessions.memory.narrowing import Narrowing

MOST: Final = 2048
"""Candidates beyond which memories are looked through in their order instead: then many of them match."""


def candidates(tx: Transaction, low: str, high: str, compiled: Filter, most: int = MOST) -> list[int] | None:
    """Return the ids of memories among which are all that match, in order; ``None`` if any may.

    Args:
        tx: The transaction.
        low: The first path of the namespaces.
        high: The first path behind them.
        compiled: The filter.
        most: The most candidates.
    """
    narrowings = narrowings_of(compiled, usable_fields(tx, low, high)) if compiled.needs else []
    found: set[int] | None = None
    for narrowing in narrowings:
        ids = _ids_of(tx, low, high, narrowing, most)
        if ids is not None:
            found = ids if found is None else found & ids
    return None if found is None else sorted(found)


def usable_fields(tx: Transaction, low: str, high: str) -> dict[str, int]:
    """Return the numbers of the declared fields of which all memories have their rows, by name."""
    settings = read_settings(tx)
    if not settings.fields:
        return {}
    lowest, is_encrypted = tx.the(setting_statements.LOWEST_BETWEEN, low=low, high=high)
    if is_encrypted:
        return {}  # Encrypted namespaces have no rows of values.
    return settings.followed_by(settings.number if lowest is None else lowest)


def _ids_of(tx: Transaction, low: str, high: str, narrowing: Narrowing, most: int) -> set[int] | None:
    ids: set[int] = set()
    for first, last in narrowing.ranges:
        rows = tx.all(
            statements.MEMORIES_OF_VALUES,
            low=low,
            high=high,
            field=narrowing.field,
            first=first,
            last=last,
            count=most + 1,
        )
        ids.update(memory for (memory,) in rows)
        if len(rows) > most or len(ids) > most:
            return None
    return ids
