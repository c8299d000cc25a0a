"""The tail of encrypted sessions on Postgres: all columns are read, as payloads are bound to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.db.ids import POSITION_BITS
from sessions.log.core.heads import MAIN, BranchName
from sessions.log.fast.parameters import OneTail, alone

if TYPE_CHECKING:
    from sessions.db.jobs import Job
    from sessions.log.append import Append
    from sessions.log.fast.append_values import Required

ENCRYPTED_TAIL: Final = alone(
    OneTail,
    """The latest entries of a branch of an encrypted session, newest first, and last of all its end: see `End`.

    Without a tip it was forked. The current branch unless named. Of a session with annotations, the end alone.
    """,
    """
    with head as materialized (
        select s.version, s.wrapped_keys, s.annotated, b.name,
        b.session * 16777216 + b.made_in as number, b.segment, b.segment * {positions} as low, b.tip, b.turn,
        b.may_extend, b.parent, :wanted::bigint as wanted
        from {sessions} s join {branches} b on b.session = s.id and b.name = coalesce(:branch::text, s.branch)
        where s.session_id = :session_id and {is_owners} and {is_meant}
        and s.wrapped_keys is not null and {intact}
    )
    (
        {few}
        select {entry} from {entries}
        where id > (select low + greatest(tip - wanted, 0) from head where parent is null and annotated = 0)
        and id <= (select low + tip from head) and created_at > :oldest::bigint
        and (expires_at is null or expires_at > :now::bigint)
        order by id desc
        {of_few}
    ) union all
    select case when parent is null then -tip end, version, turn, name, annotated::text, number::text,
    segment, may_extend, null::text, wrapped_keys from head
    """,
)
ENCRYPTED_TAIL_FORKED: Final = alone(
    OneTail,
    """The same of a branch that was forked: of as many segments, the newest first, as hold the latest positions.

    Without a tip the segments do not reach back as far as they have to.
    """,
    """
    with recursive head as materialized (
        select s.version, s.wrapped_keys, s.annotated, b.name,
        b.session * 16777216 + b.made_in as number, b.segment, b.tip, b.turn, b.may_extend,
        greatest(b.tip - :wanted::bigint, 0) as before, :wanted::bigint as wanted
        from {sessions} s join {branches} b on b.session = s.id and b.name = coalesce(:branch::text, s.branch)
        where s.session_id = :session_id and {is_owners} and {is_meant}
        and s.wrapped_keys is not null and {intact}
    ), lineage (segment, parent, low, high) as (
        select g.id, g.parent, g.fork_position, h.tip
        from head h join {segments} g on g.id = h.segment where h.annotated = 0
        union all
        select g.id, g.parent, g.fork_position, least(l.low, l.high)
        from lineage l join {segments} g on g.id = l.parent and g.id < l.segment where l.low > (select before from head)
    )
    (
        select e.* from lineage l cross join lateral (
            {few}
            select {entry} from {entries} where id <= l.segment * {positions} + l.high
            and id > l.segment * {positions} + greatest(l.low, (select before from head))
            and created_at > :oldest::bigint and (expires_at is null or expires_at > :now::bigint)
            order by id desc
            {of_few}
        ) e order by e.id % {positions} desc
    ) union all
    select case when annotated <> 0 or (select min(low) from lineage) <= before then -tip end, version, turn, name,
    annotated::text, number::text, segment, may_extend, null::text, wrapped_keys from head
    """,
)


class Sent(NamedTuple):
    """An append on its way.

    Attributes:
        job: Whose it is.
        append: As it is sent, encrypted if its session is.
        required: The version that its session must have, ``None`` if any will do: the caller's, or the one for which it
            was encrypted; and the wrapped keys, ``None`` if it has none.
    """

    job: Job[Any]
    append: Append
    required: Required


class End(NamedTuple):
    """Where a branch of an encrypted session ends, as of one moment: the last row of `ENCRYPTED_TAIL`.

    Attributes:
        version: The session's version.
        branch: The branch's name.
        segment: The segment that it extends.
        tip: The position of its last entry.
        turn: The number of turns up to there.
        may_extend: 1 if nothing lies beyond the tip in its segment, and it alone extends it.
        annotated: Whether the session has entries that no model is shown.
        wrapped_keys: The session's wrapped keys.
    """

    version: int
    branch: str
    segment: int
    tip: int
    turn: int
    may_extend: int
    annotated: bool
    wrapped_keys: bytes

    @classmethod
    def of(cls, row: Any) -> End:
        """Return the end that a row describes."""
        tip, version, turn, name, annotated, number, segment, may_extend, _, wrapped_keys = row
        branch = name if name == MAIN else BranchName(name, int(number))
        return cls(version, branch, segment, -tip, turn, may_extend, annotated != "0", wrapped_keys)

    @property
    def entry(self) -> int:
        """The id that the entry at the tip has, if the segment holds it."""
        return (self.segment << POSITION_BITS) + self.tip
