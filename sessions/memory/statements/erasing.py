"""Statements that remove a namespace's rows, a bounded number at a time."""

from __future__ import annotations

from sessions.db.transaction import Statement

SOME_MEMORIES = Statement(
    "The ids of the first memories of a namespace.",
    "select id from {memories} where id >= :low and id <= :high order by id limit :count",
)

COUNT_MEMORIES = Statement(
    "How many memories there are in a range.", "select count(*) from {memories} where id >= :low and id <= :high"
)
COUNT_SEARCH_ROWS = Statement(
    "How many of them have search rows.", "select count(*) from {search_rows} where memory >= :low and memory <= :high"
)
COUNT_FIELD_VALUES = Statement(
    "How many values of declared fields they have.",
    "select count(*) from {field_values} where memory >= :low and memory <= :high",
)
COUNT_REMOVALS = Statement(
    "How many removed memories a namespace has notes of.", "select count(*) from {removals} where space = :space"
)

DELETE_MEMORIES = Statement("Remove them.", "delete from {memories} where id >= :low and id <= :high")
DELETE_SEARCH_ROWS = Statement(
    "Remove their search rows.", "delete from {search_rows} where memory >= :low and memory <= :high"
)
DELETE_FIELD_VALUES = Statement(
    "Remove their values of declared fields.", "delete from {field_values} where memory >= :low and memory <= :high"
)
DELETE_REMOVALS = Statement("Remove a namespace's notes.", "delete from {removals} where space = :space")
