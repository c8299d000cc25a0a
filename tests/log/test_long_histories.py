"""What many undone turns cost: as many steps more as there are more of them, counted and not timed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from sessions.log.core.turns import read_turn
from sessions.log.history.branch_list import list_branches
from sessions.log.history.siblings import choose_sibling, list_siblings
from sessions.log.history.tree import read_tree
from sessions.log.history.undo import undo

from .bare_log import BareLog, assistant, conversation, user

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

CONVERSATION = conversation("s")


def choose_the_other(log: BareLog) -> object:
    """Go there and back: what was listed is another one each time."""
    for _ in range(2):
        other = next(each for each in list_siblings(log.tx, CONVERSATION, 3, None) if not each.current)
        choose_sibling(log.tx, CONVERSATION, log.now(), other, None, pinned=False)
    return None


OPERATIONS: dict[str, Callable[[BareLog], object]] = {
    "siblings of the last turn": lambda log: list_siblings(log.tx, CONVERSATION, None, None),
    "siblings of an early turn": lambda log: list_siblings(log.tx, CONVERSATION, 3, None),
    "choose": choose_the_other,
    "read": lambda log: log.read(),
    "pop": lambda log: [log.pop() for _ in range(4)],
    "undo": lambda log: undo(log.tx, CONVERSATION, log.now(), branch=None, turns=50),
    "a turn": lambda log: read_turn(log.tx, CONVERSATION, 2, None),
    "list": lambda log: list_branches(log.tx, CONVERSATION),
    "tree": lambda log: read_tree(log.tx, CONVERSATION, None),
    "delete a branch": lambda log: log.delete_branch("other"),
}


def made(rounds: int) -> BareLog:
    """Return a log in which turns were undone and others added, each in a segment behind the last one's."""
    log = BareLog()
    for number in range(rounds):
        log.append(user(f"kept {number}"), assistant(f"answer {number}"), user(f"undone {number}"))
        undo(log.tx, CONVERSATION, log.now(), branch=None, turns=1)
    log.append(user("last"))
    log.fork("other", position=4, turn=2)
    return log


def lines_of(work: Callable[[BareLog], object], log: BareLog) -> int:
    """Return how many lines of the log's code it takes."""
    lines = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        if "/sessions/log/" not in frame.f_code.co_filename:
            return None
        lines += event == "line"
        return trace

    others = sys.gettrace()
    sys.settrace(trace)
    try:
        work(log)
    finally:
        sys.settrace(others)
        log.connection.close()
    return lines


@pytest.mark.parametrize("operation", OPERATIONS)
def test_twice_as_much_history_is_twice_the_work_and_not_four_times(operation: str) -> None:
    """
    Fails without: log/core/lineages.py, `found = self._below.get((at, turn))` (as `None`); log/core/gc.py,
    `and highest.get(segment, -1) < high`.
    """
    few, many = (lines_of(OPERATIONS[operation], made(rounds)) for rounds in (150, 300))
    assert many < 2.5 * few
