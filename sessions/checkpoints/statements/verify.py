"""Statements that read rows for verification, a page at a time."""

from __future__ import annotations

from sessions.checkpoints.statements.rows import COUNT_PIECES, HEADS_OF
from sessions.db.transaction import Statement

__all__ = [
    "COUNT_PIECES", "COUNT_PIECES_OF", "HEADS_OF", "LINES_WITH_WRITES", "NEXT_CHECKPOINT", "SOME_CHECKPOINTS",
    "SOME_LINES", "WRITES",
]  # fmt: skip

SOME_CHECKPOINTS = Statement(
    "Some checkpoints behind one, with their threads' numbers, ids and wrapped keys.",
    """
    select c.id, c.checkpoint_id, c.parent_id, c.run_id, c.hidden, c.created_at, c.heads, c.body,
        t.id, t.thread_id, t.wrapped_keys
    from {checkpoints} c join {lines} l on l.id = c.line join {threads} t on t.id = l.thread
    where c.id > :after order by c.id limit :count
    """,
)

NEXT_CHECKPOINT = Statement(
    "The next checkpoint.", "select id from {checkpoints} where id > :after order by id limit 1"
)

LINES_WITH_WRITES = Statement(
    "Some lines that have writes.",
    "select distinct line from {writes} where line > :after order by line limit :count",
)

WRITES = Statement(
    "The writes of a line, with their thread's id and wrapped keys.",
    """
    select w.checkpoint_id, w.task_id, w.slot, w.task_path, w.payload, t.thread_id, t.wrapped_keys from {writes} w
    join {lines} l on l.id = w.line join {threads} t on t.id = l.thread where w.line = :line
    """,
)

SOME_LINES = Statement("Some lines.", "select id from {lines} where id > :after order by id limit :count")

_PIECES_OF = """
    select coalesce(sum((
        select count(*) from {pieces} p
        where p.id >= c.id * {positions} and p.id <= c.id * {positions} + {last_position}
    )), 0) from {chains} c where c.line = :line or c.id = :line
"""

COUNT_PIECES_OF = Statement("How many pieces a line has.", _PIECES_OF)
