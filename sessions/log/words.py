"""Words of the log's statements: conditions and lists of columns that many of them share."""

from __future__ import annotations

from typing import Final, NamedTuple

from sessions.clock import NEVER
from sessions.db.dialect import telling
from sessions.db.ids import position_of

MARK: Final = "\x01"
"""What the kinds of entries begin with that no model is shown: see `log/context/annotations.py`."""


LEFT_TIP: Final = "\x01"
"""What the names of rows of branches begin with that are no branches, but tips that branches left."""


class EntryRow(NamedTuple):
    """A row of all columns of an entry, in the order of the word ``{entry}``.

    Statements return plain tuples in this order; wide reads take them as they are, as each of these costs a quarter of
    a microsecond.
    """

    id: int
    version: int
    turn: int
    kind: str
    tool_name: str | None
    author: str | None
    created_at: int
    expires_at: int | None
    format: str | None
    payload: bytes

    @property
    def position(self) -> int:
        """The position of the entry."""
        return position_of(self.id)


class TipRow(NamedTuple):
    """A row of branches: a branch, an attempt, or a tip that a branch left; in the order of the word ``{tip_row}``."""

    name: str
    segment: int
    parent: int | None
    fork_position: int
    tip: int
    turn: int
    floor: int
    may_extend: int
    forked_from: str | None
    forked_at: int | None
    forked_turn: int | None
    reflog_of: str | None
    pending: int
    created_at: int
    updated_at: int
    made_in: int
    changed_in: int
    lease_token: int
    lease_until: int
    lease_open: int
    lease_from: int
    lease_claim: str | None

    @property
    def is_left(self) -> bool:
        """Whether it is no branch, by its name."""
        return self.name.startswith(LEFT_TIP)

    @property
    def grows(self) -> bool:
        """Whether the next append there extends its segment."""
        return self.may_extend == 1 and (not self.is_left or self.lease_claim is not None)


_COLUMNS: Final = ", ".join(name for name in EntryRow._fields if name != "payload")
"""What is kept of an entry beside its payload."""

_LIVE: Final = "created_at > :oldest and (expires_at is null or expires_at > :now)"

_INTACT: Final = """
    b.tip between 0 and {max_position} and b.turn between 0 and b.tip and b.floor between 0 and {last_position}
    and (b.may_extend = 0 or b.tip >= b.fork_position) and b.segment <= {max_owner}
    and case when b.parent is null then b.fork_position = 0 else b.parent < b.segment end
    and (b.segment = 0 and b.tip = 0 or exists (
        select 1 from {segments} g where g.id = b.segment and g.session = b.session
        and g.fork_position = b.fork_position and (coalesce(g.parent, 0) = coalesce(b.parent, 0) or exists (
            select 1 from {segments} p where p.id = b.parent and p.session = b.session
        )) and (g.holes = 1 or b.tip <= b.fork_position or exists (
            select 1 from {entries} e where e.id = case
            when b.segment between 0 and {max_owner} and b.tip between 0 and {max_position}
            then b.segment * {positions} + b.tip end
        ))
    ))
"""
"""Of a branch `b`: its end can be true, and its segment is the session's own. Whoever appends or reads goes by it.

A planner may compute the id for branches of other sessions, too, so it must not be too large for any of them.
"""

WORDS: Final = {
    # All columns of an entry, in the order in which `log/core/reader.py` and `log/encryption/associated_data.py` want
    # them.
    "entry": f"{_COLUMNS}, payload",
    "columns": _COLUMNS,
    # All columns of a branch but its session, and the name of a lease's holder.
    "tip_row": ", ".join(TipRow._fields),
    # Of entries: neither older than the reading session's time to live, nor beyond their own expiry.
    "live": _LIVE,
    # Of entries: without an expiry that spares them from purging by age. A summary has the expiry of the first item of
    # its range to expire; other items of the range may have none.
    "ages": f"(expires_at is null or kind = '{MARK}summary' and expires_at < {NEVER})",
    # Of entries: live, and no mark.
    "shown": f"{_LIVE} and substr(kind, 1, 1) <> '{MARK}'",
    "intact": _INTACT,
    # On Postgres, once a session's row has changed: its id is a topic.
    "tell_watchers": telling("session_id"),
}
