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
