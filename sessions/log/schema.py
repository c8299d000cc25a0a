"""Tables and their numbered migrations.

A migration, once released, never changes: old files open by running the ones they lack. ``{prefix}schema`` holds
the numbers that have been applied.

An entry's id is its segment and its position in one 64-bit integer, so that a conversation's entries are
neighbours on disk and need no second index. Ids of sessions and segments are never given twice.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sessions.db import migration_statements as schema_statements
from sessions.db.dialect import MARIADB
from sessions.db.transaction import Statement
from sessions.errors import SchemaVersionError, StoreBusyError, StoreError, StoreReadOnlyError

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction

MAX_SESSION = (1 << 39) - 1
"""The highest internal id of a session: beyond it, numbers of leases (`lease_statements.NUMBERS`) have no room."""


def _add_column(table: str, column: str, purpose: str) -> Statement:
    return Statement(purpose, f"alter table {{{table}}} {{add_column}} {column}")


MIGRATIONS: tuple[tuple[Statement, ...], ...] = (
    # 1: the log
    (
        Statement(
            "Sessions by the id that users give; the branch is the current one's name.",
            """
            {create_table} {sessions} (
                id {serial},
                session_id {session_id_type} not null unique,
                version {integer} not null,
                branch {name_type} not null,
                created_at {integer} not null,
                updated_at {integer} not null
            ) {updated_table}
            """,
        ),
        Statement(
            "Runs of entries; parent and fork position never change.",
            """
            {create_table} {segments} (
                id {serial},
                session {integer} not null,
                parent {integer},
                fork_position {integer} not null
            ) {table}
            """,
        ),
        Statement(
            "Segments of a session, for clearing and deleting.",
            "{create_index} {segments_of_session} on {on_segments} (session)",
        ),
        Statement(
            """Where reading ends and appending goes on; what lies at or below the floor others may see.

            Parent and fork position repeat the segment's, so that the common read needs no third table.
            """,
            """
            {create_table} {branches} (
                session {integer} not null,
                name {name_type} not null,
                segment {integer} not null,
                parent {integer},
                fork_position {integer} not null,
                tip {integer} not null,
                turn {integer} not null,
                floor {integer} not null,
                may_grow {flag} not null,
                primary key (session, name)
            ) {updated_clustered_table}
            """,
        ),
        Statement(
            "The items; ids are made of segment and position (`db/ids.py`). Times are microseconds since 1970, UTC.",
            """
            {create_table} {entries} (
                id {integer} primary key,
                version {integer} not null,
                turn {integer} not null,
                kind {text} not null,
                tool_name {text},
                author {text},
                created_at {integer} not null,
                expires_at {integer},
                payload {bytes} not null
            ) {table}
            """,
        ),
        Statement(
            "Appends that carried an idempotency key, so that a retry finds its first answer.",
            """
            {create_table} {appends} (
                session {integer} not null,
                idempotency_key {key_type} not null,
                digest {bytes} not null,
                version {integer} not null,
                tip {integer} not null,
                created_at {integer} not null,
                primary key (session, idempotency_key)
            ) {clustered_table}
            """,
        ),
        Statement(
            "Every change but appends, by the version it made.",
            """
            {create_table} {changes} (
                session {integer} not null,
                version {integer} not null,
                what {text} not null,
                created_at {integer} not null,
                primary key (session, version)
            ) {clustered_table}
            """,
        ),
    ),
    # 2: branches, undo and usage
    (
        _add_column("segments", "turn {integer} not null default 0", "The number of turns up to the fork position."),
        _add_column("segments", "holes {flag} not null default 0", "1 if an entry was removed from the middle."),
        Statement("What was removed before this was noted is not known.", "update {segments} set holes = 1"),
        _add_column("branches", "forked_from {name_type}", "The branch from which this one was made."),
        _add_column("branches", "forked_at {integer}", "The last position it shared with that one."),
        _add_column("branches", "forked_turn {integer}", "The number of turns up to there."),
        _add_column("branches", "owner {name_type}", "Set where a row is no branch, but a tip that this one left."),
        _add_column("branches", "pending {flag} not null default 0", "1 if redo would bring its owner back there."),
        _add_column("branches", "created_at {integer} not null default 0", "When it was made."),
        _add_column("branches", "updated_at {integer} not null default 0", "When it was last appended to or moved."),
        _add_column("branches", "made_in {integer} not null default 0", "The version that made it."),
        _add_column("branches", "changed_in {integer} not null default 0", "The version that last changed it."),
        Statement(
            "Branches that are older than these columns.",
            """
            update {branches} set
            created_at = (select s.created_at from {sessions} s where s.id = {branches}.session),
            updated_at = (select s.updated_at from {sessions} s where s.id = {branches}.session)
            """,
        ),
        Statement(
            """What runs cost. It outlives branches and clearing.

            Place is the id of the entry that was the branch's last one then; 0 if there was none. Cost is in billionths
            of whatever currency the user's prices are in.
            """,
            """
            {create_table} {usage} (
                session {integer} not null,
                usage_key {key_type} not null,
                place {integer} not null,
                turn {integer} not null,
                model {text},
                agent {text},
                requests {integer} not null,
                input_tokens {integer} not null,
                cached_tokens {integer} not null,
                cache_write_tokens {integer} not null,
                output_tokens {integer} not null,
                reasoning_tokens {integer} not null,
                cost {integer},
                created_at {integer} not null,
                primary key (session, usage_key)
            ) {clustered_table}
            """,
        ),
    ),
    # 3: sealed sessions and expiry
    (
        _add_column("sessions", "seal {bytes}", "A sealed session's own key, wrapped; see docs/encryption.md."),
        Statement(
            "What belongs to the whole store, by name, as the salt for passphrases.",
            "{create_table} {settings} (name {key_type} primary key, value {bytes} not null) {clustered_table}",
        ),
        Statement(
            "Entries that will expire, for purging. Most databases index no others.",
            "{create_index} {entries_expiring} on {on_entries} (expires_at) {where_expiring}",
        ),
    ),
    # 4: idempotency keys that end
    (
        Statement(
            "Idempotency keys that callers gave, by age. Most databases index no others.",
            "{create_index} {appends_by_age} on {on_appends} (session, created_at) {where_given}",
        ),
    ),
    # 5: turns
    (
        _add_column("sessions", "leases {integer} not null default 0", "The last number given to a lease or a waiter."),
        _add_column("branches", "lease_token {integer} not null default 0", "The number of its lease; 0 without one."),
        _add_column("branches", "lease_until {integer} not null default 0", "When that ends; 0 without one."),
        _add_column("branches", "lease_open {flag} not null default 0", "1 if others may change the branch meanwhile."),
        _add_column("branches", "lease_from {integer} not null default 0", "The branch's tip when it was taken."),
        _add_column("branches", "lease_holder {name_type}", "Who holds it, as they said."),
        _add_column("branches", "lease_claim {name_type}", "Tells who takes it from others, also when they try again."),
        Statement(
            "Who waits for a lease, by ticket: the lowest is first. One that is not shown again in time is void.",
            """
            {create_table} {waiting} (
                session {integer} not null,
                ticket {integer} not null,
                branch {name_type} not null,
                claim {name_type} not null,
                until {integer} not null,
                primary key (session, ticket)
            ) {clustered_table}
            """,
        ),
    ),
    # 6: marks
    (_add_column("sessions", "marks {flag} not null default 0", "1 if it has an entry that no model is shown."),),
    # 7: idempotency keys that end by the database's time
    (
        _add_column("appends", "until {integer} not null default 0", "When the key ends, by the database's time."),
        Statement(
            "Keys that are there: thirty days for those that callers gave, and for others a quarter of an hour.",
            """
            update {appends} set until = created_at
            + case when idempotency_key >= ' ' then 2592000000000 else 900000000 end where until = 0
            """,
        ),
        Statement("Keys by their end, for removing them.", "{create_index} {appends_by_end} on {on_appends} (until)"),
        Statement(
            "Nothing is found by age any more.",
            "drop index if exists {where_of_index}{appends_by_age}",
            {MARIADB: "drop index if exists {appends_by_age} on {appends}"},
        ),
    ),
    # 8: which details of usage were not told
    (_add_column("usage", "untold {flag} not null default 0", "1 without details of input, 2 of output; added up."),),
)


CREATE_SCHEMA_TABLE = Statement(
    "The numbers of the migrations that have been applied.",
    "create table if not exists {schema} (number {integer} primary key, applied_at {integer} not null) {table}",
)


def schema_is_current(tx: Transaction, where: str) -> bool:
    """Tell whether all migrations have been applied.

    Args:
        tx: A transaction that may be read only.
        where: The database, for the error.

    Raises:
        StoreReadOnlyError: The tables are there, in a schema that the user may not use.
        SchemaVersionError: The database knows migrations that this version of the package does not.
    """
    if not tx.all(schema_statements.SCHEMA_COLUMNS):
        if hidden := tx.one(schema_statements.OUT_OF_REACH):
            raise StoreReadOnlyError(
                f"{where} has our tables in the schema {hidden[0]}, which this user may not use; nothing was changed. "
                "Grant usage on it, or take it off the search path"
            )
        return False
    (applied,) = tx.one(schema_statements.SCHEMA_VERSION) or (0,)
    if applied > len(MIGRATIONS):
        raise SchemaVersionError(
            f"{where} has schema version {applied}, this version of agent-sessions knows {len(MIGRATIONS)}: "
            "upgrade agent-sessions, or use another database"
        )
    return bool(applied == len(MIGRATIONS))


def migrate(tx: Transaction, now: int) -> None:
    """Apply the migrations that are missing, in order; none if another process was first.

    Args:
        tx: A transaction that nobody else writes beside.
        now: The time, in microseconds since 1970, UTC.
    """
    if tx.one(schema_statements.LOCK_SCHEMA) != (1,):
        raise StoreBusyError(
            "another process has been migrating the tables for a minute; nothing was changed. Try again"
        )
    try:
        _find_place(tx)
        (applied,) = tx.one(schema_statements.SCHEMA_VERSION) or (0,)
        for number, migration in enumerate(MIGRATIONS[applied:], applied + 1):
            for statement in migration:
                tx.run(statement)
            tx.run(schema_statements.MIGRATION_APPLIED, number=number, now=now)
    except BaseException:
        # MariaDB's lock outlives the transaction; elsewhere nothing more can be said in one that has failed.
        with suppress(Exception):
            tx.run(schema_statements.UNLOCK_SCHEMA)
        raise
    tx.run(schema_statements.UNLOCK_SCHEMA)


def _find_place(tx: Transaction) -> None:
    """Have tables made where ours are, if some are, and else where the database makes new ones.

    Raises:
        StoreError: That would be another place than where they are found.
    """
    # Made "if not exists", it would be made a second time where the search path begins.
    if not tx.all(schema_statements.SCHEMA_COLUMNS):
        tx.run(CREATE_SCHEMA_TABLE)
    if tx.one(schema_statements.ATTACHED):
        raise StoreError(
            "our tables are in an attached or temporary database, and older than this version of agent-sessions; "
            "nothing was changed. Pass that database's name as schema="
        )
    tx.one(schema_statements.STAY_WITH)
