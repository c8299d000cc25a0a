"""Attempts: a way of a branch that is written aside, and becomes the branch's own in one transaction, or not.

An attempt is a tip that its branch left (`log/core/reflog.py`) and that somebody still writes to: its row has a claim.
So a killed process leaves a sibling behind, branches do not list it, and garbage collection spares its entries.

An attempt from the end of a branch takes over the branch's segment, so that trying and succeeding opens no new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sessions.log.core.change_log import record_change
from sessions.log.core.changing import begin_session, change_session
from sessions.log.core.entry_rows import forget_left_segment
from sessions.log.core.extend import ensure_row
from sessions.log.core.fork import origin_of
from sessions.log.core.gc import collect, find_seen
from sessions.log.core.heads import NUMBERS, attempt_of, attempt_over, entry_at, find_head, lineage, name_of, number_of
from sessions.log.core.item_keys import share_popped
from sessions.log.core.locking import bump_version, guard_branch, lock_session
from sessions.log.core.reflog import forget_ways_forward, keep_tip, move_tip, name_of_tip, settle_ways_forward
from sessions.log.core.turns import turn_not_found
from sessions.log.history.undo import start_of_turn
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import entries as entry_statements
from sessions.log.statements import leases as lease_statements
from sessions.log.statements import records as record_statements
from sessions.log.statements import tips as tip_statements

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.heads import Head, Stretch
    from sessions.log.core.locking import LockedSession


class Attempt(NamedTuple):
    """An attempt that has begun.

    Attributes:
        name: The name of its row, which is one of a tip that a branch left.
        branch: The branch's name then.
        entry: The id of the branch's last entry then; 0 without any.
        start: The position after which it began.
    """

    name: str
    branch: str
    entry: int
    start: int


def begin_attempt(
    tx: Transaction, conversation: Conversation, now: int, *, branch: str | None, turn: int | None, claim: str
) -> Attempt:
    """Begin an attempt before a turn of a branch, or at its end; make the session if there is none.

    Raises:
        TurnNotFoundError: The branch has no such turn.
        LeaseLostError: The conversation's lease was lost.
        SessionBusyError: Another caller holds an exclusive lease on the branch.
        UnknownBranchError: The session has no such branch.
    """
    locked = change_session(tx, conversation, now, branch)
    if locked is None:
        if turn is not None:
            raise turn_not_found(conversation.session_id, None, f"turn {turn}")
        locked = begin_session(tx, conversation, now, branch)
    head: Any = find_head(tx, conversation, branch or locked.branch)
    if not head.segment and not head.tip:
        ensure_row(tx, locked._replace(branch=head.branch), now)
        head = find_head(tx, conversation, head.branch)
    stretches = lineage(tx, head)
    tip, turns = head.tip, head.turn
    if turn is not None:
        tip, turns = start_of_turn(tx, conversation, head, stretches, turn) - 1, turn - 1
    origin = origin_of(stretches, tip)
    extends = turn is None and bool(head.may_extend)
    if extends:
        # The segment that the branch could extend is the attempt's to extend now.
        origin = {"segment": head.segment, "parent": head.parent, "fork_position": head.fork_position}
        tx.run(branch_statements.SET_GROWTH, session=head.session, branch=head.branch, may_extend=0)
    name = name_of_tip(locked.version)
    made = {"name": name, "owner": head.branch, "claim": claim, "tip": tip, "turn": turns, "may_extend": int(extends)}
    tx.run(tip_statements.BEGIN_ATTEMPT, session=head.session, version=locked.version, now=now, **made, **origin)
    tx.run(branch_statements.RAISE_FLOOR, session=head.session, segment=origin["segment"], position=tip)
    record_change(tx, locked, "attempt_begun", now)
    return Attempt(name_of(name, head.session, locked.version), head.branch, entry_at(stretches, head.tip), tip)


class Refused(NamedTuple):
    """An attempt that did not become the branch's way, as the branch was changed; it stays as one that was left.

    Attributes:
        branch: The branch.
        version: The session's version now.
        kept: Whether it added something, which stays.
    """

    branch: str
    version: int
    kept: bool


def commit_attempt(tx: Transaction, conversation: Conversation, now: int, attempt: Attempt) -> str | Refused:
    """Let a branch go on where an attempt of it ends, if nobody has moved the branch since the attempt began.

    Returns:
        The branch's name as it is found from now on; or why not.

    Raises:
        ConflictError: The attempt is gone, with its branch or with all the session held.
        LeaseLostError: The conversation's lease was lost.
        SessionBusyError: Another caller holds an exclusive lease on the branch.
    """
    locked = bump_version(tx, conversation, now, guard=False)
    owner = locked and _owner(tx, locked.session, attempt.name)
    if locked is None or owner is None:
        raise attempt_over(conversation.session_id)
    locked = locked._replace(branch=owner)
    guard_branch(tx, locked, now)
    old, new = _way(tx, conversation, owner), _way(tx, conversation._replace(lease=None), attempt.name)
    if old.entry != attempt.entry or not _is_older(tx, attempt):
        kept = _leave(tx, locked, old, new)
        record_change(tx, locked, "attempt_kept", now)
        return Refused(owner, locked.version, kept)
    if old.leads_to(new):
        # It added nothing that stays: at most it went back.
        before = find_seen(tx, locked.session)
        if new.head.tip < old.head.tip:
            _go_back(tx, locked, old.head, attempt.start, popped=new.head.tip < attempt.start, now=now)
            move_tip(tx, locked, new.head.tip, new.head.turn, may_extend=0, now=now)
        tx.run(tip_statements.RENAME_OWNER, session=locked.session, branch=attempt.name, new=owner)
        _forget(tx, locked, old.head, new.head)
        collect(tx, locked.session, before)
    else:
        _take_over(tx, locked, old, new, now)
    share_popped(tx, old.head, number_of(attempt.name))
    keys = {"session": locked.session, "attempt": attempt_of(attempt.name)}
    tx.run(record_statements.SHARE_ATTEMPTS_KEYS, **keys)
    record_change(tx, locked, "attempt_chosen", now)
    return old.head.branch


def _go_back(tx: Transaction, locked: LockedSession, head: Head, start: int, *, popped: bool, now: int) -> None:
    """Keep the entries that a branch leaves, for redo, unless a pop went back further than the attempt's start."""
    if not popped:
        keep_tip(tx, locked, now, pending=True)
    elif start == head.tip:
        forget_ways_forward(tx, head)
    elif not settle_ways_forward(tx, head):
        keep_tip(tx, locked, now, pending=False)


def _take_over(tx: Transaction, locked: LockedSession, old: _Way, new: _Way, now: int) -> None:
    session, branch, name = locked.session, locked.branch, new.head.branch
    went_on = new.leads_to(old)
    if not settle_ways_forward(tx, old.head) and not went_on:
        keep_tip(tx, locked, now, pending=False)
    moved = {"branch": branch, "name": name, "alone": 1, "version": locked.version, "now": now}
    tx.run(tip_statements.MOVE_TO_TIP, session=session, **moved)
    tx.run(tip_statements.RENAME_OWNER, session=session, branch=name, new=branch)
    tx.run(tip_statements.FORGET_TIP, session=session, name=name)
    left = old.head.segment
    if went_on and left not in {0, new.head.segment} and old.head.tip <= old.head.fork_position:
        # The branch held nothing of its own there.
        forget_left_segment(tx, session, left)


def end_attempt(tx: Transaction, conversation: Conversation, now: int, name: str, *, drop: bool) -> None:
    """End an attempt that failed: keep it as a way that its branch left, or remove the entries that only it can see.

    Nothing is done if it has ended. No lease is asked for, as no branch is changed.
    """
    session = lock_session(tx, conversation.session_id)
    owner = None if session is None else _owner(tx, session, name)
    if owner is None:
        return
    conversation = conversation._replace(lease=None)
    locked: Any = bump_version(tx, conversation, now, owner, guard=False)
    old, new = _way(tx, conversation, owner), _way(tx, conversation, name)
    if drop:
        _free_keys(tx, new.head)
        _forget(tx, locked, old.head, new.head)
    else:
        _leave(tx, locked, old, new)
    record_change(tx, locked, "attempt_dropped" if drop else "attempt_kept", now)


def abandon_attempt(tx: Transaction, conversation: Conversation, now: int, claim: str) -> None:
    """Remove an attempt whose beginning was not answered, by its claim; nothing is done if it has not begun."""
    session = lock_session(tx, conversation.session_id)
    row = None if session is None else tx.one(lease_statements.CLAIMED, session=session, claim=claim)
    if row is not None:
        end_attempt(tx, conversation, now, row[0], drop=True)


def _owner(tx: Transaction, session: int, name: str) -> str | None:
    row = tx.one(tip_statements.OWNER_OF_TIP, session=session, name=name)
    return None if row is None else str(row[0])


def _is_older(tx: Transaction, attempt: Attempt) -> bool:
    """Tell whether the entry with which the branch ended is no other one, which was put in its place since."""
    ids = {"low": attempt.entry - 1, "high": attempt.entry}
    row = tx.one(entry_statements.LAST_VERSION, **ids) if attempt.entry else None
    return row is None or int(row[1]) < number_of(attempt.name) % NUMBERS


class _Way(NamedTuple):
    """A branch, or an attempt, with its lineage."""

    head: Head
    stretches: list[Stretch]

    @property
    def entry(self) -> int:
        """The id of its last entry; 0 without any."""
        return entry_at(self.stretches, self.head.tip)

    def leads_to(self, other: _Way) -> bool:
        """Tell whether it goes through the end of another one, or ends there, too."""
        return other.head.tip <= self.head.tip and entry_at(self.stretches, other.head.tip) == other.entry


def _way(tx: Transaction, conversation: Conversation, name: str) -> _Way:
    head: Any = find_head(tx, conversation, name)
    return _Way(head, lineage(tx, head))


def _leave(tx: Transaction, locked: LockedSession, old: _Way, new: _Way) -> bool:
    """Make an attempt one of the ways that its branch left: late writers do not find it by its new name.

    Returns:
        Whether it stays: one that added nothing is removed.
    """
    _free_keys(tx, new.head)
    session, name, owner = locked.session, new.head.branch, old.head.branch
    tx.run(tip_statements.RENAME_OWNER, session=session, branch=name, new=owner)
    if old.leads_to(new):
        _forget(tx, locked, old.head, new.head)
        return False
    tx.run(tip_statements.LEAVE_ATTEMPT, session=session, branch=name, new=name_of_tip(locked.version))
    return True


def _free_keys(tx: Transaction, tried: Head) -> None:
    """Let the idempotency keys that an attempt used count as new: no branch has the items added with them."""
    tx.run(record_statements.FORGET_ATTEMPTS_KEYS, session=tried.session, attempt=attempt_of(tried.branch))


def _forget(tx: Transaction, locked: LockedSession, head: Head, tried: Head) -> None:
    """Remove an attempt, the tips that it left, and what only they led to.

    Its branch may extend its segment again if the attempt had that and left nothing there.
    """
    session = locked.session
    before = find_seen(tx, session)
    tx.run(branch_statements.DELETE_BRANCH, session=session, branch=tried.branch)
    place = tried.segment, tried.tip, tried.may_extend
    if place == (head.segment, head.tip, 1) and find_seen(tx, session).highest.get(head.segment, 0) <= head.tip:
        tx.run(branch_statements.SET_GROWTH, session=session, branch=head.branch, may_extend=1)
    collect(tx, session, before)
