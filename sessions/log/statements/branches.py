"""Statements about branches, and the segments that they extend."""

from __future__ import annotations

from sessions.db.dialect import ENDLESSLY, MARIADB
from sessions.db.transaction import Statement


def _recursive(purpose: str, sql: str) -> Statement:
    """Return a statement whose recursion is as deep as a lineage may be.

    It ends even if rows were altered: a parent is older than its child, so its id is lower, and a branch has at most as
    many branches before it as the session has.
    """
    return Statement(purpose, sql, {MARIADB: ENDLESSLY + sql})


MADE_IN = Statement(
    "The version that made a branch.",
    "select made_in from {branches} where session = :session and name = :branch",
)

HEAD = Statement(
    "A branch of a session, the current one unless named; and whether it can be true.",
    """
    select s.id, coalesce(:branch, s.branch), b.segment, b.tip, b.turn, b.floor, b.parent, b.fork_position,
    b.may_extend, s.annotated, s.keyed, s.wrapped_keys, b.made_in, s.owner, case when {intact} then 1 else 0 end
    from {sessions} s
    left join {branches} b on b.session = s.id and b.name = coalesce(:branch, s.branch) where s.session_id = :session_id
    """,
)

MOVE_TIP = Statement(
    "Put a branch's tip somewhere else in its own lineage.",
    """
    update {branches} set tip = :tip, turn = :turn, may_extend = :may_extend, updated_at = :now, changed_in = :version,
    lease_from = case when lease_from > :tip then :tip else lease_from end
    where session = :session and name = :branch
    """,
)

CREATE_SEGMENT = Statement(
    "Open a segment, forked from a position of its parent.",
    """
    insert into {segments} (session, parent, fork_position, turn) values (:session, :parent, :fork_position, :turn)
    returning id
    """,
)

_PUT_BRANCH = """
    insert into {branches} (
        session, name, segment, parent, fork_position, tip, turn, floor, may_extend, created_at, updated_at, made_in,
        changed_in
    ) values (
        :session, :branch, :segment, :parent, :fork_position, :tip, :turn, :fork_position, 1, :now, :now, :version,
        :version
    )
"""

PUT_BRANCH = Statement(
    "Put a branch, new or not, on a segment that it has opened; what that one was forked from is not its own.",
    _PUT_BRANCH
    + """
    on conflict (session, name) do update set segment = excluded.segment, parent = excluded.parent,
    fork_position = excluded.fork_position, tip = excluded.tip, turn = excluded.turn, floor = excluded.floor,
    may_extend = excluded.may_extend, updated_at = excluded.updated_at, changed_in = excluded.changed_in
    """,
    {
        MARIADB: _PUT_BRANCH
        + """
        on duplicate key update segment = values(segment), parent = values(parent),
        fork_position = values(fork_position), tip = values(tip), turn = values(turn), floor = values(floor),
        may_extend = values(may_extend), updated_at = values(updated_at), changed_in = values(changed_in)
        """
    },
)

MAKE_BRANCH = Statement(
    "Make a branch of what another one has up to a place, and return a row; none if the name is taken.",
    """
    insert into {branches} (
        session, name, segment, parent, fork_position, tip, turn, floor, may_extend, forked_from, forked_at,
        forked_turn, created_at, updated_at, made_in, changed_in
    ) select
        s.id, :branch, :segment, :parent, :fork_position, :tip, :turn, :tip, 0, :forked_from, :tip, :turn,
        :now, :now, :version, :version
    from {sessions} s where s.id = :session and not exists (
        select 1 from {branches} b where b.session = s.id and b.name = :branch
    )
    returning session
    """,
)

COUNT_ITEMS = _recursive(
    "How many items a branch has: by positions where each holds one that stays, else counted.",
    """
    with recursive lineage (segment, parent, low, high, holes) as (
        select g.id, g.parent, g.fork_position, b.tip, g.holes
        from {branches} b join {segments} g on g.id = b.segment where b.session = :session and b.name = :branch
        union all
        select g.id, g.parent, g.fork_position, case when l.low < l.high then l.low else l.high end, g.holes
        from lineage l join {segments} g on g.id = l.parent and g.id < l.segment and g.session = :session
    )
    select coalesce(sum(case when holes + :one_by_one = 0 then high - low else (
        select count(*) from {entries} e where e.id > lineage.segment * {positions} + lineage.low
        and e.id <= lineage.segment * {positions} + lineage.high and {shown}
    ) end), 0) from lineage where low < high
    """,
)

MADE_FROM = _recursive(
    "The branches from which a branch was made, the first of them first.",
    """
    with recursive origin (name, depth) as (
        select forked_from, 1 from {branches} where session = :session and name = :branch
        union all
        select b.forked_from, o.depth + 1 from origin o join {branches} b on b.session = :session and b.name = o.name
        where o.depth <= (select count(*) from {branches} where session = :session)
    )
    select name from origin where name is not null order by depth desc
    """,
)

RAISE_FLOOR = Statement(
    "Others see a segment up to a position from now on.",
    """
    update {branches} set floor = :position
    where session = :session and segment = :segment and floor < :position
    """,
)

SET_GROWTH = Statement(
    "A branch may extend its segment from now on, or not.",
    "update {branches} set may_extend = :may_extend where session = :session and name = :branch",
)

SWITCH = Statement(
    "Make another branch the session's current one.",
    "update {sessions} set branch = :branch where id = :session",
)

FLAG_MARKS = Statement(
    "Note that a session has a mark.",
    "update {sessions} set annotated = 1 where id = :session and annotated = 0",
)

EMPTY = Statement(
    "Note that a session has nothing any more; its current branch is another one then.",
    "update {sessions} set branch = :branch, annotated = 0, cleared_in = :version where id = :session",
)

RENAME_BRANCH = Statement(
    "Give a branch another name.",
    "update {branches} set name = :new where session = :session and name = :branch",
)

RENAME_ORIGIN = Statement(
    "What was made from a branch was made from another, or from the same one by its new name.",
    "update {branches} set forked_from = :new where session = :session and forked_from = :branch",
)

ADOPT = Statement(
    "What was made from a branch that goes was made from where that one was made from.",
    """
    update {branches} set forked_from = :forked_from,
    forked_at = case when forked_at < :position then forked_at else :position end,
    forked_turn = case when forked_turn < :turn then forked_turn else :turn end
    where session = :session and forked_from = :branch
    """,
)

DELETE_BRANCH = Statement(
    "Remove a branch and the tips it left.",
    "delete from {branches} where session = :session and (name = :branch or reflog_of = :branch)",
)

TIPS = Statement(
    """All tips of a session: its branches, and the tips that they left, in the order in which they came to be.

    The last column says whether each can be true.
    """,
    """
    select b.name, b.segment, b.tip, b.turn, b.reflog_of, b.pending, b.may_extend, b.forked_from, b.forked_at,
    b.forked_turn, b.created_at, b.updated_at, b.changed_in, case when {intact} then 1 else 0 end
    from {branches} b where b.session = :session order by b.made_in, b.name
    """,
)

LINEAGE = _recursive(
    "The segments that a branch sees, the newest first: from behind which position, up to which, and the turns before.",
    """
    with recursive lineage (depth, segment, parent, low, high, turn) as (
        select 0, g.id, g.parent, g.fork_position, b.tip, g.turn
        from {branches} b join {segments} g on g.id = b.segment where b.session = :session and b.name = :branch
        union all
        select l.depth + 1, g.id, g.parent, g.fork_position, case when l.low < l.high then l.low else l.high end, g.turn
        from lineage l join {segments} g on g.id = l.parent and g.id < l.segment and g.session = :session
    )
    select segment, low, high, turn from lineage where low < high order by depth
    """,
)

ORIGINS = Statement(
    "All segments of a session: where each was forked, and whether there may be less in it than its positions.",
    "select id, parent, fork_position, turn, holes from {segments} where session = :session",
)

NOTE_HOLE = Statement(
    "Note that an entry was removed from a segment's middle, or is one that will expire, or a mark.",
    "update {segments} set holes = 1 where id = :segment and holes = 0",
)

FORGET_SEGMENT = Statement(
    "Remove a segment.",
    "delete from {segments} where id = :segment",
)

MOVED_TIPS = Statement(
    "The tips that were moved after a version; and whether each can be true.",
    """
    select b.segment, b.parent, b.fork_position, b.tip, b.name,
    case when b.lease_claim is null then b.reflog_of else null end, b.may_extend,
    case when {intact} then 1 else 0 end from {branches} b
    where b.session = :session and b.changed_in > :after order by b.may_extend desc, b.made_in, b.name
    """,
)

ORIGIN = Statement(
    "Where a segment was forked.",
    "select parent, fork_position from {segments} where id = :segment",
)

ORIGIN_IN_SESSION = Statement(
    "Where a segment of a session was forked; no row for another session's.",
    "select parent, fork_position from {segments} where id = :segment and session = :session",
)

FORGET_EMPTY_SEGMENT = Statement(
    "Remove a segment to which no branch and no other segment of its session leads; its parent if that was done.",
    """
    delete from {segments} where id = :segment
    and not exists (select 1 from {branches} where session = :session and segment = :segment)
    and id not in (select parent from {segments} where session = :session and parent is not null)
    returning parent
    """,
    {
        # It does not read from the table that it deletes from.
        MARIADB: """
        delete from {segments} where id = :segment
        and not exists (select 1 from {branches} where session = :session and segment = :segment)
        and id not in (
            select parent from (select parent from {segments} where session = :session and parent is not null) p
        )
        returning parent
        """
    },
)

SEGMENTS = Statement(
    "All segments of a session.",
    "select id from {segments} where session = :session",
)

DELETE_SEGMENTS = Statement(
    "Remove a session's segments.",
    "delete from {segments} where session = :session",
)

DELETE_BRANCHES = Statement(
    "Remove a session's branches.",
    "delete from {branches} where session = :session",
)
