"""Append and tail on Postgres: one statement, one round trip each, on the driver's own connection.

They do the same as `log/append.py` and `log/read.py` in the common case: the session exists and is not encrypted, its
branch extends its own segment, and no entry was removed from the middle of the range. A statement that finds another
case leaves everything to the log's own function; a branch that was forked is read by a second statement.

Concurrency (READ COMMITTED): the session's row is updated first, so a statement waits there for the one before it, and
Postgres then evaluates the branch's row again. Several sessions are locked in the order of their ids. A statement
waits for a locked row briefly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sessions.log.core.heads import MAIN, BranchName
from sessions.log.fast.parameters import ItemKeys, ManyAppends, OneAppend, OneTail, alone
from sessions.log.words import LEFT_TIP

if TYPE_CHECKING:
    from collections.abc import Sequence

_WRITTEN: Final = """
    keyed as (
        insert into {appends} (session, idempotency_key, digest, version, tip, created_at, until, attempt)
        select session, :key::text, :digest::bytea, version, tip, :now, {clock} + :key_life::bigint, attempt
        from advanced
    ), added as (
        insert into {entries} (id, version, turn, kind, tool_name, author, created_at, payload, expires_at)
        select a.before + e.position, a.version, a.turn + width_bucket(e.position, :turn_starts::bigint[]),
        (:kinds::text[])[1 + get_byte(:kind_numbers::bytea, e.position::int - 1)],
        (:tool_names::text[])[1 + get_byte(:kind_numbers::bytea, e.position::int - 1)],
        :author::text, :now, e.payload, :expires_at::bigint
        from advanced a, unnest(:payloads::bytea[]) with ordinality e (payload, position)
    )
"""
"""The key and the entries of an append, at the place that `advanced` says."""

_ALLOWED: Final = """
        {is_owners} and {tags_stay} and s.wrapped_keys is not distinct from :wrapped_keys::bytea
        and (:version::bigint is null or s.version = :version::bigint)
        and exists (
            select 1 from {branches} b
            where b.session = s.id and b.name = coalesce(:branch::text, s.branch) and b.may_extend = 1 and (
                :version::bigint is null and s.leases = 0 and :lease::bigint = 0 and :branch_number::bigint = 0
                or {may_change}
            )
        )
"""
"""The condition on a session's row, ``s``, that an append may change it. Most need no other column of the branch."""

_ADVANCED: Final = """
    advanced as (
        update {branches} b set tip = b.tip + :item_count::bigint, turn = b.turn + :turns::bigint, updated_at = :now,
        changed_in = r.version, {end_lapsed_lease}
        from raised r where b.session = r.id and b.name = coalesce(:branch::text, r.branch) and {may_change}
        returning b.session,
        b.segment * {positions} + b.tip - :item_count::bigint + 0 / (b.tip < {last_position})::int as before, b.tip,
        b.turn - :turns::bigint as turn, r.version, r.session_id, b.made_in,
        case when b.reflog_of is null then 0 else b.made_in end as attempt
    ), holed as (
        update {segments} g set holes = 1 from advanced a
        where :expires_at::bigint < :never::bigint and g.id = a.before / {positions} and g.holes = 0
    ), """
"""The branch with room for the items, once the session's version was `raised`."""

_ANSWER: Final = """
    select number, case when number is not null then {tell_watchers} end from (
        select session * 16777216 + made_in as number, session_id from advanced
        union all select null, session_id from {sessions}
        where session_id = :session_id and not exists (select from advanced)
    ) found
"""
"""The branch's number; null if the session is there and the append is left; no row if there is no such session."""

APPEND: Final = alone(
    OneAppend,
    """Append to a branch of one session, the current one unless named; the branch's number if that was done.

    Without a number, the session is there and the append is left; without a row, there is no such session.

    Where a version is given, only to that one: the one that the caller expects, or that entries are encrypted for. Only
    where the rest will be done, too: an append that is left raises no version. The branch's row is checked again when
    it is updated, as of then; `log/core/fencing.py` has the conditions. An encrypted session must have the keys that
    they were encrypted with: one that was deleted and made again may have the same version. An entry whose position
    has no room in its id divides by zero: nothing is done, and the log's own function says why.

    Imports come this way, and each value in an array costs them a few tenths of a microsecond. So each kind and tool
    name is sent once and looked up by one byte for each item, and turns are sent as the positions where they begin.
    """,
    """
    with raised as (
        update {sessions} s set version = s.version + 1, updated_at = :now, active_at = {active_at}
        where {briefly} and s.session_id = :session_id and """  # noqa: S608 - these are words of this module
    + _ALLOWED
    + """ returning s.id, s.version, s.branch, s.session_id
    ), """
    + _ADVANCED
    + _WRITTEN
    + _ANSWER,
)
APPEND_KEYED: Final = alone(
    OneAppend,
    """Append items with keys, as `APPEND`, if the session knows none of the keys; else the append is left.

    Keys that another append adds meanwhile are not seen here, as a statement sees what was there when it began. But
    that one raises the version: if it is another one when the session's row is locked, this append is left, too.
    """,
    """
    with looked as materialized (
        select s.id, s.version from {sessions} s where s.session_id = :session_id and not exists (
            select from {item_keys} k where k.session = s.id and k.item_key = any(:item_keys::text[])
        )
    ), raised as (
        update {sessions} s set version = s.version + 1, keyed = 1, updated_at = :now, active_at = {active_at}
        from looked where {briefly} and s.id = looked.id and s.version = looked.version and """  # noqa: S608 - as above
    + _ALLOWED
    + """ returning s.id, s.version, s.branch, s.session_id
    ), """
    + _ADVANCED
    + _WRITTEN
    + """, item_keyed as (
        insert into {item_keys} (item_key, session, entry, version, digest, until, due)
        select k.item_key, a.session, a.before + k.position, a.version, k.digest, u.until, u.until
        from advanced a cross join (select {clock} + :item_key_life::bigint as until) u
        cross join unnest(:item_keys::text[], :item_digests::bytea[]) with ordinality k (item_key, digest, position)
        where k.item_key is not null
    )"""
    + _ANSWER,
    more=ItemKeys,
)
BEGIN: Final = alone(
    OneAppend,
    """Make a session of its first items; a row if that was done, and none if it is there or is to be more than that.

    The parameters are those of `APPEND`. A number too large for its column divides by zero, as there.
    """,
    """
    with made as (
        insert into {sessions} (
            session_id, version, branch, wrapped_keys, created_at, updated_at, owner, active_at
        ) select :session_id, 1, 'main', :wrapped_keys::bytea, :now, :now, :owner::text, :now
        where {briefly} and coalesce(:branch::text, 'main') = 'main' and coalesce(:version::bigint, 0) = 0
        and :lease::bigint = 0 and :branch_number::bigint = 0
        on conflict (session_id) do nothing
        returning id + 0 / (id >> 39 = 0)::int as id
    ), opened as (
        insert into {segments} (session, parent, fork_position, turn, holes)
        select id, null, 0, 0, coalesce(:expires_at::bigint < :never::bigint, false)::int from made
        returning session, id + 0 / (id <= {max_owner})::int as id
    ), advanced as (
        insert into {branches} (
            session, name, segment, parent, fork_position, tip, turn, floor, may_extend, created_at, updated_at,
            made_in, changed_in
        ) select session, 'main', id, null, 0, :item_count::bigint, :turns::bigint, 0, 1, :now, :now, 1, 1 from opened
        returning session, segment * {positions} as before, tip, turn - :turns::bigint as turn, 1 as version,
        :session_id as session_id, made_in, 0 as attempt
    ), """  # noqa: S608 - these are words of this module
    + _WRITTEN
    + """
    select session * 16777216 + made_in, {tell_watchers} from advanced
    """,
)
_APPEND_MANY: Final = """
    with input as (
        select * from unnest(
            :session_ids::text[], :counts::bigint[], :turns::bigint[], :branches::text[], :versions::bigint[],
            :all_wrapped_keys::bytea[], :leases::bigint[], :branch_numbers::bigint[], :owners::text[]
        ) with ordinality i (
            session_id, count, turns, branch, version, wrapped_keys, lease, branch_number, owner, number
        )
    ), locked as (
        select s.id, i.count, i.turns, i.branch, i.lease, i.branch_number, i.number
        from {sessions} s join input i on i.session_id = s.session_id
        where {briefly} and {is_owners} and {tags_stay}
        and s.wrapped_keys is not distinct from i.wrapped_keys and (i.version is null or s.version = i.version)
        and exists (
            select 1 from {branches} b
            where b.session = s.id and b.name = coalesce(i.branch, s.branch) and b.may_extend = 1
            and (i.version is null and s.leases = 0 and i.lease = 0 and i.branch_number = 0 or {may_change})
        ) order by s.id for no key update of s
    ), raised as (
        update {sessions} s set version = s.version + 1, updated_at = :now, active_at = {active_at}
        from locked l where s.id = l.id
        returning s.id, s.version, coalesce(l.branch, s.branch) as branch, l.count, l.turns, l.lease,
        l.branch_number, l.number, s.session_id
    ), advanced as (
        update {branches} b set tip = b.tip + r.count, turn = b.turn + r.turns, updated_at = :now,
        changed_in = r.version, {end_lapsed_lease}
        from raised r where b.session = r.id and b.name = r.branch and {may_still_change}
        returning b.session,
        b.segment * {positions} + b.tip - r.count + 0 / (b.tip < {last_position})::int as before, b.tip,
        b.turn - r.turns as turn, r.version, r.number, r.session_id, b.made_in,
        case when b.reflog_of is null then 0 else b.made_in end as attempt
    ), keyed as (
        insert into {appends} (session, idempotency_key, digest, version, tip, created_at, until, attempt)
        select a.session, k.idempotency_key, k.digest, a.version, a.tip, :now, {clock} + k.life, a.attempt
        from advanced a join unnest(:key_sessions::bigint[], :keys::text[], :digests::bytea[], :key_lives::bigint[])
        k (number, idempotency_key, digest, life) on k.number = a.number
    ), added as (
        insert into {entries} (id, version, turn, kind, tool_name, author, created_at, payload, expires_at)
        select a.before + e.position, a.version, a.turn + e.turns, e.kind, e.tool_name, e.author, :now, e.payload,
        e.expires_at
        from advanced a join unnest(
            :item_sessions::bigint[], :positions::bigint[], :item_turns::bigint[], :kinds::text[], :tool_names::text[],
            :payloads::bytea[], :expiries::bigint[], :authors::text[]
        ) e (number, position, turns, kind, tool_name, payload, expires_at, author) on e.number = a.number
    ), holed as (
        update {segments} g set holes = 1 from advanced a
        where a.number = any(:expiring_sessions::bigint[]) and g.id = a.before / {positions} and g.holes = 0
    )
    select number, branch_number, case when branch_number is not null then {tell_watchers} end from (
        select number, session * 16777216 + made_in as branch_number, session_id from advanced
        union all select i.number, null, i.session_id
        from unnest(:session_ids::text[]) with ordinality i (session_id, number)
        where i.number not in (select number from advanced)
        and exists (select from {sessions} s where s.session_id = i.session_id)
    ) found
"""
APPEND_MANY: Final = alone(
    ManyAppends,
    """The same for several sessions: the place in the parameters of each that is there, and its branch's number.

    A branch has no number if it was not appended to.
    """,
    _APPEND_MANY,
)
APPEND_MANY_BESIDE: Final = alone(
    ManyAppends,
    "The same without the sessions that are locked.",
    _APPEND_MANY.replace("for no key update of s", "for no key update of s skip locked"),
)
TAIL: Final = alone(
    OneTail,
    """The latest payloads of a branch, newest first, and last of all its tip and its name.

    Without a tip it was forked. The current branch unless named. Nothing of a session with annotations.
    """,
    """
    with head as materialized (
        select b.segment * {positions} as low, b.tip, b.parent, b.name,
        b.session * 16777216 + b.made_in as number, :wanted::bigint as wanted
        from {sessions} s
        join {branches} b on b.session = s.id and b.name = coalesce(:branch::text, s.branch)
        where s.session_id = :session_id and {is_owners} and {is_meant}
        and s.wrapped_keys is null and s.annotated = 0 and {intact}
    )
    (
        {few}
        select id, payload from {entries}
        where id > (select low + greatest(tip - wanted, 0) from head where parent is null)
        and id <= (select low + tip from head) and created_at > :oldest::bigint
        and (expires_at is null or expires_at > :now::bigint)
        order by id desc
        {of_few}
    ) union all
    select case when parent is null then -tip end, convert_to(name || chr(1) || number, 'UTF8') from head
    """,
)
TAIL_FORKED: Final = alone(
    OneTail,
    """The same of a branch that was forked: of as many segments, the newest first, as hold the latest positions.

    Without a tip the segments do not reach back as far as they have to.
    """,
    """
    with recursive head as materialized (
        select b.segment, b.tip, b.name,
        b.session * 16777216 + b.made_in as number, greatest(b.tip - :wanted::bigint, 0) as before,
        :wanted::bigint as wanted
        from {sessions} s
        join {branches} b on b.session = s.id and b.name = coalesce(:branch::text, s.branch)
        where s.session_id = :session_id and {is_owners} and {is_meant}
        and s.wrapped_keys is null and s.annotated = 0 and {intact}
    ), lineage (segment, parent, low, high) as (
        select g.id, g.parent, g.fork_position, h.tip from head h join {segments} g on g.id = h.segment
        union all
        select g.id, g.parent, g.fork_position, least(l.low, l.high)
        from lineage l join {segments} g on g.id = l.parent and g.id < l.segment where l.low > (select before from head)
    )
    (
        select e.id, e.payload from lineage l cross join lateral (
            {few}
            select id, payload from {entries} where id <= l.segment * {positions} + l.high
            and id > l.segment * {positions} + greatest(l.low, (select before from head))
            and created_at > :oldest::bigint and (expires_at is null or expires_at > :now::bigint)
            order by id desc
            {of_few}
        ) e order by e.id % {positions} desc
    ) union all
    select case when (select min(low) from lineage) <= before then -tip end,
    convert_to(name || chr(1) || number, 'UTF8') from head
    """,
)


def payloads_of_tail(rows: Sequence[Any], wanted: int) -> tuple[list[bytes], str] | None:
    """Return the result of `TAIL` or `TAIL_FORKED`: payloads, newest first, and the branch.

    ``None`` says that the log's function must look.
    """
    if not rows or rows[-1][0] is None:
        return None
    tip, found = -rows[-1][0], len(rows) - 1
    # Fewer than wanted although there may be more below: something in between was removed, or has expired.
    if found < wanted < tip:
        return None
    name, _, number = rows[-1][1].decode().partition(LEFT_TIP)
    return [payload for _, payload in rows[:-1]], name if name == MAIN else BranchName(name, int(number))
