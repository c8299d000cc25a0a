"""Statements about threads and their lines.

Every change of a line's checkpoints locks its row first; making or removing a line locks the thread's row before.
So both locks are always taken in this order, and lines of one thread in the order of their ids.
"""

from __future__ import annotations

from typing import Final

from sessions.db.dialect import MARIADB, POSTGRES
from sessions.db.transaction import Statement

_FIND_LINE: Final = """
    select t.id, t.owner, t.wrapped_keys, t.ttl, l.id, l.next_number, l.updated_at
    from {threads} t left join {lines} l on l.thread = t.id and l.ns = :ns where t.thread_id = :thread_id
"""

FIND_LINE = Statement("A thread, and its line of a namespace if there is one.", _FIND_LINE)

_LOCK_LINE: Final = "select next_number, updated_at from {lines} where id = :line"

LOCK_LINE = Statement(
    "Lock a line for a change.",
    f"{_LOCK_LINE} {{for_update}}",
)

SHARE_LINE = Statement(
    "Keep a line as it is until the end of the transaction.",
    _LOCK_LINE,
    {POSTGRES: f"{_LOCK_LINE} for share", MARIADB: f"{_LOCK_LINE} lock in share mode wait 1"},
)

LOCK_LINE_OF = Statement(
    "Lock a line of a locked thread, if another process has just made it.",
    "select id, next_number, updated_at from {lines} where thread = :thread and ns = :ns {for_update}",
)

_LOCK_THREAD: Final = "select id, owner, wrapped_keys, ttl from {threads} where thread_id = :thread_id"

SEE_THREAD = Statement("A thread.", _LOCK_THREAD)

LOCK_THREAD = Statement(
    "Lock a thread, so that nobody makes or removes its lines.",
    f"{_LOCK_THREAD} {{for_update}}",
)

_MAKE_THREAD: Final = """
    insert into {threads} (thread_id, owner, created_at, ttl, wrapped_keys)
    values (:thread_id, :owner, :now, :ttl, :wrapped_keys)
"""

MAKE_THREAD = Statement(
    "Make a thread, unless another process has just done so.",
    f"{_MAKE_THREAD} on conflict (thread_id) do nothing",
    {MARIADB: f"{_MAKE_THREAD} on duplicate key update thread_id = thread_id"},
)

NEW_CHAIN = Statement("Begin a chain.", "insert into {chains} (line) values (:line) returning id")

MAKE_LINE = Statement(
    "Make a line.",
    """
    insert into {lines} (id, thread, ns, next_number, updated_at, root_id)
    values (:line, :thread, :ns, 1, :now, :root_id)
    """,
)

MOVE_LINE = Statement(
    "Note the next number of a locked line, and when a checkpoint was put.",
    """
    update {lines} set next_number = :next_number, updated_at = :now, root_id = coalesce(root_id, :root_id)
    where id = :line
    """,
)

RAISE_LINE = Statement(
    "Raise a locked line's next number, so that nobody builds on what they remember of it.",
    "update {lines} set next_number = next_number + 1 where id = :line",
)

_LINES_OF: Final = "select id, ns, root_id, updated_at from {lines} where thread = :thread order by id"

LINES_OF = Statement(
    "Lock the lines of a thread.",
    f"{_LINES_OF} {{for_update}}",
)

LINES_SEEN = Statement("The lines of a thread.", _LINES_OF)

UPDATED_AT = Statement("When a thread was last changed.", "select max(updated_at) from {lines} where thread = :thread")

DELETE_LINE = Statement("Remove a line's row.", "delete from {lines} where id = :line")
DELETE_THREAD = Statement("Remove a thread's row.", "delete from {threads} where id = :thread")

CHAINS_OF = Statement(
    "The chains of a line, with its own.",
    "select id from {chains} where line = :line union all select id from {chains} where id = :line order by 1",
)

DELETE_CHAIN = Statement("Remove a chain's row.", "delete from {chains} where id = :chain")
DELETE_CHAINS = Statement(
    "Remove the rows of a line's chains.", "delete from {chains} where line = :line or id = :line"
)

SET_TTL = Statement("Give a locked thread another time to live.", "update {threads} set ttl = :ttl where id = :thread")

OWNED = Statement(
    "Some threads of owners in a range.",
    "select thread_id from {threads} where owner >= :low and owner < :high order by owner, id limit :count",
)

EXPIRED = Statement(
    "Some threads that have expired.",
    """
    select t.thread_id from {threads} t where t.ttl is not null and t.id > :after and not exists (
        select 1 from {lines} l where l.thread = t.id and l.updated_at + t.ttl > :now
    ) order by t.id limit :count
    """,
)

ROWS_OF_THREAD = Statement(
    "How many rows a thread has in the tables of what is in it, but for pieces.",
    """
    select (select count(*) from {lines} where thread = :thread),
    (select count(*) from {checkpoints} c join {lines} l on l.id = c.line where l.thread = :thread),
    (select count(*) from {writes} w join {lines} l on l.id = w.line where l.thread = :thread)
    """,
)
