"""The log's tables, indexes and migrations: a file for the tables of each subject."""

from __future__ import annotations

from typing import Final

from sessions.db.schema import Index, Schema
from sessions.db.transaction import Statement
from sessions.log.schema.conversations import BRANCHES, ENTRIES, SEGMENTS, SESSIONS
from sessions.log.schema.keys import APPENDS, ITEM_KEYS
from sessions.log.schema.records import (
    AUDITS,
    CHANGES,
    COPIES,
    INFOS,
    SESSION_WORDS,
    TAGS,
    UNDESTROYED,
    UNFINISHED,
    USAGE,
    WAITING,
)
from sessions.log.words import WORDS

MAX_SESSION = (1 << 39) - 1
"""The highest internal id of a session: beyond it, numbers of leases (`lease_statements.NUMBERS`) have no room."""

LOG: Final = Schema(
    "log",
    (
        SESSIONS,
        SEGMENTS,
        BRANCHES,
        ENTRIES,
        APPENDS,
        CHANGES,
        USAGE,
        WAITING,
        INFOS,
        TAGS,
        ITEM_KEYS,
        AUDITS,
        UNDESTROYED,
        COPIES,
        UNFINISHED,
        SESSION_WORDS,
    ),
    (
        Index("segments_of_session", "segments", ("session",), "Segments of a session, for clearing and deleting."),
        Index(
            "entries_expiring",
            "entries",
            ("expires_at",),
            "Entries that will expire, for purging. Most databases index no others.",
            where="expires_at is not null",
        ),
        Index("appends_by_end", "appends", ("until",), "Keys by their end, for removing them."),
        Index(
            "sessions_by_activity", "sessions", ("archived", "active_at", "id"), "Sessions, the latest first.", since=10
        ),
        Index(
            "sessions_of_owner",
            "sessions",
            ("owner", "archived", "active_at", "id"),
            "An owner's sessions, the latest first.",
            where="owner is not null",
            since=10,
        ),
        Index("item_keys_by_entry", "item_keys", ("session", "entry"), "The keys of entries.", since=10),
        Index("item_keys_by_time", "item_keys", ("due",), "Keys to look at, for removing them.", since=10),
        Index(
            "sessions_by_origin",
            "sessions",
            ("forked_from",),
            "The forks of a session.",
            where="forked_from is not null",
            since=11,
        ),
        Index("sessions_of_tag", "tags", ("tag", "active_at", "session"), "A tag's sessions, the latest.", since=10),
        Index("audits_of_subject", "audits", ("subject", "id"), "Whether and when a session was erased.", since=11),
        Index("audits_by_end", "audits", ("until",), "Audit rows by their end, for removing them.", since=11),
        Index("words_of_session", "session_words", ("session",), "The blocks of a session.", since=12),
    ),
    words=WORDS,
    migrations={
        10: (
            Statement(
                "Sessions from before lists by activity were active when they were last changed.",
                "update {sessions} set active_at = updated_at",
            ),
        )
    },
    # Commit 24a519a and earlier ones wrote 1 to 8, before the first release.
    first=9,
)
