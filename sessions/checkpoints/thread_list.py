"""The list of threads, page by page, the newest first. It reads no state, so its size does not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.checkpoints.contents import Contents
from sessions.checkpoints.lines import Line
from sessions.checkpoints.rows import CheckpointRow
from sessions.checkpoints.statements.listing import threads_page
from sessions.checkpoints.threads import thread_of
from sessions.checkpoints.values import Place, ThreadRow
from sessions.db.dialect import text_of_key
from sessions.db.ids import MAX_OWNER

if TYPE_CHECKING:
    from sessions.checkpoints.covers import Covers
    from sessions.db.transaction import Row, Transaction

_LAST_CHARACTER: Final = "\U0010ffff"


class Wanted(NamedTuple):
    """Which threads are listed.

    Attributes:
        prefix: Only those whose ids begin with it.
        owners: Only those of owners from the first on and before the second, as `labels.py` writes them.
        expired: Only those that have expired, and are not listed else.
    """

    prefix: str = ""
    owners: tuple[str, str] | None = None
    expired: bool = False


def list_threads(
    tx: Transaction, wanted: Wanted, covers: Covers, *, before: int | None, count: int, now: int
) -> list[ThreadRow]:
    """Return up to `count` threads, the newest first.

    Args:
        tx: A transaction.
        wanted: Which ones.
        covers: How contents are stored.
        before: The number of the last thread of the page before.
        count: How many, at most.
        now: The time.

    Raises:
        DecryptionError: A thread cannot be opened with the given keys.
    """
    names = {"expired" if wanted.expired else "alive"}
    values: dict[str, int | str] = {"before": MAX_OWNER + 1 if before is None else before, "now": now, "count": count}
    if wanted.prefix:
        names.add("prefix")
        values |= {"prefix": wanted.prefix, "beyond": wanted.prefix + _LAST_CHARACTER}
    if wanted.owners is not None:
        names.add("owners")
        values |= {"low": wanted.owners[0], "high": wanted.owners[1]}
    return [_row(row, covers) for row in tx.all(threads_page(frozenset(names)), **values)]


def _row(row: Row, covers: Covers) -> ThreadRow:
    number, thread_id, owner, wrapped_keys, ttl, created_at, updated_at, namespaces = row[:8]
    thread_id = text_of_key(thread_id)
    thread = thread_of(number, owner, wrapped_keys, ttl)
    metadata = checkpoint_id = None
    if row[8] is not None:
        found = CheckpointRow.of(row[8:])
        line = Line(0, 0, 0, thread, covers.unlock(thread_id, thread.wrapped_keys))
        metadata = Contents(Place(thread_id), line).body(found).metadata
        checkpoint_id = found.checkpoint_id
    return ThreadRow(
        thread_id=thread_id,
        owner=thread.owner,
        created_at=created_at,
        updated_at=created_at if updated_at is None else updated_at,
        ttl=ttl,
        checkpoint_id=checkpoint_id,
        metadata=metadata,
        namespaces=namespaces,
        cursor=str(number),
    )
