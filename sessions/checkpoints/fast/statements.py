"""Put, put_writes and read on Postgres: one statement, one round trip each, on the driver's own connection.

They do the same as `put.py`, `put_writes.py` and `read.py` where the process's memory of a line is current: its
next number, which every other change raises, is compared where the line's row is locked. A statement that waited for
another change looks at that row again, and finds another number. In any other case, nothing is done.
"""

from __future__ import annotations

from typing import Final

from sessions.db.sqlalchemy.brief import BRIEFLY
from sessions.db.transaction import Statement

_TIMES: Final = 4
_RANGE: Final = " limit h.high - h.low + 1) few"
"""It takes nothing away; but the planner takes a limit that it does not know for a tenth of the rows.

It would else take a range for a share of the whole table, and compile the statement for as many rows.
"""

_REMEMBERED: Final = f"""
    {BRIEFLY} and
    l.id = $1 and l.next_number = $2 and t.id = l.thread and (t.ttl is null or l.updated_at + t.ttl > $3::bigint)
    and ($4::text is null or t.owner = $4) and t.wrapped_keys is not distinct from $5::bytea
"""
"""The condition on a line ``l`` and its thread ``t``: the line, its next number, the time, the owner, and the keys."""

PUT: Final = Statement(
    """Store a checkpoint whose parent is remembered; a row if that was done.

    A checkpoint of this id that is there violates the index of ids.
    """,
    f"""
    with line as (
        update {{lines}} l set next_number = $6, updated_at = $3 from {{threads}} t where {_REMEMBERED} returning l.id
    ), pieces as (
        insert into {{pieces}} (id, payload)
        select p.id, p.payload from line, unnest($7::bigint[], $8::bytea[]) p (id, payload)
    ), checkpoint as (
        insert into {{checkpoints}} (id, line, checkpoint_id, parent_id, run_id, created_at, heads, body)
        select $9::bigint, line.id, $10::text, $11::text, $12::text, $3, $13::text, $14::bytea from line
    )
    select 1 from line
    """,  # noqa: S608 - a condition of this module
)

BEGIN: Final = Statement(
    """Make a thread with its first checkpoint; the numbers of the thread and of its line, if the thread was missing.

    Ids of rows and heads are given for the line 0. What has no number left violates a rule, so that nothing is made.
    """,
    f"""
    with thread as (
        insert into {{threads}} (thread_id, owner, created_at, ttl)
        select $1::text, $2::text, $3::bigint, $4::bigint where {BRIEFLY}
        on conflict (thread_id) do nothing returning id
    ), chain as (
        insert into {{chains}} (line) select null::bigint from thread returning id
    ), line as (
        insert into {{lines}} (id, thread, ns, next_number, updated_at, root_id)
        select chain.id, thread.id, $5::text, $6::bigint, $3, $7::text from thread, chain
    ), pieces as (
        insert into {{pieces}} (id, payload)
        select chain.id * {{positions}} + p.id, p.payload from chain, unnest($8::bigint[], $9::bytea[]) p (id, payload)
    ), checkpoint as (
        insert into {{checkpoints}} (id, line, checkpoint_id, run_id, created_at, heads, body)
        select chain.id * {{positions}} + $10::bigint, chain.id, $11::text, $12::text, $3,
        replace($13::text, '[0,', '[' || chain.id || ','), $14::bytea from chain
    )
    select thread.id, chain.id, 1 / (case when thread.id <= {{max_owner}} then 1 else 0 end) from thread, chain
    """,  # noqa: S608 - a condition of this module
)

_LOCKED: Final = f"""
    wanted as (
        select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::bytea[])
        w (line, next_number, now, owner, wrapped_keys)
    ), locked as materialized (
        select l.id, w.now from wanted w join {{lines}} l on l.id = w.line join {{threads}} t on t.id = l.thread
        where {BRIEFLY} and l.next_number = w.next_number and (t.ttl is null or l.updated_at + t.ttl > w.now)
        and (w.owner is null or t.owner = w.owner) and t.wrapped_keys is not distinct from w.wrapped_keys
        order by l.id
"""  # noqa: S608 - a condition of this module
"""The lines that are as they are remembered: locked in one order, so that no two groups wait each for the other."""

_PUT_MANY: Final = """
    ), line as (
        update {lines} l set next_number = m.next_number, updated_at = k.now
        from locked k join unnest($1::bigint[], $6::bigint[]) m (line, next_number) on m.line = k.id
        where l.id = k.id returning l.id
    ), pieces as (
        insert into {pieces} (id, payload)
        select p.id, p.payload from unnest($7::bigint[], $8::bigint[], $9::bytea[]) p (line, id, payload)
        join line on line.id = p.line
    ), checkpoint as (
        insert into {checkpoints} (id, line, checkpoint_id, parent_id, run_id, created_at, heads, body)
        select c.id, line.id, c.checkpoint_id, c.parent_id, c.run_id, c.now, c.heads, c.body
        from unnest($1::bigint[], $3::bigint[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::text[],
        $15::bytea[]) c (line, now, id, checkpoint_id, parent_id, run_id, heads, body) join line on line.id = c.line
    )
    select id, 1 from line
"""

PUT_MANY: Final = Statement(
    "Store checkpoints of several lines whose parents are remembered; of each line where that was done, its id and 1.",
    f"with {_LOCKED} for no key update of l {_PUT_MANY}",
)

PUT_MANY_BESIDE: Final = Statement(
    "The same, without lines that others have locked.",
    f"with {_LOCKED} for no key update of l skip locked {_PUT_MANY}",
)

PUT_WRITES: Final = Statement(
    """Store a task's writes at a checkpoint that is remembered; how many slots were stored.

    What is there in the slot of ordinary writes stays, and the command looks at it.
    """,
    f"""
    with line as (
        select l.id from {{lines}} l, {{threads}} t where {_REMEMBERED} for share of l
    ), written as (
        insert into {{writes}} (line, checkpoint_id, task_id, slot, task_path, payload)
        select line.id, $6::text, $7::text, w.slot, $8::text, w.payload
        from line, unnest($9::bigint[], $10::bytea[]) w (slot, payload)
        on conflict (line, checkpoint_id, task_id, slot) do update
        set task_path = excluded.task_path, payload = excluded.payload where excluded.slot < 0 returning 1
    )
    select count(*) from written
    """,  # noqa: S608 - as above
)

_PUT_WRITES_MANY: Final = """
    ), written as (
        insert into {writes} (line, checkpoint_id, task_id, slot, task_path, payload)
        select k.id, w.checkpoint_id, w.task_id, w.slot, w.task_path, w.payload
        from unnest($6::bigint[], $7::text[], $8::text[], $9::bigint[], $10::text[], $11::bytea[])
        w (line, checkpoint_id, task_id, slot, task_path, payload) join locked k on k.id = w.line
        on conflict (line, checkpoint_id, task_id, slot) do update
        set task_path = excluded.task_path, payload = excluded.payload where excluded.slot < 0
        returning line, checkpoint_id, task_id
    )
    select line, checkpoint_id, task_id, count(*) from written group by line, checkpoint_id, task_id
"""

PUT_WRITES_MANY: Final = Statement(
    """Store writes of several tasks at checkpoints that are remembered.

    Of each task of which something was stored: line, checkpoint, task, and how many slots were.
    """,
    f"with {_LOCKED} for share of l {_PUT_WRITES_MANY}",
)

PUT_WRITES_MANY_BESIDE: Final = Statement(
    "The same, without lines that others have locked.",
    f"with {_LOCKED} for share of l skip locked {_PUT_WRITES_MANY}",
)


def _read(condition: str) -> str:
    return f"""
    with found as (
        select t.id as thread, t.owner, t.wrapped_keys, t.ttl, l.id as line, l.next_number, l.updated_at
        from {{threads}} t left join {{lines}} l on l.thread = t.id and l.ns = $2 and (t.ttl is null or exists (
            select from {{lines}} o where o.thread = t.id and o.updated_at + t.ttl > $3::bigint
        )) where t.thread_id = $1
    ), c as materialized (
        select c.* from found cross join lateral (
            select * from {{checkpoints}} c where c.line = found.line and c.hidden = 0 {condition}
        ) c
    ), h as (
        select cast(h.r->>0 as bigint) * {{positions}} + cast(h.r->>1 as bigint) as low,
        cast(h.r->>0 as bigint) * {{positions}} + cast(h.r->>2 as bigint) as high
        from found, c, jsonb_array_elements(cast(c.heads as jsonb)) h (r)
        where (c.id = $4::bigint and found.next_number = $5::bigint) is not true
    )
    select 0 as what, thread as a, line as b, next_number as c, updated_at as d, ttl as e,
    owner as s, null::text as t, null::text as u, null::text as v, wrapped_keys as p from found
    union all select 1, id, created_at, null, null, null, checkpoint_id, parent_id, run_id, heads, body from c
    union all select 2, p.id, null, null, null, null, null, null, null, null, p.payload from h cross join lateral (
        {"select * from (" * _TIMES} select id, payload from {{pieces}} where id between h.low and h.high order by id
        {_RANGE * _TIMES}
    ) p
    union all select 3, w.slot, null, null, null, null, w.task_id, w.task_path, null, null, w.payload
    from c join {{writes}} w on w.line = c.line and w.checkpoint_id = c.checkpoint_id
    union all select 4, h.high, null, null, null, null, null, null, null, null, null
    from h where not exists (select from {{pieces}} n where n.id = h.high + 1)
    """  # noqa: S608 - a condition of this module


READ_LATEST: Final = Statement(
    """A thread, the latest checkpoint of a line, its pieces, its writes, and which pieces are the ends of their chains.

    Each row says in its first column what it is. Of a checkpoint that is remembered, by its row and the line's next
    number, no piece is read.
    """,
    _read("order by c.checkpoint_id desc limit 1"),
)

READ_ONE: Final = Statement("The same of the checkpoint with an id.", _read("and c.checkpoint_id = $6"))
