"""Statements that verify sessions, segments, branches and entries, in ranges of numbers; they change nothing."""

from __future__ import annotations

from typing import Final

from sessions.db.lists import parameters
from sessions.db.transaction import Statement

SESSIONS: Final = Statement(
    "Some sessions, by their numbers.",
    """
    select id, session_id, version, branch, created_at, updated_at, wrapped_keys, leases, annotated, owner, active_at,
    archived, keyed, cleared_in, tagged, forked_from, forked_at, corrected_in, words_in
    from {sessions} where id > :first and id <= :last order by id limit :count
    """,
)

_OF_SEGMENT: Final = "e.id >= g.id * {positions} and e.id <= g.id * {positions} + {last_position}"

SEGMENTS: Final = Statement(
    "The segments of a range of sessions, with the first and the last entry of each.",
    f"""
    select g.session, g.id, g.parent, g.fork_position, g.turn, g.holes,
    case when g.id between 1 and {{max_owner}} then (select min(e.id) from {{entries}} e where {_OF_SEGMENT}) end,
    case when g.id between 1 and {{max_owner}} then (select max(e.id) from {{entries}} e where {_OF_SEGMENT}) end
    from {{segments}} g where g.session >= :first and g.session <= :last
    """,  # noqa: S608 - words of this module.
)

BRANCHES: Final = Statement(
    "The branches of a range of sessions, with the tips they left.",
    "select session, {tip_row} from {branches} where session >= :first and session <= :last order by session, name",
)

INFOS: Final = Statement(
    "The info of a range of sessions.",
    "select session, version, payload from {infos} where session >= :first and session <= :last",
)

TAGS: Final = Statement(
    "The tags of a range of sessions.",
    "select session, tag, active_at from {tags} where session >= :first and session <= :last order by session, tag",
)

WITH_ITEM_KEYS: Final = Statement(
    "Those of a range of sessions that have item keys.",
    """
    select s.id from {sessions} s where s.id >= :first and s.id <= :last
    and exists (select 1 from {item_keys} k where k.session = s.id)
    """,
)

AT_ONCE: Final = 64
"""Entries that `TURNS_OF` asks for."""

TURNS_OF: Final = Statement(
    "The turns of certain entries: the parameters `e0`, `e1` and so on.",
    f"select id, turn from {{entries}} where id in ({parameters('e', AT_ONCE)})",  # noqa: S608
)

SIZES: Final = Statement(
    "The next entries, and the sizes of their payloads.",
    "select id, length(payload) from {entries} where id > :after and id <= :last order by id limit :count",
)

ENTRIES: Final = Statement(
    "A range of entries with all that is known of them.",
    "select {entry} from {entries} where id > :after and id <= :last order by id",
)

ENTRY_BEFORE: Final = Statement(
    "The last entry up to an id.",
    "select id, version, turn from {entries} where id <= :after order by id desc limit 1",
)

SEGMENTS_OF_ENTRIES: Final = Statement(
    "A range of segments with their sessions, as their entries are checked.",
    """
    select g.id, g.fork_position, g.turn, g.holes, s.id, s.session_id, s.version, s.wrapped_keys, s.annotated, n.session
    from {segments} g left join {sessions} s on s.id = g.session left join {unfinished} n on n.session = g.session
    where g.id >= :first and g.id <= :last
    """,
)

NEXT_SEGMENT: Final = Statement(
    "A session's first segment from a number on; a row without one if there is none.",
    "select min(id) from {segments} where session = :session and id >= :first",
)
