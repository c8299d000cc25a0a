"""Rows of declared fields for memories that were put before the fields were declared, a page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.db.ids import ids_of
from sessions.memory.fields import DeclaredValues
from sessions.memory.locking import lock_numbers
from sessions.memory.settings import read_settings
from sessions.memory.statements import memories as memory_statements
from sessions.memory.statements import settings as statements

if TYPE_CHECKING:
    from sessions.codecs import Codec
    from sessions.db.transaction import Transaction
    from sessions.memory.locking import LockedSpace

MEMORIES: Final = 500
"""Memories of one transaction, so that other writers of their namespaces wait for milliseconds."""

_SPACES: Final = 64
"""Namespaces of one transaction, at most."""


class Reindexing(NamedTuple):
    """How far `reindex` is.

    Attributes:
        number: The number of the settings that it began with; another one lets it begin again.
        space: The internal id of the last namespace that is done.
        memory: The id of the last memory that is done.
        memories: How many are done.
        is_done: Whether all are.
    """

    number: int = -1
    space: int = 0
    memory: int = 0
    memories: int = 0
    is_done: bool = False


def reindex_page(tx: Transaction, at: Reindexing, codec: Codec) -> Reindexing:
    """Write the rows of the next memories, and return how far it is then."""
    settings = read_settings(tx)
    if settings.number != at.number:
        at = Reindexing(settings.number)
    found = tx.all(statements.SPACES_BEHIND, after=at.space, number=at.number, count=_SPACES)
    values = DeclaredValues(settings.numbers, codec)
    left = MEMORIES
    for space in lock_numbers(tx, [space for (space,) in found]):
        page = _page(tx, space, at.memory, values, left)
        at = at._replace(memories=at.memories + len(page))
        if len(page) == left:
            return at._replace(memory=page[-1])
        left -= len(page)
        tx.run(statements.FOLLOW_SETTINGS, space=space.id, number=at.number)
        at = at._replace(space=space.id, memory=0)
    # Namespaces that were removed meanwhile were not locked.
    return at._replace(space=found[-1][0]) if found else at._replace(is_done=True)


def _page(tx: Transaction, space: LockedSpace, after: int, values: DeclaredValues, count: int) -> list[int]:
    """Write the rows of the next memories of a locked namespace, also in place of those of former fields."""
    first, last = ids_of(space.id)
    after = max(after, first - 1)
    page = tx.all(statements.PAYLOADS_AFTER, after=after, last=last, count=count)
    until = page[-1][0] if len(page) == count else last
    tx.run(statements.DROP_VALUES_BETWEEN, after=after, last=until)
    if space.wrapped_keys is None:
        tx.many(
            memory_statements.ADD_FIELD_VALUE,
            [(space.id, field, value, id_) for id_, payload in page for field, value in values.of(bytes(payload))],
        )
    return [id_ for id_, _ in page]
