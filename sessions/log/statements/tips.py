"""Statements about the tips that branches left, and about attempts, which are tips that a caller still writes to."""

from __future__ import annotations

from sessions.db.dialect import MARIADB
from sessions.db.transaction import Statement

KEEP_TIP = Statement(
    "Keep where a branch is, before it moves elsewhere; nothing there is its own.",
    """
    insert into {branches} (
        session, name, segment, parent, fork_position, tip, turn, floor, may_extend, reflog_of, pending, created_at,
        updated_at, made_in, changed_in
    ) select session, :name, segment, parent, fork_position, tip, turn, tip, may_extend, name, :pending, :now,
    updated_at, :version, changed_in from {branches} where session = :session and name = :branch
    """,
)

WAYS_FORWARD = Statement(
    "The tips from which a branch was moved back by undo, the latest first.",
    """
    select name, tip, turn, may_extend from {branches} where session = :session and reflog_of = :branch and pending = 1
    order by name desc
    """,
)

BEGIN_ATTEMPT = Statement(
    "Make a tip of a branch that somebody writes to.",
    """
    insert into {branches} (
        session, name, segment, parent, fork_position, tip, turn, floor, may_extend, reflog_of, pending, created_at,
        updated_at, made_in, changed_in, lease_claim
    ) values (
        :session, :name, :segment, :parent, :fork_position, :tip, :turn, :tip, :may_extend, :owner, 0, :now,
        :now, :version, :version, :claim
    )
    """,
)

OWNER_OF_TIP = Statement(
    "The branch that left a tip, who writes there, and the version that made it.",
    "select reflog_of, lease_claim, made_in from {branches} where session = :session and name = :name",
)

OWNER_OF_ATTEMPT = Statement(
    "The branch that an attempt is of, and the version that made the branch.",
    """
    select o.name, o.made_in from {branches} t join {branches} o on o.session = t.session and o.name = t.reflog_of
    where t.session = :session and t.name = :name
    """,
)

LEAVE_ATTEMPT = Statement(
    "Nobody writes to a tip any more, which has another name from now on.",
    "update {branches} set name = :new, lease_claim = null where session = :session and name = :branch",
)

FORGET_TIP = Statement(
    "Remove a tip.",
    "delete from {branches} where session = :session and name = :name",
)

SETTLE_TIP = Statement(
    "A way forward is none any more, but one of several that the conversation took.",
    "update {branches} set pending = 0 where session = :session and name = :name",
)

MOVE_TO_TIP = Statement(
    "Move a branch to where a kept tip is, which it may extend if it is there alone.",
    """
    update {branches} as b set (segment, parent, fork_position, tip, turn, floor, may_extend, lease_from) = (
        select t.segment, t.parent, t.fork_position, t.tip, t.turn, t.tip, t.may_extend * :alone,
        case when b.lease_from > t.tip then t.tip else b.lease_from end
        from {branches} t where t.session = :session and t.name = :name
    ), updated_at = :now, changed_in = :version where session = :session and name = :branch
    """,
    {
        MARIADB: """
        update {branches} b join {branches} t on t.session = b.session and t.name = :name
        set b.segment = t.segment, b.parent = t.parent, b.fork_position = t.fork_position, b.tip = t.tip,
        b.turn = t.turn, b.floor = t.tip, b.may_extend = t.may_extend * :alone, b.updated_at = :now,
        b.changed_in = :version, b.lease_from = least(b.lease_from, t.tip)
        where b.session = :session and b.name = :branch
        """
    },
)

RENAME_OWNER = Statement(
    "The tips it left are the renamed branch's.",
    "update {branches} set reflog_of = :new where session = :session and reflog_of = :branch",
)

ATTEMPTS = Statement(
    "The names of a session's attempts.",
    "select name from {branches} where session = :session and reflog_of is not null and lease_claim is not null",
)
