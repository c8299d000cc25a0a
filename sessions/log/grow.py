"""Putting entries at the end of a branch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sessions.log import statements
from sessions.log.branch import find_head, lineage
from sessions.log.classify import USER
from sessions.log.schema import SEGMENT_SHIFT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sessions.log.session_row import LockedSession
    from sessions.log.transaction import Transaction


class NewEntry(NamedTuple):
    """An item on its way into the log."""

    payload: bytes
    kind: str
    tool_name: str | None


def add_entries(
    tx: Transaction,
    session_id: str,
    locked: LockedSession,
    entries: Sequence[NewEntry],
    created_at: Sequence[int],
) -> int:
    """Put entries at the end of the locked session's current branch and return its new tip."""
    turns = sum(entry.kind == USER for entry in entries)
    place: dict[str, Any] = {"session": locked.session, "branch": locked.branch}
    advanced = tx.one(statements.ADVANCE_TIP, count=len(entries), turns=turns, **place)
    if advanced is None:
        _open_segment(tx, session_id, locked)
        advanced = tx.one(statements.ADVANCE_TIP, count=len(entries), turns=turns, **place)
    segment, tip, turn = advanced or ()
    first_id = (segment << SEGMENT_SHIFT) + tip - len(entries) + 1
    tx.many(statements.ADD_ENTRY, _rows(entries, created_at, first_id, locked.version, turn - turns))
    return int(tip)


def _rows(
    entries: Sequence[NewEntry], created_at: Sequence[int], first_id: int, version: int, turn: int
) -> Iterator[tuple[Any, ...]]:
    """Yield the values of `ADD_ENTRY`, in its order."""
    for id_, ((payload, kind, tool_name), time) in enumerate(zip(entries, created_at, strict=True), first_id):
        turn += kind == USER
        yield id_, version, turn, kind, tool_name, time, payload


def _open_segment(tx: Transaction, session_id: str, locked: LockedSession) -> None:
    """Give the branch a segment of its own, forked from the one that holds its tip's entry."""
    head = find_head(tx, session_id, locked.branch)
    parent, tip, turn = None, 0, 0
    if head is not None and head.branch is not None:
        tip, turn = head.tip, head.turn
        # Segments that were opened but never grew reach up to the tip as well; the oldest that does holds its entry.
        parent = [segment for segment, high in lineage(tx, head) if high == tip][-1] if tip else None
    row: Any = tx.one(statements.CREATE_SEGMENT, session=locked.session, parent=parent, fork_position=tip)
    (segment,) = row
    tx.run(
        statements.PUT_BRANCH,
        session=locked.session,
        branch=locked.branch,
        segment=segment,
        parent=parent,
        tip=tip,
        turn=turn,
    )
