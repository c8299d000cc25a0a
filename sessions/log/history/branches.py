"""Making, naming and removing branches. A fork writes one row and copies nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from sessions.errors import BranchExistsError, BranchInUseError, TurnNotFoundError
from sessions.log.core.change_log import record_change
from sessions.log.core.changing import begin_session, change_head, change_session, lock_head
from sessions.log.core.entries import read_entries
from sessions.log.core.fencing import check_any_branch
from sessions.log.core.fork import fork
from sessions.log.core.gc import collect, find_seen
from sessions.log.core.heads import MAIN, find_head, lineage, name_of
from sessions.log.core.locking import bump_version
from sessions.log.core.turns import text_not_found, turn_at, turn_not_found, turn_start
from sessions.log.history.branch_list import forked_branch
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import entries as entry_statements
from sessions.log.statements import tips as tip_statements
from sessions.types import Comparison

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.heads import Head, Stretch
    from sessions.types import Branch


class ForkPlace(NamedTuple):
    """The place where a new branch forks off: the first of these that is given, else the source's head.

    Attributes:
        turn: Before this turn's first item.
        position: Behind this position.
        matches: Before the first message of a user for which this is true.
        wanted: The text that `matches` looks for, for the error.
    """

    turn: int | None = None
    position: int | None = None
    matches: Callable[[Any], bool] | None = None
    wanted: str = ""


def create_branch(
    tx: Transaction,
    conversation: Conversation,
    now: int,
    name: str,
    *,
    source: str | None,
    place: ForkPlace,
    switch: bool,
) -> tuple[tuple[Branch, str], list[int]]:
    """Create a branch as a fork of another one at a place.

    Returns:
        Its record as from `list_branches`, with its name as it is found from now on; and the positions of earlier
        messages that might match, too, but cannot be decoded.

    Raises:
        BranchExistsError: The name is taken.
        TurnNotFoundError: The source has no such place.
        UnknownBranchError: The session has no branch `source`.
    """
    session_id = conversation.session_id
    found = change_head(tx, conversation, now, source, guard=False)
    locked = found[0] if found else begin_session(tx, conversation, now)
    head = found[1] if found else cast("Head", find_head(tx, conversation))
    stretches = lineage(tx, head)
    try:
        tip, turn, undecodable = _fork_position(tx, conversation, head, stretches, place)
    except TurnNotFoundError:
        # Of two errors, this one is told.
        if _is_taken(tx, session_id, name):
            raise _taken(session_id, name) from None
        raise
    made = name != MAIN and fork(tx, locked._replace(branch=name), head, stretches, tip=tip, turn=turn, now=now)
    if not made:
        raise _taken(session_id, name)
    if switch:
        tx.run(branch_statements.SWITCH, session=head.session, branch=name)
    record_change(tx, locked, "branched", now)
    listed = forked_branch(tx, conversation, head, name, (tip, turn), current=switch, now=now)
    return (listed, name_of(name, locked.session, locked.version)), undecodable


def _is_taken(tx: Transaction, session_id: str, name: str) -> bool:
    _, _, found, *_ = tx.the(branch_statements.HEAD, session_id=session_id, branch=name)
    return name == MAIN or found is not None


def _taken(session_id: str, name: str) -> BranchExistsError:
    return BranchExistsError(
        f"session {session_id!r}: the branch name {name!r} has already been used. Nothing was changed. Choose another "
        "name, or delete that branch."
    )


def _fork_position(
    tx: Transaction, conversation: Conversation, head: Head, stretches: list[Stretch], place: ForkPlace
) -> tuple[int, int, list[int]]:
    """Return the last position that a new branch shares, the number of turns up to there, and undecodable positions.

    Those are the positions of earlier messages that might match, too.
    """
    session_id = conversation.session_id
    turn = place.turn
    undecodable: list[int] = []
    if place.matches is not None:
        entries, unread = read_entries(tx, head.reader, stretches, (0, head.tip), entry_statements.USERS_FORWARD)
        found = next((entry for entry in entries if place.matches(entry.item)), None)
        if found is None:
            but = f"; those at positions {', '.join(map(str, unread))} cannot be read" if unread else ""
            raise text_not_found(session_id, head, place.wanted, but)
        turn = found.turn
        undecodable = [position for position in unread if position < found.position]
    if turn is not None:
        if not 1 <= turn <= head.turn:
            raise turn_not_found(session_id, head, f"turn {turn}")
        return turn_start(tx, stretches, turn) - 1, turn - 1, undecodable
    if place.position is None:
        return head.tip, head.turn, undecodable
    if not 0 <= place.position <= head.tip:
        raise TurnNotFoundError(
            f"session {session_id!r}: branch {head.branch!r} has no position {place.position}: it ends at "
            f"{head.tip}. Nothing was changed. Take a position from entries()."
        )
    return place.position, turn_at(tx, stretches, place.position), undecodable


def switch_branch(tx: Transaction, conversation: Conversation, now: int, name: str) -> str:
    """Make a branch the session's current one, and return its name as it was found.

    Raises:
        UnknownBranchError: The session has no such branch.
    """
    locked = change_session(tx, conversation, now, name, guard=False)
    if locked is None:
        return MAIN
    head: Any = find_head(tx, conversation, name)
    if locked.current != name:
        tx.run(branch_statements.SWITCH, session=locked.session, branch=name)
        record_change(tx, locked, "switched", now)
    return cast("Head", head).branch


def rename_branch(tx: Transaction, conversation: Conversation, now: int, name: str, new: str) -> None:
    """Rename a branch, unless it is held, because its holder and the waiting callers know it by its name.

    Raises:
        BranchExistsError: The new name is taken.
        BranchInUseError: It is ``main``, or the change is made under a lease on it.
        LeaseLostError: The change is made under a lease that was lost.
        SessionBusyError: Another caller holds it.
        UnknownBranchError: The session has no such branch.
    """
    session_id = conversation.session_id
    session = _lock_other_than_main(tx, conversation, now, name, "rename")
    if name == new:
        return
    if _is_taken(tx, session_id, new):
        raise _taken(session_id, new)
    locked: Any = bump_version(tx, conversation, now, guard=False)
    if check_any_branch(tx, conversation, session, name, now, alone=True):
        raise BranchInUseError(
            f"session {session_id!r}: this object itself holds a lease on branch {name!r}. Nothing was "
            "changed. Rename it after the lease."
        )
    for statement in (branch_statements.RENAME_BRANCH, tip_statements.RENAME_OWNER, branch_statements.RENAME_ORIGIN):
        tx.run(statement, session=session, branch=name, new=new)
    if locked.branch == name:
        tx.run(branch_statements.SWITCH, session=session, branch=new)
    record_change(tx, locked, "renamed", now)


def delete_branch(tx: Transaction, conversation: Conversation, now: int, name: str, *, force: bool) -> None:
    """Remove a branch, and the entries that only it could see.

    Raises:
        BranchInUseError: It is ``main``, or the current one and not `force`, which makes ``main`` the current one.
        LeaseLostError: The change is made under a lease that was lost.
        SessionBusyError: Another caller holds an exclusive lease on it.
        UnknownBranchError: The session has no such branch.
    """
    session_id = conversation.session_id
    session = _lock_other_than_main(tx, conversation, now, name, "delete")
    locked: Any = bump_version(tx, conversation, now, guard=False)
    check_any_branch(tx, conversation, session, name, now)
    if locked.branch == name:
        if not force:
            raise BranchInUseError(
                f"Cannot delete current branch {name!r} of session {session_id!r}. Nothing was changed. Use "
                "force=True or switch branches first."
            )
        tx.run(branch_statements.SWITCH, session=session, branch=MAIN)
    before = find_seen(tx, session)
    tips = {tip: row for tip, *row in tx.all(branch_statements.TIPS, session=session)}
    _, _, _, _, _, _, origin, position, turn, *_ = tips[name]
    tx.run(branch_statements.ADOPT, session=session, branch=name, forked_from=origin, position=position, turn=turn)
    # Attempts of the branch have left tips, too, where they were repaired.
    owners = {tip: row[3] for tip, row in tips.items()}
    for going in (name, *(tip for tip, owner in owners.items() if owner == name and tip in owners.values())):
        tx.run(branch_statements.DELETE_BRANCH, session=session, branch=going)
    collect(tx, session, before)
    record_change(tx, locked, "branch_deleted", now)


def _lock_other_than_main(tx: Transaction, conversation: Conversation, now: int, name: str, what: str) -> int:
    """Lock the session of a branch that is there and not ``main``; return its internal id."""
    if name == MAIN:
        raise BranchInUseError(
            f"Cannot {what} the 'main' branch of session {conversation.session_id!r}. Nothing was changed. To "
            "empty the session, use clear_session()."
        )
    return cast("Head", lock_head(tx, conversation, now, name, guard=False)).session


def compare_branches(
    tx: Transaction, conversation: Conversation, first: str, second: str
) -> tuple[Comparison, list[int]]:
    """Return the common items of two branches, the items of only one, and the positions that could not be decoded.

    Raises:
        UnknownBranchError: The session has no such branch.
    """
    heads = [head for name in (first, second) if (head := find_head(tx, conversation, name))]
    if not heads:
        return Comparison([], [], [], 0), []
    stretches = [lineage(tx, head) for head in heads]
    position = common_position(*stretches)
    undecodable: list[int] = []

    def items(which: int, low: int, high: int) -> list[Any]:
        entries, bad = read_entries(tx, heads[which].reader, stretches[which], (low, high))
        undecodable.extend(bad)
        return [entry.item for entry in entries]

    tips = [head.tip for head in heads]
    common = items(0, 0, position)
    return Comparison(common, items(0, position, tips[0]), items(1, position, tips[1]), position), undecodable


def common_position(first: list[Stretch], second: list[Stretch]) -> int:
    """Return the last position that two lineages share; 0 without any."""
    highest = {stretch.segment: stretch.high for stretch in first}
    return max(
        (min(highest[stretch.segment], stretch.high) for stretch in second if stretch.segment in highest), default=0
    )
