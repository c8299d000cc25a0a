"""Statements that count a store's rows."""

from __future__ import annotations

from typing import Final

from sessions.db.transaction import Statement

COUNT_SESSIONS: Final = Statement(
    "Count the sessions, those archived and those encrypted; when the first was made, and the last changed.",
    "select count(*), sum(archived), count(wrapped_keys), min(created_at), max(updated_at) from {sessions}",
)

COUNT_BRANCHES: Final = Statement(
    "Count the branches, without the tips that they left.",
    "select count(*) from {branches} where reflog_of is null",
)

COUNT_ENTRIES: Final = Statement("Count the stored entries.", "select count(*) from {entries}")

COUNT_USAGE: Final = Statement("Count the records of usage.", "select count(*) from {usage}")
