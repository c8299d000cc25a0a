"""Statements about whole sessions on their way out of the database, page by page, and into it."""

from __future__ import annotations

from sessions.db.transaction import Statement
from sessions.log.words import MARK

SESSION = Statement(
    "A session's row with its info.",
    """
    select s.id, s.version, s.branch, s.wrapped_keys, s.created_at, s.updated_at, s.active_at, s.cleared_in, s.owner,
    s.archived, i.version, i.payload
    from {sessions} s left join {infos} i on i.session = s.id where s.session_id = :session_id
    """,
)

ALL_TIPS = Statement(
    "All branches of a session and the tips that they left, in the order in which they came to be.",
    "select {tip_row} from {branches} where session = :session order by made_in, name",
)

CHANGED_SINCE = Statement(
    "The kinds of the changes of a session after a version, without appends.",
    "select distinct what from {changes} where session = :session and version > :after",
)

# Marks are there for readers of any age.
_THERE = f"(expires_at is null or expires_at > :now) and (created_at > :oldest or substr(kind, 1, 1) = '{MARK}')"

SIZES = Statement(
    "The ids of entries of a range that have not expired, the oldest first, and how large their payloads are.",
    f"""
    select id, length(payload) from {{entries}} where id > :low and id <= :high and {_THERE} order by id limit :count
    """,  # noqa: S608 - a word of this module.
)

ENTRIES = Statement(
    "All columns of these entries.",
    f"select {{entry}} from {{entries}} where id > :low and id <= :high and {_THERE} order by id",  # noqa: S608 - as above
)

USAGE = Statement(
    "A page of a session's records of usage.",
    """
    select usage_key, place, turn, model, agent, author, requests, input_tokens, cached_tokens, cache_write_tokens,
    output_tokens, reasoning_tokens, cost, untold, created_at
    from {usage} where session = :session and usage_key > :after order by usage_key limit :count
    """,
)

ITEM_KEYS = Statement(
    "A page of a session's item keys up to a version.",
    """
    select item_key, entry, branch, version, digest, until from {item_keys}
    where session = :session and version <= :version and entry >= :entry and (
        entry > :entry or item_key > :item_key
        or item_key = :item_key and (branch > :branch or branch = :branch and version > :key_version)
    ) order by entry, item_key, branch, version limit :count
    """,
)

APPENDS = Statement(
    "A page of the idempotency keys that callers gave, without those that only an attempt knows.",
    """
    select idempotency_key, digest, version, tip, created_at, until from {appends}
    where session = :session and idempotency_key > :after and version <= :version and attempt = 0
    and until > {clock} order by idempotency_key limit :count
    """,
)

COPIES = Statement(
    "A page of the notes about entries that repeat another one's item.",
    """
    select entry, version, source, source_version from {copies} where session = :session
    and entry >= :entry and (entry > :entry or version > :version) order by entry, version limit :count
    """,
)

CHANGES = Statement(
    "A page of a session's record of changes.",
    """
    select version, what, created_at from {changes}
    where session = :session and version > :after and version <= :version order by version limit :count
    """,
)

SESSIONS = Statement(
    "A page of sessions in the order in which they were made; of all owners, or those in a range.",
    """
    select id, session_id from {sessions} where id > :after and id <= :last
    and (:any_owner = 1 or owner >= :low and owner < :high) order by id limit :count
    """,
)

LAST_SESSION = Statement("The newest session.", "select coalesce(max(id), 0) from {sessions}")

AN_ENCRYPTED_SESSION = Statement(
    "An encrypted session among those.",
    """
    select session_id from {sessions} where id > :after and id <= :last and wrapped_keys is not null
    and (:any_owner = 1 or owner >= :low and owner < :high) order by id limit 1
    """,
)

IS_ENCRYPTED = Statement(
    "Whether a session is encrypted.",
    "select case when wrapped_keys is null then 0 else 1 end from {sessions} where session_id = :session_id",
)

ADD_SEGMENT = Statement(
    "Open a segment.",
    """
    insert into {segments} (session, parent, fork_position, turn, holes)
    values (:session, :parent, :fork_position, :turn, :holes) returning id
    """,
)

ADD_TIP = Statement(
    "Put a branch, or a tip that one left, with all that is known of it but leases.",
    """
    insert into {branches} (
        session, name, segment, parent, fork_position, tip, turn, floor, may_extend, forked_from, forked_at,
        forked_turn, reflog_of, pending, created_at, updated_at, made_in, changed_in
    ) values (
        :session, :name, :segment, :parent, :fork_position, :tip, :turn, :floor, :may_extend, :forked_from, :forked_at,
        :forked_turn, :reflog_of, :pending, :created_at, :updated_at, :made_in, :changed_in
    )
    """,
)

ADD_KEY = Statement(
    "Store the key of an item, popped or not.",
    """
    insert into {item_keys} (item_key, session, entry, branch, version, digest, until, due)
    values (:item_key, :session, :entry, :branch, :version, :digest, :until, :due)
    """,
)

WRONG_KEY = Statement(
    "An item key of a range of entries that has another version than its entry.",
    """
    select k.entry from {item_keys} k join {entries} e on e.id = k.entry
    where k.session = :session and k.entry >= :low and k.entry <= :high and e.version <> k.version
    order by k.entry limit 1
    """,
)

ADD_RETRY = Statement(
    "Store an idempotency key with the end that it has.",
    """
    insert into {appends} (session, idempotency_key, digest, version, tip, created_at, until)
    values (:session, :idempotency_key, :digest, :version, :tip, :created_at, :until)
    """,
)

ADD_CHANGE = Statement(
    "Store a change that was made before.",
    "insert into {changes} (session, version, what, created_at) values (:session, :version, :what, :created_at)",
)
