"""Rows of declared fields: written with each put, and for older memories by `reindex`, a page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.db.ids import ids_of
from sessions.memory.fields import DeclaredValues
from sessions.memory.locking import lock_numbers
from sessions.memory.settings import mark_ready, read_settings
from sessions.memory.statements import settings as statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.codecs import Codec
    from sessions.db.transaction import Transaction

MEMORIES: Final = 500
"""Memories of one transaction, so that other writers of their namespace wait for milliseconds."""


class Reindexing(NamedTuple):
    """How far `reindex` is.

    Attributes:
        number: The number of the settings that it began with; another one lets it begin again.
        after: The id of the last memory that is done.
        memories: How many are done.
        is_done: Whether all are, and filters may use the fields.
    """

    number: int = -1
    after: int = 0
    memories: int = 0
    is_done: bool = False


def put_values(
    tx: Transaction, space: int, memory: int, values: Sequence[tuple[int, bytes]], *, is_new: bool = False
) -> None:
    """Replace the rows of a memory, whose namespace is locked.

    Args:
        tx: The transaction.
        space: The internal id of its namespace.
        memory: Its internal id.
        values: Its rows, as `DeclaredValues.of` returns them; none for an encrypted namespace.
        is_new: Whether it has no rows yet.
    """
    if not is_new:
        tx.run(statements.DROP_VALUES, memory=memory)
    if values:
        tx.many(statements.PUT_VALUE, [(space, field, value, memory) for field, value in values])


def reindex_page(tx: Transaction, at: Reindexing, codec: Codec) -> Reindexing:
    """Write the rows of the next memories, and return how far it is then.

    Raises:
        ValueError: A memory cannot be read.
    """
    settings = read_settings(tx)
    if settings.number != at.number:
        at = Reindexing(settings.number)
    found = tx.one(statements.NEXT_MEMORY, after=at.after)
    if found is None:
        return at._replace(is_done=mark_ready(tx, at.number))
    space = int(found[0])
    low, high = ids_of(space)
    after = max(at.after, low - 1)
    is_sealed = any(locked.wrapped_keys is not None for locked in lock_numbers(tx, [space]))
    page = [] if is_sealed else tx.all(statements.PAYLOADS_AFTER, after=after, last=high, count=MEMORIES)
    last = int(page[-1][0]) if len(page) == MEMORIES else high
    values = DeclaredValues(settings.numbers, codec)
    # Of the locked namespace alone, and also rows of fields that are declared no more.
    tx.run(statements.DROP_VALUES_BETWEEN, after=after, last=last)
    rows = [(space, field, value, id_) for id_, payload in page for field, value in values.of(bytes(payload))]
    if rows:
        tx.many(statements.PUT_VALUE, rows)
    return at._replace(after=last, memories=at.memories + len(page))
