"""Append, tail and pop on Postgres: one statement, one round trip each, on the driver's own connection.

They mean what `log/append.py`, `log/read.py` and `log/pop.py` mean, in the common case: the session exists and is not
sealed, its branch extends its own segment, and nothing was removed from the middle of what is read. A statement that
finds another case leaves everything to the log's own function; a branch that was forked is read by a second statement.

Concurrency (READ COMMITTED): the session's row is updated first, so a statement waits there for the one before it, and
Postgres then evaluates the branch's row anew. Several sessions are locked in the order of their ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sessions.log.classify import USER
from sessions.log.conversation import NEVER
from sessions.log.old_keys import FIRST_GIVEN, KEY_LIFE
from sessions.log.transaction import Statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.log.append import Append

APPEND: Final = Statement(
    """Append to a branch of one session, the current one unless named; a row if that was done.

    Where a version is given, only to that one: the one that the caller expects, or for which entries were sealed. Only
    where the rest will be done, too, as the caller would be told of a version that this statement has made. The same
    where leases were ever taken: whoever must not write leaves no trace. The branch's row is looked at again when it is
    updated, as of then; see `log/guard.py` for what is asked of it. To a sealed session only if it has the seal for
    which they were sealed: one that was deleted and made anew may have the same version.

    Imports come this way, and each value in an array costs them a few tenths of a microsecond. So each kind and tool
    name is sent once and looked up by one byte for each item, and turns are sent as the positions where they begin.
    """,
    """
    with raised as (
        update {sessions} s set version = version + 1, updated_at = $2 where session_id = $1
        and seal is not distinct from $18::bytea and ($15::bigint is null or version = $15::bigint)
        and ($15::bigint is null and s.leases = 0 and $21::bigint = 0 or exists (
            select 1 from {branches} b
            where b.session = s.id and b.name = coalesce($14::text, s.branch) and b.may_grow = 1
            and case when $21::bigint = 0 then b.lease_until <= $2 or b.lease_open = 1 else b.lease_token = $21 end
        )) returning s.id, s.version, s.branch, s.session_id
    ), advanced as (
        update {branches} b set tip = b.tip + $3::bigint, turn = b.turn + $4::bigint, updated_at = $2,
        changed_in = r.version,
        lease_token = case when $21::bigint = 0 and b.lease_until <= $2 then 0 else b.lease_token end,
        lease_until = case when $21::bigint = 0 and b.lease_until <= $2 then 0 else b.lease_until end
        from raised r where b.session = r.id and b.name = coalesce($14::text, r.branch) and b.may_grow = 1
        and case when $21::bigint = 0 then b.lease_until <= $2 or b.lease_open = 1 else b.lease_token = $21::bigint end
        returning b.session, b.segment * 4294967296 + b.tip - $3::bigint as before, b.tip,
        b.turn - $4::bigint as turn, r.version, r.session_id
    ), keyed as (
        insert into {appends} (session, idempotency_key, digest, version, tip, created_at)
        select session, $5::text, $6::bytea, version, tip, $2 from advanced
    ), forgotten as (
        delete from {appends} p using advanced a
        where p.session = a.session and p.idempotency_key > $7 and p.idempotency_key < $8
    ), outlived as (
        delete from {appends} p using advanced a cross join lateral (
            select o.idempotency_key from {appends} o
            where o.session = a.session and o.created_at <= $19::bigint and o.idempotency_key >= ' '
            order by o.created_at limit 100
        ) o where p.session = a.session and p.idempotency_key = o.idempotency_key
    ), added as (
        insert into {entries} (id, version, turn, kind, tool_name, author, created_at, payload, expires_at)
        select a.before + e.position, a.version, a.turn + width_bucket(e.position, $9::bigint[]),
        ($11::text[])[1 + get_byte($10::bytea, e.position::int - 1)],
        ($12::text[])[1 + get_byte($10::bytea, e.position::int - 1)],
        $20::text, $2, e.payload, $16::bigint
        from advanced a, unnest($13::bytea[]) with ordinality e (payload, position)
    ), holed as (
        update {segments} g set holes = 1 from advanced a
        where $16::bigint < $17::bigint and g.id = a.before / 4294967296 and g.holes = 0
    )
    select 1, {tell_watchers} from advanced
    """,
)
APPEND_MANY: Final = Statement(
    "The same for several sessions; the number of each that was appended to.",
    """
    with input as (
        select * from unnest(
            $1::text[], $2::bigint[], $3::bigint[], $16::text[], $17::bigint[], $20::bytea[], $23::bigint[]
        ) with ordinality i (session_id, count, turns, branch, version, seal, lease, number)
    ), locked as (
        select s.id, i.count, i.turns, i.branch, i.lease, i.number
        from {sessions} s join input i on i.session_id = s.session_id
        where s.seal is not distinct from i.seal and (i.version is null or s.version = i.version)
        and (i.version is null and s.leases = 0 and i.lease = 0 or exists (
            select 1 from {branches} b
            where b.session = s.id and b.name = coalesce(i.branch, s.branch) and b.may_grow = 1
            and case when i.lease = 0 then b.lease_until <= $4 or b.lease_open = 1 else b.lease_token = i.lease end
        )) order by s.id for no key update of s
    ), raised as (
        update {sessions} s set version = s.version + 1, updated_at = $4 from locked l where s.id = l.id
        returning s.id, s.version, coalesce(l.branch, s.branch) as branch, l.count, l.turns, l.lease, l.number,
        s.session_id
    ), advanced as (
        update {branches} b set tip = b.tip + r.count, turn = b.turn + r.turns, updated_at = $4,
        changed_in = r.version,
        lease_token = case when r.lease = 0 and b.lease_until <= $4 then 0 else b.lease_token end,
        lease_until = case when r.lease = 0 and b.lease_until <= $4 then 0 else b.lease_until end
        from raised r where b.session = r.id and b.name = r.branch and b.may_grow = 1
        and case when r.lease = 0 then b.lease_until <= $4 or b.lease_open = 1 else b.lease_token = r.lease end
        returning b.session, b.segment * 4294967296 + b.tip - r.count as before, b.tip, b.turn - r.turns as turn,
        r.version, r.number, r.session_id
    ), keyed as (
        insert into {appends} (session, idempotency_key, digest, version, tip, created_at)
        select a.session, k.idempotency_key, k.digest, a.version, a.tip, $4
        from advanced a join unnest($5::bigint[], $6::text[], $7::bytea[]) k (number, idempotency_key, digest)
        on k.number = a.number
    ), forgotten as (
        delete from {appends} p using advanced a
        where p.session = a.session and p.idempotency_key > $8 and p.idempotency_key < $9
    ), outlived as (
        delete from {appends} p using advanced a cross join lateral (
            select o.idempotency_key from {appends} o
            where o.session = a.session and o.created_at <= $21::bigint and o.idempotency_key >= ' '
            order by o.created_at limit 100
        ) o where p.session = a.session and p.idempotency_key = o.idempotency_key
    ), added as (
        insert into {entries} (id, version, turn, kind, tool_name, author, created_at, payload, expires_at)
        select a.before + e.position, a.version, a.turn + e.turns, e.kind, e.tool_name, e.author, $4, e.payload,
        e.expires_at
        from advanced a join unnest(
            $10::bigint[], $11::bigint[], $12::bigint[], $13::text[], $14::text[], $15::bytea[],
            $18::bigint[], $22::text[]
        ) e (number, position, turns, kind, tool_name, payload, expires_at, author) on e.number = a.number
    ), holed as (
        update {segments} g set holes = 1 from advanced a
        where a.number = any($19::bigint[]) and g.id = a.before / 4294967296 and g.holes = 0
    )
    select number, {tell_watchers} from advanced
    """,
)
TAIL: Final = Statement(
    """The latest payloads of a branch, newest first, and last of all its tip and its name.

    Without a tip it was forked. The current branch unless named.
    """,
    """
    with head as materialized (
        select b.segment * 4294967296 as low, b.tip, b.parent, b.name from {sessions} s
        join {branches} b on b.session = s.id and b.name = coalesce($3::text, s.branch)
        where s.session_id = $1 and s.seal is null
    )
    (
        select id, payload from {entries}
        where id > (select low + greatest(tip - $2::bigint, 0) from head where parent is null)
        and id <= (select low + tip from head) and created_at > $5::bigint
        and (expires_at is null or expires_at > $4::bigint)
        order by id desc
    ) union all
    select case when parent is null then -tip end, convert_to(name, 'UTF8') from head
    """,
)
TAIL_FORKED: Final = Statement(
    """The same of a branch that was forked: of as many segments, the newest first, as hold the latest positions.

    The limit takes nothing away; with it the planner looks each segment up in the index.
    """,
    """
    with recursive head as materialized (
        select b.segment, b.tip, b.name, greatest(b.tip - $2::bigint, 0) as before from {sessions} s
        join {branches} b on b.session = s.id and b.name = coalesce($3::text, s.branch)
        where s.session_id = $1 and s.seal is null
    ), lineage (segment, parent, low, high) as (
        select g.id, g.parent, g.fork_position, h.tip from head h join {segments} g on g.id = h.segment
        union all
        select g.id, g.parent, g.fork_position, least(l.low, l.high)
        from lineage l join {segments} g on g.id = l.parent where l.low > (select before from head)
    )
    (
        select e.id, e.payload from lineage l cross join lateral (
            select id, payload from {entries} where id <= l.segment * 4294967296 + l.high
            and id > l.segment * 4294967296 + greatest(l.low, (select before from head))
            and created_at > $5::bigint and (expires_at is null or expires_at > $4::bigint)
            order by id desc limit $2::bigint
        ) e order by e.id % 4294967296 desc
    ) union all
    select -tip, convert_to(name, 'UTF8') from head
    """,
)
POP: Final = Statement(
    """Remove the last entry if it is the branch's own and can be read for certain; guarded by the session's version.

    In sessions that ever had a lease, whether one is held is for the log's own function to see.

    Beside what is no JSON, Python's integers have a limit, of 640 digits or more, and our decoder one of 256 levels.
    """,
    """
    with last as (
        select s.id, s.version, b.name, e.id as entry, e.payload, e.turn - (e.kind = 'user')::int as turn
        from {sessions} s join {branches} b on b.session = s.id and b.name = coalesce($4::text, s.branch)
        join {entries} e on e.id = b.segment * 4294967296 + b.tip
        where s.session_id = $1 and s.seal is null and b.may_grow = 1 and b.tip > b.floor
        and e.created_at > $5::bigint and (e.expires_at is null or e.expires_at > $2)
        and convert_from(e.payload, 'UTF8') is json object
        and (octet_length(e.payload) <= 500 or (
            convert_from(e.payload, 'UTF8') !~ '([0-9]{{160}}){{4}}'
            and octet_length(translate(convert_from(e.payload, 'UTF8'), '[{{', '')) >= octet_length(e.payload) - 256
        ))
    ), raised as (
        update {sessions} s set version = s.version + 1, updated_at = $2 from last l
        where s.id = l.id and s.version = l.version and s.leases = 0
        returning s.id, s.version, s.session_id
    ), moved as (
        update {branches} b set tip = b.tip - 1, turn = l.turn, updated_at = $2, changed_in = r.version
        from last l, raised r
        where b.session = r.id and b.name = l.name
    ), removed as (
        delete from {entries} e using last l, raised r where e.id = l.entry
    ), recorded as (
        insert into {changes} (session, version, what, created_at) select id, version, 'popped', $2 from raised
    ), forgotten as (
        delete from {changes} c using raised r where c.session = r.id and c.version <= r.version - $3::bigint
    )
    select l.payload, {tell_watchers} from last l, raised r
    """,
)

Required: TypeAlias = tuple[int | None, bytes | None]
"""The version that a session must have, if not any will do, and its seal, if it has one."""

_MAX_NUMBERS: Final = 256
"""What a byte can tell apart."""


class _Columns:
    """The items of one session's appends, as the columns that the statements unnest."""

    def __init__(self) -> None:
        self.turns: list[int] = []
        self.kinds: list[str] = []
        self.tool_names: list[str | None] = []
        self.payloads: list[bytes] = []
        self.expiries: list[int | None] = []
        self.authors: list[str | None] = []
        self.turn = 0

    def add(self, append: Append) -> None:
        for entry in append.entries:
            self.turn += entry.kind == USER
            self.turns.append(self.turn)
            self.kinds.append(entry.kind)
            self.tool_names.append(entry.tool_name)
            self.payloads.append(entry.payload)
            self.expiries.append(append.expires_at)
            self.authors.append(entry.author)

    @property
    def expiring(self) -> bool:
        """Whether some of them will expire."""
        return any(expires_at is not None and expires_at < NEVER for expires_at in self.expiries)


def _oldest_key(appends: Sequence[Append]) -> int | None:
    """Return the time up to which keys are removed; ``None``, which is before all, if the appends bring none."""
    given = [append.now for append in appends if append.idempotency and append.idempotency.key >= FIRST_GIVEN]
    return max(given) - KEY_LIFE if given else None


def append_values(append: Append, required: Required, forget: tuple[str, str]) -> tuple[Any, ...] | None:
    """Return the parameters of `APPEND`; keys between the two of `forget` are forgotten.

    ``None`` if the items have too many kinds and tool names for it, or several authors: `APPEND_MANY` takes any.
    """
    entries, (version, seal) = append.entries, required
    turn_starts = [position for position, entry in enumerate(entries, 1) if entry.kind == USER]
    numbers: dict[tuple[str, str | None], int] = {}
    number_of = [numbers.setdefault((entry.kind, entry.tool_name), len(numbers)) for entry in entries]
    authors = {entry.author for entry in entries} or {None}
    if len(numbers) > _MAX_NUMBERS or len(authors) > 1:
        return None
    (author,) = authors
    kinds = [kind for kind, _ in numbers]
    tool_names = [tool_name for _, tool_name in numbers]
    key, digest = append.idempotency or (None, None)
    return (
        append.conversation.session_id, append.now, len(entries), len(turn_starts), key, digest, *forget,
        turn_starts, bytes(number_of), kinds, tool_names, [entry.payload for entry in entries], append.branch,
        version, append.expires_at, NEVER, seal, _oldest_key([append]), author, append.conversation.lease or 0,
    )  # fmt: skip


def append_many_values(
    appends: Sequence[Append], required: Sequence[Required], forget: tuple[str, str]
) -> tuple[tuple[Any, ...], list[int]]:
    """Return the parameters of `APPEND_MANY`, and for each append the number of its session.

    One branch of each session; appends to another one have number 0, and those that expect a version behind others.
    """
    sessions: dict[str, _Columns] = {}
    numbers: dict[str, int] = {}
    branches: dict[str, str | None] = {}
    expected: dict[str, Required] = {}
    leases: dict[str, int] = {}
    number_of = []
    for append, wanted in zip(appends, required, strict=True):
        session_id = append.conversation.session_id
        number = numbers.setdefault(session_id, len(numbers) + 1)
        together = branches.setdefault(session_id, append.branch) == append.branch
        together = together and expected.setdefault(session_id, wanted) == wanted
        lease = append.conversation.lease or 0
        together = together and leases.setdefault(session_id, lease) == lease
        # Of two that expect the same version, the second one comes too late.
        together = together and (append.expected_version is None or session_id not in sessions)
        number_of.append(number if together else 0)
        if together:
            sessions.setdefault(session_id, _Columns()).add(append)
    keyed = [
        (number, *append.idempotency)
        for number, append in zip(number_of, appends, strict=True)
        if number and append.idempotency
    ]
    columns = list(sessions.values())
    values = (
        list(sessions),
        [len(column.kinds) for column in columns],
        [column.turn for column in columns],
        max(append.now for append in appends),
        [number for number, _, _ in keyed],
        [key for _, key, _ in keyed],
        [digest for _, _, digest in keyed],
        *forget,
        [number for number, column in enumerate(columns, 1) for _ in column.kinds],
        [position for column in columns for position in range(1, len(column.kinds) + 1)],
        [turn for column in columns for turn in column.turns],
        [kind for column in columns for kind in column.kinds],
        [tool_name for column in columns for tool_name in column.tool_names],
        [payload for column in columns for payload in column.payloads],
        list(branches.values()),
        [version for version, _ in expected.values()],
        [expires_at for column in columns for expires_at in column.expiries],
        [number for number, column in enumerate(columns, 1) if column.expiring],
        [seal for _, seal in expected.values()],
        _oldest_key(appends),
        [author for column in columns for author in column.authors],
        list(leases.values()),
    )
    return values, number_of


def payloads_of_tail(rows: Sequence[Any], wanted: int) -> tuple[list[bytes], str] | None:
    """Return what `TAIL` or `TAIL_FORKED` found: payloads, newest first, and the branch.

    ``None`` says that the log's function must look.
    """
    if not rows or rows[-1][0] is None:
        return None
    tip, found = -rows[-1][0], len(rows) - 1
    # Fewer than wanted although there may be more below: something in between was removed, or has expired.
    if found < wanted < tip:
        return None
    return [payload for _, payload in rows[:-1]], rows[-1][1].decode()
