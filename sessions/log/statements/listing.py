"""Statements about lists of sessions: the bounded ranges of indexes that a page is read from.

A page costs the same however many sessions there are. Archived sessions and others are two ranges of each index, so a
list of both merges two of them.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from sessions.db.dialect import ENDLESSLY, MARIADB, POSTGRES
from sessions.db.transaction import Statement


class Shape(NamedTuple):
    """Which statement a list needs.

    Attributes:
        by_activity: In the order of activity; else in that of creation.
        owner: Only sessions of an owner.
        below: Only sessions of owners in a range.
        tag: Only sessions with a tag.
        archived: Only archived sessions, only others, or both if ``None``.
        since: Only sessions that were changed since a time.
        one: Only the session of an id.
    """

    by_activity: bool = True
    owner: bool = False
    below: bool = False
    tag: bool = False
    archived: bool | None = None
    since: bool = False
    one: bool = False

    @property
    def _tag_first(self) -> bool:
        """Whether sessions are found by their tag; an owner's are few, and found by the owner."""
        return self.tag and not (self.owner or self.below)

    def _column(self, name: str) -> str:
        """Return a column as conditions and orders use it.

        Owners in a range are a range of their index, and then sorted. Without statistics, or by guesses for values that
        it does not know, a planner may prefer an index in the wanted order, and read all sessions for a few: so these
        are expressions, of which there is no index.
        """
        if self._tag_first and name != "archived":
            return {"id": "t.session", "active_at": "t.active_at"}[name]
        return f"s.{name} + 0" if self.below else f"s.{name}"

    @property
    def source(self) -> str:
        """The tables, and the conditions without the place in the order."""
        conditions = ["s.session_id = :session_id"] * self.one
        conditions += ["s.owner = :owner"] * self.owner + ["s.owner >= :low and s.owner < :high"] * self.below
        if self.archived is not None:
            conditions.append(f"{self._column('archived')} = {int(self.archived)}")
        if self.since:
            # No bound on `active_at`, which has an index: a new title or a redaction is a change, but no activity.
            conditions.append("s.updated_at >= :since")
        if self._tag_first:
            conditions.append("t.tag = :tag")
        elif self.tag:
            conditions.append("exists (select 1 from {tags} t where t.session = s.id and t.tag = :tag)")
        tables = "{tags} t join {sessions} s on s.id = t.session" if self._tag_first else "{sessions} s"
        return f"from {tables} where {' and '.join(conditions or ['1 = 1'])}"

    @property
    def page(self) -> str:
        """The ids of a page and their activity: the columns of the index.

        MariaDB enters an index in its middle only for what it can read from the index alone.
        """
        if self.by_activity and self.archived is None and not (self._tag_first or self.below or self.one):
            parts = [f"select * from ({self._replace(archived=part).page}) p{part:d}" for part in (False, True)]  # noqa: S608 - as below
            return f"{' union all '.join(parts)} order by active_at desc, id desc limit :count"
        active, number = self._column("active_at"), self._column("id")
        place, order = f"{number} < :before", f"{number} desc"
        if self.by_activity:
            # One bound that every database makes a range of its index, and the rest of the order.
            place = f"{active} <= :active and ({active} < :active or {place})"
            order = f"{active} desc, {order}"
        table = "t.session as id, t" if self._tag_first else "s.id, s"
        return f"select {table}.active_at {self.source} and {place} order by {order} limit :count"


_TIMES = 4
"""How often a limit is repeated for Postgres: a ten-thousandth of the rows."""

_PAGE = """
    with recursive page (
        id, active_at, session_id, branch, created_at, updated_at, owner, archived, wrapped_keys
    ) as (
        select s.id, s.active_at, s.session_id, s.branch, s.created_at, s.updated_at, s.owner, s.archived,
        s.wrapped_keys from (PAGE) k join {sessions} s on s.id = k.id
    ), lineage (session, segment, parent, low, high, holes) as (
        select b.session, g.id, g.parent, g.fork_position, b.tip, g.holes
        from page p join {branches} b on b.session = p.id and b.name = p.branch and {intact}
        join {segments} g on g.id = b.segment
        union all
        select l.session, g.id, g.parent, g.fork_position, case when l.low < l.high then l.low else l.high end, g.holes
        from lineage l join {segments} g on g.id = l.parent and g.id < l.segment and g.session = l.session
    )
    select p.id, p.active_at, p.session_id, p.created_at, p.updated_at, (
        select coalesce(sum(case when l.holes + :one_by_one = 0 then l.high - l.low else (
            select count(*) from {entries} e where e.id > l.segment * {positions} + l.low
            and e.id <= l.segment * {positions} + l.high and {shown}
        ) end), 0) from lineage l where l.session = p.id and l.low < l.high
    ), p.wrapped_keys, p.owner, p.archived, i.version, i.payload
    from page p left join {infos} i on i.session = p.id order by ORDER
"""


@cache
def list_sessions(shape: Shape) -> Statement:
    """Return the statement for a page of sessions, each with the number of items on its current branch.

    One whose end cannot be true counts as empty: the others are listed nevertheless.
    """
    order = "p.active_at desc, p.id desc" if shape.by_activity else "p.id desc"
    text = _PAGE.replace("PAGE", shape.page).replace("ORDER", order)
    here = ENDLESSLY + text.replace("p.session_id,", "convert(p.session_id using utf8mb4),")
    # Postgres takes a limit that it does not know for a tenth of the rows, and would read whole tables to join them to
    # so many. These take nothing away: see `db/sqlalchemy/planner.py`.
    few = "select * from (" * _TIMES + shape.page + ") few limit :count" * _TIMES  # noqa: S608 - words of this module.
    there = _PAGE.replace("PAGE", few).replace("ORDER", order)
    return Statement("A page of sessions, the latest first.", text, {MARIADB: here, POSTGRES: there})


@cache
def count_sessions(shape: Shape) -> Statement:
    """Return the statement that counts sessions."""
    return Statement("How many sessions there are.", f"select count(*) {shape.source}")
