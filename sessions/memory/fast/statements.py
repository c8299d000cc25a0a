"""Put, list, filter and find by age on Postgres: one statement each, on the driver's own connection.

They do the same as `changes.py`, `listing.py`, `filtering.py` and `by_age.py` of `memory/` in the common
case: one memory is put into a namespace that is there, a short page is found in a few namespaces, and a declared field
leaves few candidates. In another case a statement changes nothing, and leaves all to the general function.

Concurrency (READ COMMITTED): the statement sees memories as they were when it began. If the namespace's row had to be
waited for, its version is another one by then, and the put is left.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.db.sqlalchemy.brief import BRIEFLY
from sessions.db.transaction import Statement
from sessions.memory.candidates import WIDE
from sessions.memory.marks import KEPT_BYTES
from sessions.memory.statements.listing import SPACES_AT_ONCE, order_by_age
from sessions.memory.statements.memories import COLUMNS, LIVE
from sessions.memory.statements.spaces import TELL_WATCHERS

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAMED: Final = re.compile(r"(?<!:):([a-z_]+)")


class OnePut(NamedTuple):
    """The parameters of `PUT`, in the order of their numbers."""

    path: str
    name: str
    payload: bytes
    ttl: int | None
    expires_at: int | None
    if_version: int | None
    owner: str | None
    number: int
    mark: bytes
    now: int
    model: int | None
    places: bytes | None
    digest: bytes | None
    vectors: bytes | None
    words: bytes | None


class OneList(NamedTuple):
    """The parameters of `LIST`, in the order of their numbers."""

    path: str
    name: str
    high: str
    wanted: int
    now: int


class OneByAge(NamedTuple):
    """The parameters of `by_age`, in the order of their numbers."""

    low: str
    high: str
    owner: str | None
    now: int
    wanted: int


class OneFilter(NamedTuple):
    """The parameters of `FILTER`, in the order of their numbers.

    Attributes:
        number: The number of the settings that the field was looked up in.
        since: The number of the settings that declared it.
        field: Its number.
        firsts: The first bytes of each range of its values.
        lasts: The last bytes of each.
        low: The first path of the namespaces.
        high: The first path behind them.
        owner: Their owner; ``None`` for any.
        now: The time.
        wanted: A limit of all parts, so that the planner expects few rows: more than `WIDE`, and than the ranges.
    """

    number: int
    since: int
    field: int
    firsts: Sequence[bytes]
    lasts: Sequence[bytes]
    low: str
    high: str
    owner: str | None
    now: int
    wanted: int


def _alone(parameters: type[OnePut | OneList | OneByAge | OneFilter], purpose: str, sql: str) -> Statement:
    """Return a statement with numbers in place of ``:names``, as the driver wants them."""
    return Statement(purpose, _NAMED.sub(lambda found: f"${parameters._fields.index(found[1]) + 1}", sql))


PUT: Final = _alone(
    OnePut,
    """Put a memory into a namespace; its version and the time of its first put. No row if nothing was done.

    What search knew of the memory is replaced or removed with it. No field is declared, so there are no rows of values.
    """,
    f"""
    with looked as materialized (
        select s.id, s.version, m.id as memory, case when {LIVE.replace(":now", ":now::bigint")} then m.version end
        as present, case when {LIVE.replace(":now", ":now::bigint")} then m.created_at end as created_at
        from {{spaces}} s left join {{memories}} m on m.space = s.id and m.name = :name::text
        where s.path = :path::text and s.last > 0 and s.last < {{max_position}} and s.wrapped_keys is null
        and (:owner::text is null or s.owner = :owner::text)
        and position(:mark::bytea in coalesce(s.marks, '')) = 0
        and coalesce((select g.number from {{memory_settings}} g where g.id = 1), 0) = :number::bigint
    ), raised as (
        update {{spaces}} s set version = s.version + 1, last = s.last + (l.memory is null)::int,
        updated_at = :now::bigint,
        marks = substr(:mark::bytea || int8send(s.version + 1) || coalesce(s.marks, ''), 1, {KEPT_BYTES})
        from looked l where {BRIEFLY} and s.id = l.id and s.version = l.version
        and (:if_version::bigint is null or coalesce(l.present, 0) = :if_version::bigint)
        returning s.id, s.path, s.version, s.last, l.memory, coalesce(l.created_at, :now::bigint) as created_at
    ), added as (
        insert into {{memories}} (id, space, name, version, created_at, updated_at, expires_at, ttl, payload)
        select r.id * {{positions}} + r.last, r.id, :name::text, r.version, :now::bigint, :now::bigint,
        :expires_at::bigint, :ttl::bigint, :payload::bytea from raised r where r.memory is null
        returning id
    ), replaced as (
        update {{memories}} m set version = r.version, created_at = r.created_at, updated_at = :now::bigint,
        expires_at = :expires_at::bigint, ttl = :ttl::bigint, payload = :payload::bytea
        from raised r where m.id = r.memory returning m.id
    ), dropped as (
        delete from {{search_rows}} w using replaced p where w.memory = p.id and :words::bytea is null
    ), searched as (
        insert into {{search_rows}} (memory, model, places, digest, vectors, words)
        select p.id, :model::bigint, :places::bytea, :digest::bytea, :vectors::bytea, :words::bytea
        from (select id from added union all select id from replaced) p where :words::bytea is not null
        on conflict (memory) do update set model = excluded.model, places = excluded.places, digest = excluded.digest,
        vectors = excluded.vectors, words = excluded.words, sealed = null
    )
    select version, created_at, {TELL_WATCHERS} from raised
    """,  # noqa: S608 - words of this package
)

LIST: Final = _alone(
    OneList,
    """List the first memories behind a place, of the first few namespaces; one without any has a row of nulls.

    The limit on namespaces is a number that the planner knows, so it reads them in their order, and what it sorts is
    small in any case. A condition on owners would have it expect one namespace, and read all of the range.
    """,
    f"""
    with head as materialized (select :wanted::bigint as wanted)
    select s.path, s.owner, s.wrapped_keys, m.* from (
        select s.id, s.path, s.owner, s.wrapped_keys from {{spaces}} s
        where s.path >= :path::text and s.path < :high::text order by s.path limit {SPACES_AT_ONCE}
    ) s left join lateral (
        {{few}}
        select {COLUMNS} from {{memories}} m
        where m.space = s.id and m.name > case when s.path = :path::text then :name::text else '' end and {LIVE}
        order by m.name
        {{of_few}}
    ) m on true order by s.path, m.name limit :wanted::bigint + {SPACES_AT_ONCE}
    """,  # noqa: S608 - as above
)


@cache
def by_age(*, newest: bool) -> Statement:
    """Return the statement for the first memories in the order of time, of the first few namespaces.

    Each row begins with the number of the namespaces; without any memory, and if there are more than a few namespaces,
    it goes on with nulls.
    """
    order = order_by_age(newest=newest)
    return _alone(
        OneByAge,
        "The memories of a few namespaces that were put last." if newest else "Those whose keys were put first.",
        f"""
        with head as materialized (select :wanted::bigint as wanted), below as materialized (
            select s.id, s.path, s.owner, s.wrapped_keys from {{spaces}} s
            where s.path >= :low::text and s.path < :high::text and (:owner::text is null or s.owner = :owner::text)
            order by s.path limit {SPACES_AT_ONCE + 1}
        )
        select n.spaces, m.* from (select count(*) as spaces from below) n left join lateral (
            select s.path, s.owner, s.wrapped_keys, m.* from below s cross join lateral (
                {{few}}
                select {COLUMNS} from {{memories}} m where m.space = s.id and {LIVE} order by {order}
                {{of_few}}
            ) m
        ) m on n.spaces <= {SPACES_AT_ONCE} order by {order} limit :wanted::bigint
        """,  # noqa: S608 - as above
    )


_OF_VALUES: Final = "v.field = :field::bigint and v.value >= r.first and v.value <= r.last"

FILTER: Final = _alone(
    OneFilter,
    """The live ones of the candidates that a declared field leaves, unless it has `wanted` rows or more in the ranges.

    Each row begins with the number of the field's rows, and of the candidates below the prefix; without any, it goes on
    with nulls. No row if the settings are other ones, or a namespace does not follow the declaration. As in
    `memory/candidates.py`, a value is looked up in each of few namespaces, or in all namespaces at once.
    """,
    f"""
    with head as materialized (select :wanted::bigint as wanted), ranges as materialized (
        {{few}} select first, last from unnest(:firsts::bytea[], :lasts::bytea[]) r (first, last) {{of_few}}
    ), below as materialized (
        {{few}} select id from {{spaces}} where path >= :low::text and path < :high::text {{of_few}}
    ), width as materialized (select count(*) > {WIDE} as is_wide from below), found as materialized (
        select v.memory, v.is_below from ranges r cross join lateral (
            {{few}}
            select v.memory, (
                select s.path >= :low::text and s.path < :high::text from {{spaces}} s where s.id = v.space
            ) as is_below from {{field_values}} v where {_OF_VALUES} and (select is_wide from width)
            {{of_few}}
        ) v
        union all
        select v.memory, true from (select id from below where not (select is_wide from width)) s
        cross join ranges r cross join lateral (
            {{few}} select v.memory from {{field_values}} v where v.space = s.id and {_OF_VALUES} {{of_few}}
        ) v
    ), counted as materialized (
        select count(*) as rows, count(distinct memory) filter (where is_below) as looked from found
    )
    select c.rows, c.looked, m.* from {{memory_settings}} g cross join counted c left join lateral (
        select s.path, s.owner, s.wrapped_keys, {COLUMNS} from (select distinct memory from found where is_below) f
        join {{memories}} m on m.id = f.memory join {{spaces}} s on s.id = m.space
        where {LIVE} and (:owner::text is null or s.owner = :owner::text)
    ) m on c.rows < :wanted::bigint
    where g.id = 1 and g.number = :number::bigint
    and coalesce((select min(settings) from {{spaces}}), g.number) >= :since::bigint
    """,  # noqa: S608 - as above
)
