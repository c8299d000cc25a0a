"""Candidates of a filter: the memories that declared fields leave, as ids, if these are few enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.memory.narrowing import narrowings_of
from sessions.memory.settings import settings_of
from sessions.memory.statements import filtering as statements
from sessions.memory.statements import settings as setting_statements

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.memory.filters import Filter
    from sessions.memory.narrowing import Narrowing

MOST: Final = 2048
"""Candidates beyond which memories are looked through in their order instead: then many of them match."""

SETTINGS_SEEN: Final = "the settings of memories"
"""In `Transaction.known`, the settings that were read last. A statement that goes by them compares their number."""

WIDE: Final = 64
"""Namespaces below a prefix, beyond which a value is looked up in all namespaces at once, and not in each of these."""


class Usable(NamedTuple):
    """The fields that help below a prefix.

    Attributes:
        numbers: Their numbers, by name.
        is_wide: Whether there are many namespaces.
    """

    numbers: dict[str, int]
    is_wide: bool


def candidates(tx: Transaction, low: str, high: str, compiled: Filter, most: int = MOST) -> list[int] | None:
    """Return the ids of memories among which are all that match, in order; ``None`` if any may.

    Args:
        tx: The transaction.
        low: The first path of the namespaces.
        high: The first path behind them.
        compiled: The filter.
        most: The most candidates.
    """
    if not compiled.needs:
        return None
    usable = usable_fields(tx, low, high)
    narrowings = narrowings_of(compiled, usable.numbers)
    below = {"low": low, "high": high}
    found: set[int] | None = None
    for narrowing in narrowings:
        ids = _ids_of(tx, below, narrowing, most, is_wide=usable.is_wide)
        if ids is not None:
            found = ids if found is None else found & ids
    return None if found is None else sorted(found)


def usable_fields(tx: Transaction, low: str, high: str) -> Usable:
    """Return the declared fields of which all memories below a prefix have their rows."""
    row = tx.one(setting_statements.SETTINGS_FOR_FILTERS, low=low, high=high, count=WIDE + 1)
    if row is None:
        return Usable({}, is_wide=False)
    *of_settings, lowest, spaces = row
    settings = tx.known[SETTINGS_SEEN] = settings_of(tuple(of_settings))
    # Nearly always, all namespaces follow the last declaration; that takes no look at each of them.
    if lowest is not None and lowest < max((field.since for field in settings.fields), default=0):
        (lowest,) = tx.the(setting_statements.LOWEST_BETWEEN, low=low, high=high)
    return Usable(settings.followed_by(settings.number if lowest is None else lowest), is_wide=spaces > WIDE)


def _ids_of(
    tx: Transaction, below: dict[str, str], narrowing: Narrowing, most: int, *, is_wide: bool
) -> set[int] | None:
    """Return the ids of the memories with a row in a narrowing's ranges; ``None`` if they are more than `most`."""
    ids: set[int] = set()
    for first, last in narrowing.ranges:
        values = {**below, "field": narrowing.field, "first": first, "last": last, "count": most + 1}
        rows = tx.all(statements.MEMORIES_OF_VALUES_ANYWHERE, **values) if is_wide else []
        if is_wide and len(rows) <= most:
            ids.update(memory for memory, is_below in rows if is_below)
            continue
        # Of few namespaces, or so many elsewhere that it is better to look into each of these.
        rows = tx.all(statements.MEMORIES_OF_VALUES, **values)
        ids.update(memory for (memory,) in rows)
        if len(rows) > most or len(ids) > most:
            return None
    return ids if len(ids) <= most else None
