"""Statements that find memories by values of declared fields."""

from __future__ import annotations

from sessions.db.transaction import Statement

MEMORIES_OF_VALUES = Statement(
    "Some memories below a prefix that have a value of a field in a range.",
    """
    select f.memory from {spaces} s join {field_values} f on f.space = s.id
    where s.path >= :low and s.path < :high and f.field = :field and f.value >= :first and f.value <= :last
    limit :count
    """,
)

SPACES_COUNTED = Statement(
    "How many namespaces there are below a prefix, counted up to a number.",
    "select count(*) from (select 1 from {spaces} where path >= :low and path < :high limit :count) counted",
)

MEMORIES_OF_VALUES_ANYWHERE = Statement(
    """Some memories that have a value of a field in a range, in any namespace, and whether it is below a prefix.

    It looks at no namespace without one.
    """,
    """
    select f.memory, case when s.path >= :low and s.path < :high then 1 else 0 end from (
        select v.memory, v.space from {field_values} v
        where v.field = :field and v.value >= :first and v.value <= :last limit :count
    ) f join {spaces} s on s.id = f.space
    """,
)
