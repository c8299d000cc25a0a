"""Marks: entries that models do not see, because they describe the conversation rather than belong to it.

Their kinds begin with a character that no item's kind begins with. They take a position, as every entry does, and so
are seen from wherever the branch is seen; they are no items: they count in no limit and in no number of items, and
belong to no turn's items. A session that has, or had, one is flagged, so that the statements of the hot path need not
look for them.

- A handover says to whom the conversation was handed on: ``{"type": "handover", "to": …, "note": …}``.
- A summary stands for a range of positions before it: ``{"type": "summary", "first": …, "last": …, "items": […],
  "made_at": …, "lifted": […], "waiting": […]}``; see `Covering`.
- An expansion reverts a summary before it: ``{"type": "expansion", "summary": …}``, by its position.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.clock import as_time
from sessions.items.waiting import Waiting, is_items
from sessions.log.conversation import NO_EXPIRY
from sessions.log.core.entry_ids import EntryId
from sessions.log.core.extend import NewEntry, add_entries
from sessions.log.core.heads import lineage
from sessions.log.core.item_keys import keys_of
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import entries as entry_statements
from sessions.log.words import MARK, EntryRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.db.transaction import Transaction
    from sessions.log.core.heads import Head
    from sessions.log.core.locking import LockedSession

HANDOVER: Final = f"{MARK}handover"
SUMMARY: Final = f"{MARK}summary"
EXPANSION: Final = f"{MARK}expansion"

_CONTENT: Final = ("first", "last", "items", "made_at", "lifted", "waiting")


class Covering(NamedTuple):
    """The content of a summary's entry.

    Attributes:
        position: Where its entry stands.
        first: The first position that it stands for.
        last: The last one.
        items: The items shown instead, oldest first.
        made_at: When it was made, in microseconds since 1970, UTC.
        lifted: The positions of summaries before `first` that had been reverted when it was made. The expansions may be
            in its range, which is not read.
        waiting: The calls in its range that may still be answered.
        row: Its entry, with all columns.
    """

    position: int
    first: int
    last: int
    items: list[Any]
    made_at: int
    lifted: list[int]
    waiting: list[Waiting]
    row: EntryRow

    @classmethod
    def of(cls, row: EntryRow, content: Any) -> Covering | None:
        """Return an entry's content; ``None`` if it is not a possible summary."""
        position = row.position
        try:
            first, last, items, made_at, lifted, waiting = (content[name] for name in _CONTENT)
            as_time(made_at)
            waiting = [Waiting.of(one) for one in waiting]
            is_sound = (
                0 < first <= last < position and is_items(items) and all(0 < summary < first for summary in lifted)
            )
        except (KeyError, TypeError, ValueError, OverflowError):
            return None
        return cls(position, first, last, items, made_at, lifted, waiting, row) if is_sound else None

    @property
    def range(self) -> tuple[int, int]:
        """Its range: two summaries of a branch have the same range only if one replaced the other."""
        return self.first, self.last

    def content(self, items: list[Any]) -> dict[str, Any]:
        """Return the content of the same summary's entry with other items."""
        return summary_content((*self[1:3], items, *self[4:7]))


def summary_content(values: Sequence[Any]) -> dict[str, Any]:
    """Return the content of a summary's entry; the values are `Covering`'s from `first` to `waiting`."""
    content = {"type": "summary", **dict(zip(_CONTENT, values, strict=True))}
    return {**content, "waiting": [list(waiting) for waiting in content["waiting"]]}


def summary_taken_back(content: Any) -> int:
    """Return the position of the summary that an expansion reverts; 0 if it does not say."""
    position = content.get("summary") if isinstance(content, dict) else None
    return position if isinstance(position, int) else 0


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

    The session has been given its wrapped keys, if it is to have some.

    Raises:
        LeaseLostError: It is added under a lease that was lost.
        SessionBusyError: Another caller holds an exclusive lease on the branch.
    """
    times = None if created_at is None else [created_at]
    how: dict[str, Any] = {"expires_at": expires_at, "countable": False, "copied": entry.source is not None}
    tip = add_entries(tx, locked, [entry], now, created_at=times, **how)
    flag_marks(tx, locked)
    return tip


def flag_marks(tx: Transaction, locked: LockedSession) -> None:
    """Flag a session whose entries are not all shown unchanged, so that readers check."""
    tx.run(branch_statements.FLAG_MARKS, session=locked.session)


def replace_summary(tx: Transaction, locked: LockedSession, summary: Covering, items: list[Any], now: int) -> None:
    """Replace a summary by one with the same range and other items. See `add_mark`."""
    (payload,) = locked.conversation.codec.encode_all([summary.content(items)])
    row = summary.row
    entry = NewEntry(payload, row.kind, None, row.author, source=EntryId(row.id, row.version))
    add_mark(tx, locked, entry, now, created_at=row.created_at, expires_at=row.expires_at)


def find_marks(tx: Transaction, head: Head, after: int) -> list[EntryRow]:
    """Return the marks of a branch behind a position, as rows of all columns, the oldest first.

    Those are there, too, that are too old for this reader: they are not for others.
    """
    rows: list[EntryRow] = []
    if head.annotated:
        visible = {**head.reader.visible, "oldest": NO_EXPIRY}
        for stretch in reversed(lineage(tx, head)):
            if after < stretch.high:
                found = tx.all(entry_statements.MARKS_FORWARD, **stretch.ids(max(after, stretch.low)), **visible)
                rows += map(EntryRow._make, found)
    return rows


def surviving(head: Head, marks: list[EntryRow], tip: int) -> list[EntryRow]:
    """Return the marks of a branch behind a position that keep their meaning when all other entries there are gone.

    A summary does if its range is left, and no later mark reverts or replaces it; an expansion if the summary that it
    reverts is left.
    """
    lifted: set[int] = set()
    later: set[tuple[int, int]] = set()
    kept: list[EntryRow] = []
    for row in reversed(marks):
        content = head.reader.open_or_unreadable(row)
        if row.kind == EXPANSION:
            taken_back = summary_taken_back(content)
            lifted.add(taken_back)
            stays = 0 < taken_back <= tip
        elif row.kind == SUMMARY:
            summary = Covering.of(row, content)
            stays = bool(
                summary and summary.last <= tip and summary.position not in lifted and summary.range not in later
            )
            if summary:
                later.add(summary.range)
        else:
            stays = True
        if stays:
            kept.append(row)
    return kept[::-1]


def put_back(
    tx: Transaction, locked: LockedSession, head: Head, marks: list[EntryRow], now: int, *, behind_new: bool = False
) -> None:
    """Put marks, or unreadable entries, unchanged at the end of the locked session's branch. See `add_mark`.

    Args:
        tx: A transaction.
        locked: The session.
        head: Where the branch ended when they were read.
        marks: The marks, as rows of all columns, the oldest first.
        now: The time, in microseconds since 1970, UTC.
        behind_new: Whether new entries are before them: versions rise with positions, so they get the new one, too.
    """
    keys = keys_of(tx, head, (row.id for row in marks))
    for (version, expires_at), group in groupby(marks, key=lambda row: (row.version, row.expires_at)):
        rows = list(group)
        add_entries(
            tx,
            locked,
            [
                NewEntry(
                    payload, row.kind, tool_name, row.author, keys.get(row.id), row.format, EntryId(row.id, row.version)
                )
                for row, (tool_name, payload) in zip(rows, map(head.reader.open_with_name, rows), strict=True)
            ],
            now,
            created_at=[row.created_at for row in rows],
            expires_at=expires_at,
            countable=False,
            version=None if behind_new else version,
            keyed=bool(keys),
            copied=True,
        )
