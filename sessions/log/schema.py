"""The log's tables."""

from __future__ import annotations

from typing import Final

from sessions.db.schema import Column, Index, Schema, Table
from sessions.db.transaction import Statement
from sessions.log.words import WORDS

MAX_SESSION = (1 << 39) - 1
"""The highest internal id of a session: beyond it, numbers of leases (`lease_statements.NUMBERS`) have no room."""

_SESSIONS: Final = Table(
    "sessions",
    "Sessions by the id that users give.",
    (
        Column("id", "serial"),
        Column("session_id", "session_id_type", unique=True),
        Column("version", "integer"),
        Column("branch", "name_type", "The current branch's name."),
        Column("created_at", "integer", "In microseconds since 1970, UTC, as all times."),
        Column("updated_at", "integer"),
        Column(
            "wrapped_keys", "bytes", "An encrypted session's data keys, wrapped; see docs/encryption.md.", null=True
        ),
        Column("leases", "integer", "The last number given to a lease or a waiter.", default=0),
        Column("annotated", "flag", "1 if it has an entry that no model is shown.", default=0),
        Column("owner", "session_id_type", "Its owner, as `labels.py` writes it.", null=True, since=10),
        Column("active_at", "integer", "When it was last active; moves at most once a minute.", default=0, since=10),
        Column("archived", "flag", "1 if lists can leave it out.", default=0, since=10),
        Column("keyed", "flag", "1 if it has rows in `item_keys`.", default=0, since=10),
        Column("cleared_in", "integer", "The version that last cleared it.", default=0, since=10),
        Column("tagged", "flag", "1 if it has rows in `tags`.", default=0, since=10),
        Column("corrected_in", "integer", "The version that last redacted or removed an entry.", default=0, since=11),
        Column(
            "forked_from", "integer", "The internal id of the session that it was forked from.", null=True, since=11
        ),
        Column("forked_at", "integer", "The id of the last entry that it got of that one.", default=0, since=11),
        Column("words_in", "integer", "The version up to which its words were made.", default=0, since=12),
    ),
    updated=True,
)

_SEGMENTS: Final = Table(
    "segments",
    "Runs of entries; parent and fork position never change.",
    (
        Column("id", "serial"),
        Column("session", "integer"),
        Column("parent", "integer", null=True),
        Column("fork_position", "integer"),
        Column("turn", "integer", "The number of turns up to the fork position.", default=0),
        Column("holes", "flag", "1 if an entry was removed from the middle, or has an expiry.", default=0),
    ),
)

_BRANCHES: Final = Table(
    "branches",
    """Where reading ends and appending goes on; what lies at or below the floor others may see.

    Parent and fork position repeat the segment's, so that the common read needs no third table.
    """,
    (
        Column("session", "integer"),
        Column("name", "name_type"),
        Column("segment", "integer"),
        Column("parent", "integer", null=True),
        Column("fork_position", "integer"),
        Column("tip", "integer"),
        Column("turn", "integer"),
        Column("floor", "integer"),
        Column("may_extend", "flag", "1 if nothing lies beyond the tip in its segment, so that it can be extended."),
        Column("forked_from", "name_type", "The branch from which this one was made.", null=True),
        Column("forked_at", "integer", "The last position it shared with that one.", null=True),
        Column("forked_turn", "integer", "The number of turns up to there.", null=True),
        Column("reflog_of", "name_type", "The branch that left this tip; null if the row is a branch.", null=True),
        Column("pending", "flag", "1 if redo would bring that branch back there.", default=0),
        Column("created_at", "integer", default=0),
        Column("updated_at", "integer", "When it was last appended to or moved.", default=0),
        Column("made_in", "integer", "The version that made it.", default=0),
        Column("changed_in", "integer", "The version that last changed it.", default=0),
        Column("lease_token", "integer", "The number of its lease; 0 without one.", default=0),
        Column("lease_until", "integer", "When that ends; 0 without one.", default=0),
        Column("lease_open", "flag", "1 if others may change the branch meanwhile.", default=0),
        Column("lease_from", "integer", "The branch's tip when it was taken.", default=0),
        Column("lease_holder", "name_type", "Who holds it, as they said.", null=True),
        Column("lease_claim", "name_type", "Tells a holder from others, also when it tries again.", null=True),
    ),
    key=("session", "name"),
    updated=True,
)

_ENTRIES: Final = Table(
    "entries",
    "The items; an id is made of segment and position, see `db/ids.py`.",
    (
        Column("id", "integer"),
        Column("version", "integer"),
        Column("turn", "integer"),
        Column("kind", "text"),
        Column("tool_name", "text", null=True),
        Column("author", "text", null=True),
        Column("created_at", "integer"),
        Column("expires_at", "integer", null=True),
        Column("format", "text", "Whose shape the item has; null for OpenAI's.", null=True),
        Column("payload", "bytes"),
    ),
)

_APPENDS: Final = Table(
    "appends",
    "Appends that carried an idempotency key, so that a retry finds its first answer.",
    (
        Column("session", "integer"),
        Column("idempotency_key", "key_type"),
        Column("digest", "bytes"),
        Column("version", "integer"),
        Column("tip", "integer"),
        Column("created_at", "integer"),
        Column("until", "integer", "When the key ends, by the database's time.", default=0),
        Column(
            "attempt", "integer", "The `made_in` of the attempt that alone knows the key; else 0.", default=0, since=10
        ),
    ),
    key=("session", "idempotency_key"),
)

_CHANGES: Final = Table(
    "changes",
    "Every change but appends, by the version it made.",
    (
        Column("session", "integer"),
        Column("version", "integer"),
        Column("what", "text"),
        Column("created_at", "integer"),
    ),
    key=("session", "version"),
)

_USAGE: Final = Table(
    "usage",
    "What runs cost. It outlives branches and clearing.",
    (
        Column("session", "integer"),
        Column("usage_key", "key_type"),
        Column("place", "integer", "The id of the entry that was the branch's last one then; 0 if there was none."),
        Column("turn", "integer"),
        Column("model", "text", null=True),
        Column("agent", "text", null=True),
        Column("requests", "integer"),
        Column("input_tokens", "integer"),
        Column("cached_tokens", "integer"),
        Column("cache_write_tokens", "integer"),
        Column("output_tokens", "integer"),
        Column("reasoning_tokens", "integer"),
        Column("cost", "integer", "In billionths of whatever currency the user's prices are in.", null=True),
        Column("created_at", "integer"),
        Column("untold", "flag", "1 without details of input, 2 of output; added up.", default=0),
        Column("author", "name_type", "Whose object recorded it, as `as_author` was told.", null=True, since=10),
    ),
    key=("session", "usage_key"),
)

_WAITING: Final = Table(
    "waiting",
    "Who waits for a lease, by ticket: the lowest is first. One that is not shown again in time is void.",
    (
        Column("session", "integer"),
        Column("ticket", "integer"),
        Column("branch", "name_type"),
        Column("claim", "name_type"),
        Column("until", "integer"),
    ),
    key=("session", "ticket"),
)

_INFOS: Final = Table(
    "infos",
    "Titles, tags and metadata of sessions that were given some.",
    (
        Column("session", "integer"),
        Column("version", "integer", "How often the session's info was set."),
        Column("payload", "bytes", "JSON, encrypted in encrypted sessions; see `log/core/details.py`."),
    ),
    key=("session",),
    since=10,
)

_TAGS: Final = Table(
    "tags",
    "The tags of sessions that are not encrypted, for lists of the sessions with one.",
    (
        Column("session", "integer"),
        Column("tag", "key_type"),
        Column("active_at", "integer", "As in the session's row."),
    ),
    key=("session", "tag"),
    since=10,
)

_ITEM_KEYS: Final = Table(
    "item_keys",
    "The keys of items that were added with some; see `log/statements/item_keys.py`.",
    (
        Column("item_key", "key_type"),
        Column("session", "integer"),
        Column("entry", "integer", "The entry's id; negative once a pop has taken the entry off a branch."),
        Column(
            "branch",
            "integer",
            "The number of that branch, as `BranchName` has it; 0 for ``main``, -1 for every way.",
            default=0,
        ),
        Column("version", "integer", "The version that added the entry."),
        Column("digest", "bytes", "Tells the item from others; keyed in encrypted sessions."),
        Column("until", "integer", "Until when the key is known without its entry, by the database's time."),
        Column("due", "integer", "When to look whether the entry is there."),
    ),
    key=("item_key", "session", "entry", "branch", "version"),
    since=10,
)

_AUDITS: Final = Table(
    "audits",
    "What was removed for good, when and for whom: no ids and no contents; see `log/lifetime/audit.py`.",
    (
        Column("id", "serial"),
        Column("at", "integer"),
        Column("what", "text"),
        Column("actor", "text", "Who had it done, as the caller said.", null=True),
        Column("subject", "key_type", "An HMAC of the session's id, or of the owner."),
        Column("counts", "text", "How many rows were removed, by table: JSON."),
        Column("until", "integer", "When the row ends, by the database's time."),
    ),
    content=False,
    since=11,
)

_COPIES: Final = Table(
    "copies",
    "Entries that repeat another one's item; see `log/core/copies.py`.",
    (
        Column("session", "integer"),
        Column("entry", "integer"),
        Column("version", "integer", "The version that added the entry."),
        Column("source", "integer", "The first entry that had the item; it may be gone."),
        Column("source_version", "integer"),
    ),
    key=("session", "entry", "version"),
    content=False,
    since=11,
)

_UNDESTROYED: Final = Table(
    "undestroyed",
    "Sessions that are gone, and whose keys a key provider has not destroyed yet.",
    (Column("session_id", "session_id_type"),),
    key=("session_id",),
    since=11,
)

_UNFINISHED: Final = Table(
    "unfinished",
    "Sessions that are written in several transactions: a session's row is made with the last one, and nobody sees it "
    "before; see `log/lifetime/unfinished.py`.",
    (
        Column("session", "integer", "The internal id that the session will have."),
        Column("session_id", "session_id_type", "As in `sessions`; several may be made for one."),
        Column("forked_from", "integer", "As in `sessions`; also of a copy of a session in these tables.", null=True),
        Column("wrapped_keys", "bytes", "As in `sessions`.", null=True),
        Column("owner", "session_id_type", "As in `sessions`.", null=True),
        Column("origin", "bytes", "Tells what is copied, so that a killed copy can go on.", null=True),
        Column("until", "integer", "When it is given up unless it grows, by the database's time."),
        Column("life", "integer", "Microseconds that it waits for."),
        Column("pages", "integer", "How many pages of an import have been written.", default=0),
    ),
    key=("session",),
    since=11,
)

_SESSION_WORDS: Final = Table(
    "session_words",
    "The words of neighbouring entries, by which they are searched; see `log/search/blocks.py`.",
    (
        Column("id", "integer", "The first id that an entry of the block can have."),
        Column("session", "integer"),
        Column("sealed", "flag", "1 if the words are encrypted."),
        Column("words", "bytes", "The words' hashes, sorted; null if they are to be made again.", null=True),
    ),
    since=12,
)

LOG: Final = Schema(
    "log",
    (
        _SESSIONS,
        _SEGMENTS,
        _BRANCHES,
        _ENTRIES,
        _APPENDS,
        _CHANGES,
        _USAGE,
        _WAITING,
        _INFOS,
        _TAGS,
        _ITEM_KEYS,
        _AUDITS,
        _UNDESTROYED,
        _COPIES,
        _UNFINISHED,
        _SESSION_WORDS,
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
