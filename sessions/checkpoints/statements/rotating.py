"""Statements that replace keys of threads, and encrypt their contents again."""

from __future__ import annotations

from typing import Final

from sessions.db.transaction import Statement

_IS_PLAIN: Final = """
    t.wrapped_keys is null and not exists (
        select 1 from {lines} l join {checkpoints} c on c.line = l.id
        where l.thread = t.id and substr(c.body, 1, 1) = :own
    ) and not exists (
        select 1 from {lines} l join {writes} w on w.line = l.id
        where l.thread = t.id and substr(w.payload, 1, 1) = :own
    )
"""
"""The condition on a thread ``t`` that is in the clear: neither has it keys, nor is it under a serializer's cipher."""

ENCRYPTED_THREADS = Statement(
    "A page of threads, the oldest first: those with wrapped keys, and those in the clear, if they are wanted, too.",
    f"""
    select t.id, t.thread_id from {{threads}} t
    where t.id > :after and (t.wrapped_keys is not null or :everything = 1 and {_IS_PLAIN})
    order by t.id limit :count
    """,  # noqa: S608 - a condition of this module
)

PLAIN_THREADS = Statement(
    "How many threads are in the clear.",
    f"select count(*) from {{threads}} t where {_IS_PLAIN}",  # noqa: S608 - as above
)

WRAPPED_KEYS = Statement(
    "The wrapped keys of a thread.", "select wrapped_keys from {threads} where thread_id = :thread_id"
)

SET_WRAPPED_KEYS = Statement(
    "Replace the wrapped keys of a locked thread.",
    "update {threads} set wrapped_keys = :wrapped_keys where id = :thread",
)

PIECES_OTHERWISE = Statement(
    "Some pieces of a range whose payloads do not begin as a data key's.",
    """
    select id, payload from {pieces} where id > :after and id <= :high and substr(payload, 1, 5) <> :header
    order by id limit :count
    """,
)

CHECKPOINTS_OTHERWISE = Statement(
    "Some checkpoints of a line whose bodies do not begin as a data key's.",
    """
    select id, checkpoint_id, parent_id, run_id, hidden, created_at, heads, body from {checkpoints}
    where id > :after and id <= :high and substr(body, 1, 5) <> :header order by id limit :count
    """,
)

WRITES_OTHERWISE = Statement(
    "Some writes of a line whose payloads do not begin as a data key's.",
    """
    select checkpoint_id, task_id, slot, task_path, payload from {writes}
    where line = :line and substr(payload, 1, 5) <> :header limit :count
    """,
)

REPLACE_PIECE = Statement(
    "Put another encryption of the same piece.", "update {pieces} set payload = :payload where id = :id"
)

REPLACE_BODY = Statement(
    "Put another encryption of the same body.", "update {checkpoints} set body = :body where id = :id"
)

REPLACE_WRITES = Statement(
    "Put another encryption of the same writes.",
    """
    update {writes} set payload = :payload
    where line = :line and checkpoint_id = :checkpoint_id and task_id = :task_id and slot = :slot
    """,
)
