"""Where turns begin, and their items."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final, cast

from sessions.clock import as_time
from sessions.db.ids import position_of
from sessions.errors import TurnNotFoundError
from sessions.log.core.entries import read_all_entries
from sessions.log.core.heads import MAIN, find_head, lineage
from sessions.log.core.reader import UNREADABLE
from sessions.log.statements import entries as entry_statements
from sessions.types import Turn

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.entries import StoredEntry
    from sessions.log.core.heads import Head, Stretch
    from sessions.log.core.reader import Reader

EXPIRED: Final = ", some of which have expired"
"""Added where a turn has a number but no items left."""

_PAGE: Final = 64
"""Entries asked for at a time when turns are looked for."""


def turn_not_found(session_id: str, head: Head | None, wanted: str, but: str = "") -> TurnNotFoundError:
    """Return the error for a missing turn, which names the existing turns and adds `but`."""
    return TurnNotFoundError(
        f"session {session_id!r}: {_branch(head)} has no {wanted}; it has {_turns(head)}{but}. "
        "Nothing was changed. List "
        "the turns with turns()."
    )


def cannot_undo(session_id: str, head: Head | None, turns: int, but: str = "") -> TurnNotFoundError:
    """Return the error for undoing more turns than a branch has."""
    most = head.turn if head else 0
    has = f"has {_turns(head)}{but}" if but else f"has only {most}" if most else "has none"
    number = f"{turns:,} turns" if turns > 1 else "a turn"
    return TurnNotFoundError(
        f"session {session_id!r}: cannot undo {number}: {_branch(head)} {has}. Nothing was changed. "
        "Count the turns with len(await session.turns())."
    )


def text_not_found(session_id: str, head: Head | None, text: str, but: str) -> TurnNotFoundError:
    """Return the error for a text that no user message contains. It begins with the OpenAI Agents SDK's words."""
    return TurnNotFoundError(
        f"No user turns found containing {text} in session {session_id!r}, on {_branch(head)}, "
        f"which has {_turns(head)}{but}. Nothing was changed. Search for another text."
    )


def _branch(head: Head | None) -> str:
    return f"branch {head.branch if head else MAIN!r}"


def _turns(head: Head | None) -> str:
    turns = head.turn if head else 0
    # Expired turns keep their numbers.
    return "no turns" if not turns else "turn 1" if turns == 1 else f"turns 1 to {turns}"


def turn_start(tx: Transaction, stretches: list[Stretch], turn: int) -> int:
    """Return the position of the first entry of a turn; 1 for turn 0.

    If a turn was purged completely, it is the next turn's first entry; without a next turn, the last position, whose
    entry is gone too.
    """
    if turn == 0:
        return 1
    holding = next(stretch for stretch in stretches if stretch.turn < turn)
    row = tx.the(entry_statements.TURN_START, segment=holding.segment, low=holding.low, high=holding.high, turn=turn)
    return position_of(row[0])


def nearest_turns(
    tx: Transaction,
    reader: Reader,
    stretches: list[Stretch],
    positions: tuple[int, int],
    count: int,
    *,
    backward: bool = True,
) -> list[int]:
    """Return up to `count` turns of which something is left between two positions, the first excluded.

    The last of them first, or, if not `backward`, the first one first.
    """
    low, high = positions
    statement = entry_statements.TURNS_BACKWARD if backward else entry_statements.TURNS_FORWARD
    found: dict[int, None] = {}
    for stretch in stretches if backward else reversed(stretches):
        ids = stretch.ids(max(low, stretch.low), min(high, stretch.high))
        while ids["low"] < ids["high"] and len(found) < count:
            rows = tx.all(statement, count=_PAGE, **ids, **reader.visible)
            found.update(dict.fromkeys(turn for _, turn in rows))
            if len(rows) < _PAGE:
                break
            last, _ = rows[-1]
            ids |= {"high": last - 1} if backward else {"low": last}
    return list(found)[:count]


def turn_at(tx: Transaction, stretches: list[Stretch], position: int) -> int:
    """Return the number of turns up to a position."""
    for stretch in stretches:
        if stretch.low < position:
            row = tx.one(entry_statements.LATEST_UP_TO, **stretch.ids(high=min(position, stretch.high)))
            return int(row[0]) if row else stretch.turn
    return 0


def read_turns(
    tx: Transaction,
    conversation: Conversation,
    *,
    branch: str | None,
    limit: int | None,
    before: int | None,
    after: int | None,
) -> tuple[list[Turn], list[int], str]:
    """Return up to `limit` turns, oldest first: the last ones, those before a position, or those after one.

    A turn counts as before or after a position if it begins there.

    Returns:
        The turns, the positions of entries that could not be decoded, and the branch's name.
    """
    head = find_head(tx, conversation, branch)
    if head is None:
        return [], [], MAIN
    stretches = lineage(tx, head)
    backward = after is None
    low, high = 0, head.tip
    if before is not None:
        high = min(high, before - 1)
    if after:
        # From the first turn that begins after it.
        turn = turn_at(tx, stretches, min(after, head.tip)) + 1
        low = turn_start(tx, stretches, turn) - 1 if turn <= head.turn else head.tip
    page = low, high
    if limit is not None and low < high:
        first, last = turn_at(tx, stretches, low + 1), turn_at(tx, stretches, high)
        if last - first >= limit:
            page = _page(tx, stretches, page, last - limit + 1 if backward else first + limit - 1, backward=backward)
    turns, undecodable = _as_turns(read_all_entries(tx, head.reader, stretches, page))
    if page != (low, high) and len(turns) < cast("int", limit):
        # Some of these have expired, and do not count.
        there = nearest_turns(tx, head.reader, stretches, (low, high), cast("int", limit), backward=backward)
        if there:
            page = _page(tx, stretches, (low, high), there[-1], backward=backward)
            turns, undecodable = _as_turns(read_all_entries(tx, head.reader, stretches, page))
    return turns, undecodable, head.branch


def _page(
    tx: Transaction, stretches: list[Stretch], positions: tuple[int, int], turn: int, *, backward: bool
) -> tuple[int, int]:
    """Return those between two positions that are in a turn or a later one; if not `backward`, or an earlier one."""
    low, high = positions
    if backward:
        return max(low, turn_start(tx, stretches, turn) - 1), high
    if turn >= turn_at(tx, stretches, high):
        return low, high
    return low, min(high, turn_start(tx, stretches, turn + 1) - 1)


def read_turn(
    tx: Transaction, conversation: Conversation, turn: int, branch: str | None
) -> tuple[Turn, list[int], str]:
    """Return one turn, the positions of its entries that could not be decoded, and the branch's name.

    Raises:
        TurnNotFoundError: The branch has no such turn.
    """
    head = find_head(tx, conversation, branch)
    if head is None or not 0 <= turn <= head.turn:
        raise turn_not_found(conversation.session_id, head, f"turn {turn}")
    stretches = lineage(tx, head)
    low = turn_start(tx, stretches, turn) - 1
    high = head.tip if turn == head.turn else turn_start(tx, stretches, turn + 1) - 1
    found, undecodable = _as_turns(read_all_entries(tx, head.reader, stretches, (low, high)))
    if not found:
        raise turn_not_found(conversation.session_id, head, f"turn {turn}", EXPIRED if turn else "")
    return found[0], undecodable, head.branch


def _as_turns(entries: list[StoredEntry]) -> tuple[list[Turn], list[int]]:
    """Return entries by their turns, and the positions of those that could not be decoded.

    A turn and its beginning do not depend on whether its items can be decoded.
    """
    turns = []
    for number, group in groupby(entries, key=lambda entry: entry.turn):
        of_turn = list(group)
        turns.append(
            Turn(
                number,
                [entry.item for entry in of_turn if entry.item is not UNREADABLE],
                of_turn[0].position,
                of_turn[-1].position,
                as_time(of_turn[0].created_at),
            )
        )
    return turns, [entry.position for entry in entries if entry.item is UNREADABLE]
