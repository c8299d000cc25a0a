"""Compaction: a summary replaces a range of a branch in the model's view, as a mark at its end; the range stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sessions.clock import NEVER
from sessions.errors import ConflictError, SummaryError
from sessions.items.kinds import PLACEHOLDER
from sessions.log.context.annotations import EXPANSION, HANDOVER, SUMMARY, Covering, add_mark, find_marks
from sessions.log.context.view import find_summaries
from sessions.log.context.walker import Walker
from sessions.log.core.change_log import record_change
from sessions.log.core.changing import change_head
from sessions.log.core.extend import NewEntry
from sessions.log.core.fencing import foresee, lease_of
from sessions.log.core.heads import MAIN, find_head, lineage
from sessions.log.core.locking import ensure_encrypted
from sessions.log.statements import corrections as correction_statements
from sessions.log.statements import entries as entry_statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.db.transaction import Transaction
    from sessions.items.waiting import Waiting
    from sessions.log.context.walker import Shown
    from sessions.log.conversation import Conversation
    from sessions.log.core.fencing import Lease
    from sessions.log.core.heads import Head


class Range(NamedTuple):
    """A part of a branch to be summarised, as it was when it was read.

    Attributes:
        branch: The branch's name.
        items: The items in it that models see, oldest first.
        first: Its first position.
        last: Its last one.
        created_at: When the oldest of its entries was made.
        expires_at: When the first of them expires; ``None`` if none does.
        lifted: The positions of reverted summaries before it.
        placeholders: The indexes of placeholders among the items.
        waiting: The calls behind its summaries that may still be answered.
        state: Equal as long as it is the same.
    """

    branch: str
    items: list[Any]
    first: int
    last: int
    created_at: int
    expires_at: int | None
    lifted: list[int]
    placeholders: set[int]
    waiting: list[Waiting]
    state: object


def find_range(
    tx: Transaction,
    conversation: Conversation,
    branch: str | None,
    choose: Callable[[list[Shown], Callable[[], int]], tuple[int, int]],
    *,
    alone: bool = False,
) -> tuple[Range | None, list[int], str]:
    """Return the part of a branch to be summarised.

    Args:
        tx: A transaction.
        conversation: The session.
        branch: The branch; the current one unless named.
        choose: Returns the indexes of the first one that is to be, and of the first one behind it that is not. It is
            given the shown items, and a function that returns the position up to which all items are of finished runs.
        alone: Whether to leave the branch alone while another caller holds it, even if that lease is not exclusive.

    Returns:
        The range, ``None`` if it is empty; the positions of entries that could not be decoded; and the branch's name.

    Raises:
        LeaseLostError: The conversation's lease was lost.
        SessionBusyError: Another caller holds an exclusive lease on the branch.
        UnknownBranchError: The session has no such branch.
        DecryptionError: The session is encrypted with another key, or a payload was altered.
    """
    head = find_head(tx, conversation, branch)
    if head is None:
        return None, [], MAIN
    walker = Walker(tx, head)
    shown, undecodable = walker.all()
    start, end = choose(shown, lambda: _over(lease_of(tx, head.session, head.branch), head, conversation.now))
    chosen = shown[start:end]
    if not chosen:
        return None, undecodable, head.branch
    foresee(tx, conversation, head.session, head.branch, conversation.now, alone=alone)
    first, last = chosen[0].range[0], chosen[-1].range[1]
    # It must not outlive its range.
    expiries = {one.row.expires_at for one in chosen}
    found_range = Range(
        head.branch,
        [one.item for one in chosen],
        first,
        last,
        created_at=min(one.row.created_at for one in chosen),
        expires_at=min(
            (at for at in expiries if at is not None and at < NEVER), default=None if None in expiries else NEVER
        ),
        lifted=sorted(position for position in walker.lifted if position < first),
        placeholders={index for index, one in enumerate(chosen) if one.row.kind == PLACEHOLDER},
        waiting=[
            waiting
            for summary in {one.summary.position: one.summary for one in chosen if one.summary}.values()
            for waiting in walker.left_waiting(summary)
        ],
        state=_state(tx, head, first, last),
    )
    return found_range, undecodable, head.branch


def put_summary(
    tx: Transaction, conversation: Conversation, now: int, found: Range, payload: bytes, *, author: str | None
) -> int:
    """Replace a range by a summary, and return the position of the summary's entry.

    Raises:
        ConflictError: The range has changed since it was read.
        LeaseLostError: The conversation's lease was lost.
        SessionBusyError: Another caller holds an exclusive lease on the branch.
        UnknownBranchError: The branch is not there any more.
    """
    there = change_head(tx, conversation, now, found.branch)
    if there is None or _state(tx, there[1], found.first, found.last) != found.state:
        raise ConflictError(
            f"session {conversation.session_id!r}: the items on branch {found.branch!r} changed while they "
            "were being summarised. Nothing was changed. Try again.",
            there[0].version - 1 if there else 0,
        )
    locked = ensure_encrypted(tx, there[0])
    entry = NewEntry(payload, SUMMARY, None, author)
    position = add_mark(tx, locked, entry, now, created_at=found.created_at, expires_at=found.expires_at)
    record_change(tx, locked, "compacted", now)
    return position


def take_back(
    tx: Transaction,
    conversation: Conversation,
    now: int,
    *,
    branch: str | None,
    author: str | None,
) -> Covering:
    """Revert a branch's latest summary, and return it.

    Raises:
        SummaryError: The branch has no summary.
        LeaseLostError: The conversation's lease was lost.
        SessionBusyError: Another caller holds an exclusive lease on the branch.
        UnknownBranchError: The session has no such branch.
    """
    found = change_head(tx, conversation, now, branch)
    summaries = find_summaries(tx, found[1]) if found else []
    if found is None or not summaries:
        raise SummaryError(
            f"session {conversation.session_id!r}: branch {found[1].branch if found else MAIN!r} has no "
            "summary to revert. Nothing was changed. List summaries with summaries()."
        )
    latest = max(summaries, key=lambda summary: summary.position)
    (payload,) = conversation.codec.encode_all([{"type": "expansion", "summary": latest.position}])
    locked = ensure_encrypted(tx, found[0])
    add_mark(tx, locked, NewEntry(payload, EXPANSION, None, author), now, expires_at=latest.row.expires_at)
    record_change(tx, locked, "expanded", now)
    return latest


def list_summaries(tx: Transaction, conversation: Conversation, branch: str | None) -> tuple[list[Covering], str]:
    """Return the summaries of a branch that models see, in the order of their ranges, and the branch's name.

    Raises:
        UnknownBranchError: The session has no such branch.
    """
    head = find_head(tx, conversation, branch)
    return ([], MAIN) if head is None else (find_summaries(tx, head), head.branch)


def _over(lease: Lease, head: Head, now: int) -> int:
    """Return up to which position of a branch all was added in turns that are over; 0 where no turns are taken."""
    if lease.claim is None:
        return 0
    return lease.begins if lease.token and lease.until > now else head.tip


def _state(tx: Transaction, head: Head, first: int, last: int) -> object:
    """Return something that is equal as long as a range holds the same, and no summary concerns it that did not.

    A redaction keeps an entry's version, but its text must not come back in a summary.
    """
    entries = []
    for stretch in lineage(tx, head):
        ids = stretch.ids(max(first - 1, stretch.low), min(last, stretch.high))
        if ids["low"] < ids["high"]:
            entries += tx.all(entry_statements.VERSIONS, **ids, **head.reader.visible)
    corrected_in = tx.the(correction_statements.CORRECTED_IN, session=head.session)
    return entries, [row.id for row in find_marks(tx, head, last) if row.kind != HANDOVER], corrected_in
