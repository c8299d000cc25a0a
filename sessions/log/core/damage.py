"""Impossible rows: the damage done to a session by another program, a broken disk or a hand in the database.

Damage is found in two ways. The rows that every operation needs, a branch's end and the segments behind it, are checked
when they are read: by `find_head`, `lineage`, `read_segments` and `read_tips`. Recursions are bounded by a rule of
possible rows: a parent is older than its child. All other rows are checked by `find_damage`, only after an operation
has failed without another explanation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sessions.clock import FIRST, NEVER
from sessions.db.ids import MAX_OWNER, POSITIONS
from sessions.db.transaction import Statement
from sessions.log.core.heads import damaged
from sessions.log.statements import branches as branch_statements
from sessions.log.words import LEFT_TIP

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction


def read_segments(tx: Transaction, session: int) -> dict[int, list[Any]]:
    """Return a session's segments by their ids: parent, fork position, turn, holes.

    Raises:
        DamagedSessionError: A walk back along them would miss a segment, or never end.
    """
    origins = {segment: origin for segment, *origin in tx.all(branch_statements.ORIGINS, session=session)}
    for segment, (parent, fork_position, turn, _) in origins.items():
        is_root = parent is None and fork_position == 0
        is_fork = parent is not None and parent < segment and parent in origins and 0 <= fork_position < POSITIONS
        if not (is_root or is_fork) or not 0 <= turn <= fork_position or not 0 < segment <= MAX_OWNER:
            raise damaged(f"segment {segment} forks off at a missing entry")
    return origins


def read_tips(tx: Transaction, session: int, origins: dict[int, list[Any]]) -> list[Any]:
    """Return a session's tips, which end in these segments.

    Raises:
        DamagedSessionError: One does not.
    """
    tips = []
    for *row, intact in tx.all(branch_statements.TIPS, session=session):
        name, segment, tip, _, owner, *_ = row
        is_left = name.startswith(LEFT_TIP)
        if not intact or not (segment in origins or tip == 0) or is_left != (owner is not None):
            raise damaged(f"{'a tip' if is_left else f'branch {name!r}'} ends at a missing entry")
        tips.append(row)
    return tips


def find_damage(tx: Transaction, session_id: str) -> str | None:
    """Return the column of a session's rows that is impossible; ``None`` if all are possible.

    The cost is that of all the session's rows.
    """
    for table, columns, statement in _CHECKS:
        row = tx.the(statement, session_id=session_id)
        found = [column for column, count in zip(columns, row, strict=True) if count]
        if found:
            return f"{found[0]} of {table}"
    return None


def _time(column: str) -> str:
    return f"{column} not between {FIRST} and {NEVER}"


def _outside(column: str, most: int = (1 << 63) - 2, least: int = 0) -> str:
    return f"{column} not between {least} and {most}"


def _check(table: str, alias: str, joined: str, conditions: dict[str, str]) -> tuple[str, list[str], Statement]:
    """Return how a table is checked: its name, the columns, and a statement that counts impossible values of each."""
    counts = ", ".join(f"coalesce(sum(case when {wrong} then 1 else 0 end), 0)" for wrong in conditions.values())
    text = f"select {counts} from {{sessions}} s {joined} where s.session_id = :session_id"  # noqa: S608 - words of this module.
    return table, list(conditions), Statement(f"How many rows of {table} cannot be true ({alias}), by column.", text)


_NOTHING_THERE: Final = """
    or t.tip > t.fork_position and exists (select 1 from {segments} g where g.id = t.segment and g.holes = 0)
    and not exists (select 1 from {entries} e where e.id = t.segment * {positions} + t.tip)
"""

_OF_SESSION: Final = "join {{{0}}} t on t.session = s.id"

_CHECKS: Final = (
    _check(
        "sessions",
        "s",
        "",
        {
            "version": _outside("s.version", least=1),
            "leases": _outside("s.leases"),
            "created_at": _time("s.created_at"),
            "updated_at": _time("s.updated_at"),
        },
    ),
    _check(
        "segments",
        "t",
        _OF_SESSION.format("segments"),
        {
            "id": _outside("t.id", MAX_OWNER, 1),
            "parent": """t.parent is not null and not exists (
                select 1 from {segments} p where p.id = t.parent and p.session = t.session and p.id < t.id
            )""",
            "fork_position": """
                t.fork_position not between 0 and case when t.parent is null then 0 else {last_position} end
            """,
            "turn": "t.turn not between 0 and t.fork_position",
        },
    ),
    _check(
        "branches",
        "t",
        _OF_SESSION.format("branches"),
        {
            "segment": """(t.segment <> 0 or t.tip > 0) and not exists (
                select 1 from {segments} g where g.id = t.segment and g.session = t.session
            )""",
            "parent": """t.parent is not null and not exists (
                select 1 from {segments} p where p.id = t.parent and p.session = t.session and p.id < t.segment
            )""",
            "fork_position": """exists (
                select 1 from {segments} g where g.id = t.segment and g.fork_position <> t.fork_position
            )""",
            "tip": _outside("t.tip", POSITIONS - 2) + _NOTHING_THERE,
            "turn": "t.turn not between 0 and t.tip",
            "floor": _outside("t.floor", POSITIONS - 1),
            "forked_at": f"t.forked_at is not null and {_outside('t.forked_at', POSITIONS - 1)}",
            "forked_turn": "t.forked_turn is not null and t.forked_turn not between 0 and t.forked_at",
            "created_at": _time("t.created_at"),
            "updated_at": _time("t.updated_at"),
            "made_in": "t.made_in not between 0 and s.version",
            "changed_in": "t.changed_in not between 0 and s.version",
            "lease_token": _outside("t.lease_token"),
            "lease_until": _time("t.lease_until"),
            "lease_from": _outside("t.lease_from", POSITIONS - 1),
        },
    ),
    _check(
        "entries",
        "e",
        "join {segments} g on g.session = s.id join {entries} e "
        "on e.id >= g.id * {positions} and e.id <= g.id * {positions} + {last_position}",
        {
            "id": "e.id = g.id * {positions}",
            "version": "e.version not between 1 and s.version",
            "turn": "e.turn < 0 or e.turn > e.id - g.id * {positions}",
            "created_at": _time("e.created_at"),
            "expires_at": f"e.expires_at is not null and {_time('e.expires_at')}",
        },
    ),
    _check("appends", "t", _OF_SESSION.format("appends"), {"created_at": _time("t.created_at")}),
    _check(
        "changes",
        "t",
        _OF_SESSION.format("changes"),
        {"version": "t.version not between 1 and s.version", "created_at": _time("t.created_at")},
    ),
    _check(
        "usage",
        "t",
        _OF_SESSION.format("usage"),
        {
            "place": _outside("t.place"),
            "turn": _outside("t.turn", POSITIONS),
            **{
                column: _outside(f"t.{column}", 1 << 53)
                for column in (
                    "requests",
                    "input_tokens",
                    "cached_tokens",
                    "cache_write_tokens",
                    "output_tokens",
                    "reasoning_tokens",
                )
            },
            "created_at": _time("t.created_at"),
        },
    ),
)
