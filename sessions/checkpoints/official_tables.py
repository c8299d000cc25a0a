"""The tables of LangGraph's official savers in the database of a store: whether they are there, and removing a thread.

Reading them is the adapter's: `adapters/langgraph/official.py`. No package of LangGraph's is needed for this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.db.component import Removed
from sessions.db.dialect import POSTGRES, SQLITE
from sessions.db.transaction import Statement

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction

_THERE: Final = Statement(
    "Whether an official saver's tables are here.",
    "select 0",
    {
        SQLITE: """
        select (
            select count(*) from pragma_table_info('checkpoints') where name in (
                'thread_id', 'checkpoint_ns', 'checkpoint_id', 'parent_checkpoint_id', 'type', 'checkpoint', 'metadata'
            )
        ) = 7 and (
            select count(*) from pragma_table_info('writes') where name in (
                'thread_id', 'checkpoint_ns', 'checkpoint_id', 'task_id', 'idx', 'channel', 'type', 'value'
            )
        ) = 8
        """,
        POSTGRES: """
        select case when to_regclass('checkpoints') is not null and to_regclass('checkpoint_blobs') is not null
            and to_regclass('checkpoint_writes') is not null then 1 else 0 end
        """,
    },
)

_ANY: Final = Statement("A row if there is a thread.", "select 1 from checkpoints limit 1")

_OF_THREAD: Final = "where thread_id = :thread_id"

_TABLES: Final = {
    SQLITE: ("writes", "checkpoints"),
    POSTGRES: ("checkpoint_writes", "checkpoint_blobs", "checkpoints"),
}
_COUNT: Final = {
    table: Statement(f"How many rows {table} has of a thread.", f"select count(*) from {table} {_OF_THREAD}")  # noqa: S608 - tables of this module
    for tables in _TABLES.values()
    for table in tables
}
_DELETE: Final = {
    table: Statement(f"Remove a thread's rows from {table}.", f"delete from {table} {_OF_THREAD}")  # noqa: S608 - tables of this module
    for table in _COUNT
}


def are_there(tx: Transaction) -> bool:
    """Tell whether an official saver's tables are in the database, and have a thread."""
    return bool(tx.the(_THERE)[0]) and tx.one(_ANY) is not None


def remove_thread(tx: Transaction, thread_id: str) -> dict[str, int]:
    """Remove a thread, so that it does not come back; return how many rows went, by table, if any."""
    if not tx.the(_THERE)[0]:
        return {}
    removed = {}
    for table in _TABLES.get(tx.database, ()):
        (count,) = tx.the(_COUNT[table], thread_id=thread_id)
        if count:
            tx.run(_DELETE[table], thread_id=thread_id)
            removed[table] = int(count)
    return removed


def removed_rows(tx: Transaction, thread_id: str) -> Removed:
    """Remove a thread, and return its rows as receipts name them."""
    rows = remove_thread(tx, thread_id)
    return Removed({f"langgraph_{table}": count for table, count in rows.items()}, [*rows])
