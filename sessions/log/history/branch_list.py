"""The list of a session's branches. Its cost depends on the numbers of tips and segments, not on that of entries."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sessions.clock import as_time
from sessions.db.ids import POSITION_BITS
from sessions.log.core.damage import read_segments, read_tips
from sessions.log.core.elsewhere import check_absent
from sessions.log.core.heads import MAIN, damaged
from sessions.log.core.ownership import check_owner
from sessions.log.core.reader import unlock
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import entries as entry_statements
from sessions.log.statements import sessions as session_statements
from sessions.log.words import LEFT_TIP
from sessions.types import Branch

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.heads import Head


def list_branches(tx: Transaction, conversation: Conversation) -> list[Branch]:
    """Return a session's branches in the order in which they were made; ``main``, which is always there, first."""
    row = tx.one(session_statements.SESSION_TIMES, session_id=conversation.session_id)
    if row is None:
        check_absent(tx, conversation)
        return []
    session, current, created_at, updated_at, owner, wrapped_keys = row
    check_owner(conversation, owner)
    unlock(conversation, wrapped_keys)
    origins = read_segments(tx, session)
    tips = read_tips(tx, session, origins)
    redoable = Counter(owner for _, _, _, _, owner, pending, *_ in tips if pending)
    made_from = {name: made_from for name, _, _, _, _, _, _, made_from, *_ in tips}
    named = {row[0]: row for row in tips if not row[0].startswith(LEFT_TIP)}
    if MAIN not in named:
        named = {MAIN: (MAIN, 0, 0, 0, None, 0, 0, None, None, None, created_at, updated_at, 0), **named}
    listed = []
    for name, segment, tip, turn, _, _, _, _, fork_position, fork_turn, created, updated, _ in named.values():
        items = _count(tx, conversation, origins, segment, tip)
        lineage = _ancestors(made_from, name)
        listed.append(
            Branch(
                name, name == current, items, turn, tip, lineage, fork_position, fork_turn, redoable[name],
                as_time(created), as_time(updated),
            )
        )  # fmt: skip
    return sorted(listed, key=lambda branch: branch.name != MAIN)


def forked_branch(
    tx: Transaction,
    conversation: Conversation,
    head: Head,
    name: str,
    place: tuple[int, int],
    *,
    current: bool,
    now: int,
) -> Branch:
    """Return the list's record of a branch that was created just now.

    Args:
        tx: A transaction.
        conversation: The session.
        head: The branch it was made from.
        name: Its name.
        place: Its tip and the number of turns up to there.
        current: Whether it is the session's current one.
        now: The time.
    """
    row = tx.the(branch_statements.COUNT_ITEMS, session=head.session, branch=name, **conversation.counted)
    before = (
        [] if head.branch == MAIN else tx.all(branch_statements.MADE_FROM, session=head.session, branch=head.branch)
    )
    tip, turn = place
    lineage = (*(origin for (origin,) in before), head.branch)
    return Branch(name, current, int(row[0]), turn, tip, lineage, tip, turn, 0, as_time(now), as_time(now))


def _ancestors(made_from: dict[str, str | None], name: str) -> tuple[str, ...]:
    found: list[str] = []
    origin = made_from.get(name)
    while origin is not None:
        if origin in found:
            raise damaged(f"branch {name!r} descends from itself")
        found.insert(0, origin)
        origin = made_from.get(origin)
    return tuple(found)


def _count(tx: Transaction, conversation: Conversation, origins: dict[int, list[Any]], segment: int, tip: int) -> int:
    """Return how many entries a tip sees: by positions where each holds one that stays, else counted."""
    count, high, at = 0, tip, segment
    while at in origins:
        parent, low, _, holes = origins[at]
        if low < high and (holes or conversation.ttl is not None):
            base = at << POSITION_BITS
            row = tx.the(entry_statements.COUNT_ENTRIES, low=base + low, high=base + high, **conversation.visible)
            count += row[0]
        else:
            count += max(0, high - low)
        at, high = parent, min(high, low)
    return count
