"""Marks: entries that no model is shown, as they say something of the conversation rather than in it.

Their kinds begin with a character that the kind of no item begins with. They take a position, as every entry does, and
so are seen from wherever the branch is seen; they are no items: they count in no limit and in no number of items, and
belong to no turn's items. A session that has, or had, one is flagged, so that the statements of the hot path need not
look for them.

- A handover says to whom the conversation was handed on: ``{"type": "handover", "to": …, "note": …}``.
- A summary stands for a range of positions before it: ``{"type": "summary", "first": …, "last": …, "items": […],
  "made_at": …}``.
- An expansion takes back a summary before it: ``{"type": "expansion", "summary": …}``, by its position.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from sessions.log import statements
from sessions.log.branch import lineage, position_of
from sessions.log.conversation import NO_EXPIRY
from sessions.log.dialect import MARK
from sessions.log.grow import NewEntry, add_entries

if TYPE_CHECKING:
    from sessions.log.branch import Head
    from sessions.log.session_row import LockedSession
    from sessions.log.transaction import Row, Transaction

HANDOVER: Final = f"{MARK}handover"
SUMMARY: Final = f"{MARK}summary"
EXPANSION: Final = f"{MARK}expansion"


def is_mark(kind: str) -> bool:
    """Tell whether an entry of this kind is a mark."""
    return kind.startswith(MARK)


def add_mark(
    tx: Transaction,
    locked: LockedSession,
    entry: NewEntry,
    now: int,
    *,
    created_at: int | None = None,
    expires_at: int | None = None,
) -> int:
    """Put a mark at the end of the locked session's branch, and return its position.

    Raises:
        LeaseLostError: It is added under a lease that was lost.
        SessionBusyError: Somebody else holds the branch, and keeps others out.
    """
    times = None if created_at is None else [created_at]
    tip = add_entries(tx, locked, [entry], now, created_at=times, expires_at=expires_at, countable=False)
    tx.run(statements.FLAG_MARKS, session=locked.session)
    return tip


def find_marks(tx: Transaction, head: Head, after: int) -> list[Row]:
    """Return the marks of a branch behind a position, as rows of all columns, the oldest first.

    Those are there, too, that are too old for this reader: they are not for others.
    """
    rows: list[Row] = []
    if head.marks:
        visible = {**head.reader.visible, "oldest": NO_EXPIRY}
        for stretch in reversed(lineage(tx, head)):
            if after < stretch.high:
                rows += tx.all(statements.MARKS_FORWARD, **stretch.ids(max(after, stretch.low)), **visible)
    return rows


def surviving(head: Head, marks: list[Row], tip: int) -> list[Row]:
    """Return those of a branch's marks behind a position that still say something when nothing else there is left.

    A summary does if it stands for what is left, and nothing behind it takes it back; an expansion if the summary that
    it takes back is left.
    """
    said = {position_of(row[0]): _read(head, row) for row in marks}
    lifted = {content.get("summary") for content in said.values()}
    kept = []
    for row in marks:
        position = position_of(row[0])
        content = said[position]
        if (
            row[3] == HANDOVER
            or (row[3] == SUMMARY and position not in lifted and content.get("last", tip + 1) <= tip)
            or (row[3] == EXPANSION and content.get("summary", tip + 1) <= tip)
        ):
            kept.append(row)
    return kept


def put_back(tx: Transaction, locked: LockedSession, head: Head, marks: list[Row], now: int) -> None:
    """Put marks at the end of the locked session's branch, as they were; from `head` they have been read."""
    for expires_at, group in groupby(marks, key=lambda row: row[7]):
        rows = list(group)
        entries = [NewEntry(head.reader.payload(row), row[3], None, row[5]) for row in rows]
        times = [row[6] for row in rows]
        add_entries(tx, locked, entries, now, created_at=times, expires_at=expires_at, countable=False)


def _read(head: Head, row: Row) -> dict[str, Any]:
    try:
        content = head.reader.open(row)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
