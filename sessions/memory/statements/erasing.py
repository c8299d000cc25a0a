"""Statements that remove a namespace's rows, a bounded number at a time."""

from __future__ import annotations

from sessions.db.lists import parameters
from sessions.db.transaction import Statement
from sessions.memory.statements.spaces import AT_ONCE

SOME_MEMORIES = Statement(
    "The ids of the first memories of a namespace.",
    "select id from {memories} where id >= :low and id <= :high order by id limit :count",
)

SIZES = Statement(
    "How many memories some namespaces have; no row for none.",
    f"select space, count(*) from {{memories}} where space in ({parameters('s', AT_ONCE)}) group by space",  # noqa: S608 - parameters
)

_IN_SPACES = f"space in ({parameters('s', AT_ONCE)})"
_IN_RANGE = "id >= :low and id <= :high"
_COUNTS = """
    select (select count(*) from {memories} m where m.WHERE),
    (select count(*) from {memories} m join {search_rows} r on r.memory = m.id where m.WHERE),
    (select count(*) from {memories} m join {field_values} f on f.memory = m.id where m.WHERE)
"""

COUNTS_IN_SPACES = Statement(
    "How many memories some namespaces have, with how many search rows, values of fields, and notes of removals.",
    _COUNTS.replace("WHERE", _IN_SPACES) + f", (select count(*) from {{removals}} where {_IN_SPACES})",  # noqa: S608 - as above
)

COUNTS_IN_RANGE = Statement(
    "How many memories there are in a range, with how many search rows and values of declared fields.",
    _COUNTS.replace("WHERE", _IN_RANGE.replace(" and ", " and m.")),
)

DELETE_MEMORIES = Statement("Remove them.", "delete from {memories} where id >= :low and id <= :high")
DELETE_SEARCH_ROWS = Statement(
    "Remove their search rows.", "delete from {search_rows} where memory >= :low and memory <= :high"
)
DELETE_FIELD_VALUES = Statement(
    "Remove their values of declared fields.", "delete from {field_values} where memory >= :low and memory <= :high"
)
DELETE_REMOVALS = Statement("Remove a namespace's notes.", "delete from {removals} where space = :space")
