"""The tables beside the entries: changes, costs, titles and tags, waiting callers, audits, copies and words."""

from __future__ import annotations

from typing import Final

from sessions.db.schema import Column, Table

CHANGES: Final = Table(
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

USAGE: Final = Table(
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

WAITING: Final = Table(
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

INFOS: Final = Table(
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

TAGS: Final = Table(
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

AUDITS: Final = Table(
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

COPIES: Final = Table(
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

UNDESTROYED: Final = Table(
    "undestroyed",
    "Subjects of any component that are gone, and whose keys a key provider has not destroyed yet.",
    (Column("kind", "key_type", "Of the subject: see `crypto/subject.py`."), Column("name", "session_id_type")),
    key=("kind", "name"),
    since=11,
)

UNFINISHED: Final = Table(
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

SESSION_WORDS: Final = Table(
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
