"""Statements that find memories by values of declared fields."""

from __future__ import annotations

from functools import cache
from typing import Final

from sessions.db.lists import parameters
from sessions.db.transaction import Statement
from sessions.memory.statements.memories import COLUMNS, LIVE

AT_ONCE: Final = 64
"""Memories that one statement reads by their ids."""

MEMORIES_OF_VALUES = Statement(
    "Some memories below a prefix that have a value of a field in a range.",
    """
    select f.memory from {spaces} s join {field_values} f on f.space = s.id
    where s.path >= :low and s.path < :high and f.field = :field and f.value >= :first and f.value <= :last
    limit :count
    """,
)


@cache
def memories_by_id(*, owned: bool) -> Statement:
    """Return the statement for some memories, in any order."""
    owner = "and s.owner = :owner" if owned else ""
    return Statement(
        "Some memories, with their namespaces.",
        f"""
        select s.path, s.owner, s.wrapped_keys, {COLUMNS} from {{memories}} m join {{spaces}} s on s.id = m.space
        where m.id in ({parameters("m", AT_ONCE)}) and {LIVE} {owner}
        """,  # noqa: S608 - words of this module
    )
