"""The tables of sessions, their segments, branches and entries."""

from __future__ import annotations

from typing import Final

from sessions.db.schema import Column, Table

SESSIONS: Final = Table(
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

SEGMENTS: Final = Table(
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

BRANCHES: Final = Table(
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

ENTRIES: Final = Table(
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
