"""Statements about lists: memories by namespace and key, and namespaces with counts.

A page is read by ranges of indexes alone, however many memories there are: the rest of one namespace, and then the next
namespaces, each up to the page's length. No planner can choose otherwise.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from sessions.db.dialect import MARIADB
from sessions.db.transaction import Statement
from sessions.memory.statements.memories import COLUMNS, LIVE

SPACES_AT_ONCE: Final = 16
"""Namespaces that one statement looks into."""

_OF_OWNER: Final = "and s.owner = :owner"


@cache
def next_spaces(*, owned: bool) -> Statement:
    """Return the statement for the next namespaces in a range of paths, in their order."""
    owner = _OF_OWNER if owned else ""
    return Statement(
        "The next namespaces in a range of paths.",
        f"""
        select s.id, s.path, s.owner, s.wrapped_keys from {{spaces}} s
        where s.path > :after and s.path < :high {owner} order by s.path limit :count
        """,  # noqa: S608 - words of this module
    )


THE_SPACE = Statement(
    "One namespace.", "select s.id, s.path, s.owner, s.wrapped_keys from {spaces} s where s.path = :path"
)

_PAYLOAD_COLUMNS: Final = "m.id, m.name, m.payload"
"""Enough to tell whether a filter wants a memory in the clear: reading the others takes as long again."""


@cache
def next_memories(*, whole: bool = True) -> Statement:
    """Return the statement for the next memories of a namespace, with all columns or enough for filters."""
    return Statement(
        "The next memories of a namespace, in the order of their keys.",
        f"""
        select {COLUMNS if whole else _PAYLOAD_COLUMNS} from {{memories}} m
        where m.space = :space and m.name > :after and {LIVE} order by m.name limit :count
        """,  # noqa: S608 - as above
    )


@cache
def first_memories(*, whole: bool = True) -> Statement:
    """Return the statement for the first memories of some namespaces, of each in the order of their keys."""
    one = f"""
        select m.space, {COLUMNS if whole else _PAYLOAD_COLUMNS} from {{memories}} m
        where m.space = :sNUMBER and {LIVE} order by m.name limit :count
    """  # noqa: S608 - as above

    def of_all(frame: str) -> str:
        return " union all ".join(frame.format(one).replace("NUMBER", str(at)) for at in range(SPACES_AT_ONCE))

    # SQLite takes no parentheses. MariaDB would store the rows of each subquery in a temporary table, on the disk.
    return Statement(
        "The first memories of some namespaces.", of_all("select * from ({}) pNUMBER"), {MARIADB: of_all("({})")}
    )


@cache
def first_page(*, owned: bool) -> Statement:
    """Return the statement for the next memories of a range of paths, in the order of paths and keys, for SQLite.

    It walks the indexes of both tables in this order, and looks at up to `spaces` namespaces. The plus keeps it from
    another index of namespaces, by which it would have to sort.
    """
    owner = "and +s.owner = :owner" if owned else ""
    return Statement(
        "The first memories behind a place, of some namespaces.",
        f"""
        select s.path, s.owner, s.wrapped_keys, {COLUMNS} from {{spaces}} s
        cross join {{memories}} m on m.space = s.id and m.name > case when s.path = :path then :name else '' end
        where s.path >= :path and s.path < coalesce((
            select e.path from {{spaces}} e where e.path >= :path and e.path < :high
            order by e.path limit 1 offset :spaces
        ), :high) {owner} and {LIVE} order by s.path, m.name limit :count
        """,  # noqa: S608 - as above
    )


SPACE_AT = Statement(
    "A row if a range of paths has more than some namespaces.",
    "select 1 from {spaces} where path >= :path and path < :high order by path limit 1 offset :spaces",
)


@cache
def count_memories(*, owned: bool) -> Statement:
    """Return the statement that counts the memories in a range of paths."""
    owner = _OF_OWNER if owned else ""
    return Statement(
        "How many memories there are in a range of paths.",
        f"""
        select coalesce(sum((select count(*) from {{memories}} m where m.space = s.id and {LIVE})), 0)
        from {{spaces}} s where s.path >= :low and s.path < :high {owner}
        """,  # noqa: S608 - as above
    )


@cache
def count_by_space(*, owned: bool) -> Statement:
    """Return the statement for the next namespaces, each with the number of its memories, also of none."""
    owner = _OF_OWNER if owned else ""
    return Statement(
        "The next namespaces, each with the number of its memories.",
        f"""
        select s.path, (select count(*) from {{memories}} m where m.space = s.id and {LIVE})
        from {{spaces}} s where s.path > :after and s.path < :high {owner} order by s.path limit :count
        """,  # noqa: S608 - as above
    )


def order_by_age(*, newest: bool) -> str:
    """Return the order of memories: those that were put last, or those whose keys were put first."""
    return "m.updated_at desc, m.id desc" if newest else "m.created_at, m.id"


@cache
def by_age(*, newest: bool, owned: bool) -> Statement:
    """Return the statement for the memories in a range of paths that were put last, or whose keys were put first."""
    owner = _OF_OWNER if owned else ""
    order = order_by_age(newest=newest)
    # The ids are put in order alone: values may be large.
    return Statement(
        "The memories in a range of paths that were put last." if newest else "Those whose keys were put first.",
        f"""
        select s.path, s.owner, s.wrapped_keys, {COLUMNS} from (
            select m.id from {{spaces}} s join {{memories}} m on m.space = s.id
            where s.path >= :low and s.path < :high {owner} and {LIVE} order by {order} limit :count
        ) f join {{memories}} m on m.id = f.id join {{spaces}} s on s.id = m.space order by {order}
        """,  # noqa: S608 - as above
    )


WIDTH = Statement(
    "The number of the next namespaces in a range of paths, one more than are looked at together, and of their keys.",
    f"""
    select count(*), coalesce(sum(n.last), 0) from (
        select s.last from {{spaces}} s where s.path >= :low and s.path < :high
        order by s.path limit {SPACES_AT_ONCE + 1}
    ) n
    """,  # noqa: S608 - as above
)
