"""Statements about checkpoints of many lines, newest id first."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from sessions.db.lists import parameters
from sessions.db.transaction import Statement

if TYPE_CHECKING:
    from collections.abc import Iterable

AT_ONCE: Final = 32
"""Checkpoints of a page, at most."""

_COLUMNS: Final = """
    t.id, t.thread_id, t.owner, t.wrapped_keys, t.ttl, l.id, l.ns, l.next_number, l.updated_at,
    c.id, c.checkpoint_id, c.parent_id, c.run_id, c.hidden, c.created_at, c.heads, c.body
"""

_FROM: Final = "from {threads} t join {lines} l on l.thread = t.id join {checkpoints} c on c.line = l.id"

_CONDITIONS: Final = {
    "thread_id": "t.thread_id = :thread_id",
    "ns": "l.ns = :ns",
    "checkpoint_id": "c.checkpoint_id = :checkpoint_id",
    "before": "c.checkpoint_id < :before",
    "owner": "t.owner = :owner",
    "cursor": "(c.checkpoint_id < :last or c.checkpoint_id = :last and c.id < :last_id)",
}

_ALIVE: Final = """
    (t.ttl is null or exists (select 1 from {lines} o where o.thread = t.id and o.updated_at + t.ttl > :now))
"""


def page_of(names: Iterable[str]) -> Statement:
    """Return the statement for a page of checkpoints for which some named conditions hold."""
    return _page(frozenset(names))


@cache
def _page(names: frozenset[str]) -> Statement:
    conditions = "".join(f" and {_CONDITIONS[name]}" for name in sorted(names))
    text = f"select {_COLUMNS} {_FROM} where c.hidden = 0 and {_ALIVE}{conditions}"
    return Statement("A page of checkpoints.", f"{text} order by c.checkpoint_id desc, c.id desc limit :count")


AGAIN = Statement(
    "Some checkpoints by the ids of their rows.",
    f"select {_COLUMNS} {_FROM} where c.hidden = 0 and c.id in ({parameters('c', AT_ONCE)})",
)


_THREADS: Final = """
    select t.id, t.thread_id, t.owner, t.wrapped_keys, t.ttl, t.created_at,
    (select max(o.updated_at) from {lines} o where o.thread = t.id) as updated_at,
    (select count(*) from {lines} o where o.thread = t.id) as namespaces,
    c.id, c.checkpoint_id, c.parent_id, c.run_id, c.hidden, c.created_at, c.heads, c.body
    from {threads} t left join {lines} l on l.thread = t.id and l.ns = ''
    left join {checkpoints} c on c.line = l.id and c.hidden = 0 and c.checkpoint_id = (
        select max(m.checkpoint_id) from {checkpoints} m where m.line = l.id and m.hidden = 0
    )
"""

_THREAD_CONDITIONS: Final = {
    "owners": "t.owner >= :low and t.owner < :high",
    "prefix": "t.thread_id >= :prefix and t.thread_id < :beyond",
    "alive": _ALIVE,
    "expired": f"not {_ALIVE}",
}


@cache
def threads_page(names: frozenset[str]) -> Statement:
    """Return the statement for a page of threads, the newest first, for which some named conditions hold."""
    conditions = "".join(f" and {_THREAD_CONDITIONS[name]}" for name in sorted(names))
    return Statement(
        "A page of threads.", f"{_THREADS} where t.id < :before{conditions} order by t.id desc limit :count"
    )


COUNTS = Statement(
    "How many threads have not expired, and how many checkpoints they have.",
    f"""
    select (select count(*) from {{threads}} t where {_ALIVE}),
    (select count(*) {_FROM} where c.hidden = 0 and {_ALIVE})
    """,  # noqa: S608 - conditions of this module
)
