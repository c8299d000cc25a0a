"""Statements about corrections: copies of entries, and everything that is derived from an entry."""

from __future__ import annotations

from typing import Final

from sessions.db.transaction import Statement
from sessions.items.kinds import CALLS, KNOWN, OUTPUTS, PLACEHOLDER, REFERENCE, in_sql
from sessions.log.statements.item_keys import EVERYWHERE
from sessions.log.words import MARK

ADD_COPY = Statement(
    "Note that an entry repeats another one's item.",
    """
    insert into {copies} (session, entry, version, source, source_version)
    values (:session, :entry, :version, :source, :source_version)
    """,
)

SOURCE_OF = Statement(
    "The entry whose item another one repeats.",
    "select source, source_version from {copies} where session = :session and entry = :entry and version = :version",
)

COPIES_OF = Statement(
    "The entries that repeat the item of one, as far as they are there.",
    """
    select e.id, e.version from {copies} c join {entries} e on e.id = c.entry and e.version = c.version
    where c.session = :session and c.source = :source and c.source_version = :source_version order by e.id
    """,
)

LOST_COPIES = Statement(
    "Entries of a session that repeated another one's item, and are not there any more.",
    """
    select c.session, c.entry, c.version from {copies} c
    left join {entries} e on e.id = c.entry and e.version = c.version
    where c.session = :session and e.id is null
    """,
)

FORGET_COPY = Statement(
    "Note no longer that an entry repeats another one's item.",
    "delete from {copies} where session = :session and entry = :entry and version = :version",
)

FORGET_COPIES = Statement(
    "The same for all entries of a session.",
    "delete from {copies} where session = :session",
)

NOTE_CORRECTION = Statement(
    "Note the version that last redacted or removed something.",
    "update {sessions} set corrected_in = :version where id = :session",
)

CORRECTED_IN = Statement(
    "The version that last redacted or removed something.",
    "select corrected_in from {sessions} where id = :session",
)

_OF_SESSION: Final = """
    select {entry} from {entries} where id in (
        select e.id from {segments} g join {entries} e
        on e.id > g.id * {positions} and e.id <= g.id * {positions} + {last_position}
        where g.session = :session and g.id between 1 and {max_owner} and
"""

SUMMARIES = Statement(
    "All summaries of a session, on whichever way, also expired ones.",
    f"{_OF_SESSION} e.kind = '{MARK}summary') order by id",
)

PAIRED = Statement(
    """All entries of a session that may make a call or answer one, on whichever way, without expired ones.

    Those of an unknown shape may do either.
    """,
    f"""{_OF_SESSION}
        (e.kind in {in_sql(CALLS | OUTPUTS | {PLACEHOLDER})} or e.kind not in {in_sql(KNOWN - {REFERENCE})})
        and substr(e.kind, 1, 1) <> '{MARK}'
        and (e.expires_at is null or e.expires_at > :now)
    ) order by id""",
)

PROLONG_BARS = Statement(
    "Bar the keys of an entry again that was corrected before, from now on; `:barred` is its negative id.",
    f"""
    update {{item_keys}} set until = {{clock}} + :life, due = {{clock}} + :life
    where session = :session and entry = :barred and branch = {EVERYWHERE} and version = :version
    """,  # noqa: S608 - a number of this package.
)

BAR_KEYS = Statement(
    "Note that the keys of an entry that is corrected are not to be added on any way, for some time from now on.",
    f"""
    insert into {{item_keys}} (item_key, session, entry, branch, version, digest, until, due)
    select k.item_key, k.session, -k.entry, {EVERYWHERE}, k.version, k.digest, {{clock}} + :life, {{clock}} + :life
    from {{item_keys}} k where k.session = :session and k.entry = :entry and k.version = :version and not exists (
        select 1 from {{item_keys}} o where o.item_key = k.item_key and o.session = k.session
        and o.entry = -k.entry and o.branch = {EVERYWHERE} and o.version = k.version
    )
    """,  # noqa: S608 - a number of this package.
)

COUNT_STORED = Statement(
    "How many entries of any kind a range has, also expired ones.",
    "select count(*) from {entries} where id > :low and id <= :high",
)
