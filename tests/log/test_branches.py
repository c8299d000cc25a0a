"""Forked conversations: each branch reads and grows as if it were alone, and nothing is copied."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from .bare_log import MAIN, BareLog, assistant, contents, user

if TYPE_CHECKING:
    from collections.abc import Callable


def three_levels(log: BareLog) -> None:
    """Make main = abcdefg, what-if = abcdXY (forked after d), third = abcdX1 (forked after X); users say a, c, e, X."""
    log.append(user("a"), assistant("b"), user("c"), assistant("d"))
    log.fork("what-if", position=4, turn=2)
    log.append(user("e"), assistant("f"), assistant("g"))
    log.switch("what-if")
    log.append(user("X"), assistant("Y"))
    log.fork("third", position=5, turn=3)
    log.switch("third")
    log.append(assistant("1"))


def views(log: BareLog, limit: int | None = None) -> dict[str, str]:
    """Return what each branch reads."""
    current = log.session_row()["branch"]
    found = {}
    for row in log.rows("select name from agent_log_branches order by name"):
        log.switch(row["name"])
        found[row["name"]] = contents(log.read(limit=limit))
    log.switch(current)
    return found


# Fails without: log/core/extend.py, `if advanced is None:`
def test_three_levels_of_branches_read_along_their_lineage(log: BareLog) -> None:
    three_levels(log)

    assert views(log) == {"main": "abcdefg", "what-if": "abcdXY", "third": "abcdX1"}
    assert len(log.entries()) == len("abcdefg") + len("XY") + len("1"), "an entry is stored once"
    assert {name: log.branch(name=name)["turn"] for name in views(log)} == {"main": 3, "what-if": 3, "third": 3}


@pytest.mark.parametrize("limit", range(8))
def test_limits_reach_across_segments(log: BareLog, limit: int) -> None:
    three_levels(log)

    expected = {"main": "abcdefg", "what-if": "abcdXY", "third": "abcdX1"}

    assert views(log, limit) == {name: text[max(0, len(text) - limit) :] for name, text in expected.items()}


def parent_entry(log: BareLog) -> dict[str, Any] | None:
    """Return the entry at the fork position of the current branch's segment, if the segment's parent holds it."""
    (segment,) = (row for row in log.rows("select * from agent_log_segments") if row["id"] == log.branch()["segment"])
    for entry in log.entries():
        if (entry["segment"], entry["position"]) == (segment["parent"], segment["fork_position"]):
            return {"content": json.loads(entry["payload"])["content"], "position": entry["position"]}
    return None


@pytest.mark.parametrize("pops", [0, 1, 2, 3, 5])
def test_a_forked_branch_grows_in_a_segment_of_its_own(log: BareLog, pops: int) -> None:
    three_levels(log)
    for _ in range(pops):
        log.pop()
    log.fork("fourth", position=log.branch()["tip"], turn=log.branch()["turn"])
    log.switch("fourth")

    log.append(assistant("!"))

    text = "abcdX1"[: 6 - pops]
    assert views(log) == {"main": "abcdefg", "what-if": "abcdXY", "third": text, "fourth": text + "!"}
    assert parent_entry(log) == {"content": text[-1], "position": len(text)}
    assert log.branch()["floor"] == len(text)


# Fails without: log/pop.py, `and position > head.floor`
def test_pop_deletes_above_the_floor_and_only_moves_the_tip_below_it(log: BareLog) -> None:
    log.append(*map(user, "abcd"))
    log.fork("what-if", position=2, turn=2)
    stored = []
    for _ in range(4):
        log.pop()
        branch = log.branch()
        stored.append((len(log.entries()), branch["tip"], branch["may_extend"]))

    assert stored == [(3, 3, 1), (2, 2, 1), (2, 1, 0), (2, 0, 0)]
    assert views(log) == {"main": "", "what-if": "ab"}


# Fails without: log/pop.py, `and position > head.floor`
def test_pop_never_deletes_what_a_branch_inherited(log: BareLog) -> None:
    three_levels(log)

    popped = "".join(log.pop()[0]["content"] for _ in range(6))

    assert popped == "1Xdcba"
    assert log.pop()[0] is None
    assert views(log) == {"main": "abcdefg", "what-if": "abcdXY", "third": ""}
    assert len(log.entries()) == 9


# Fails without: log/statements/branches.py, `may_extend = :may_extend` (of MOVE_TIP)
# Fails without: log/core/extend.py, `next((stretch.segment for stretch in lineage(tx, head)), None)` (as
# `head.segment`)
@pytest.mark.parametrize("pops", range(1, 7))
def test_an_append_after_popping_what_others_see_writes_over_nothing(log: BareLog, pops: int) -> None:
    three_levels(log)
    for _ in range(pops):
        log.pop()

    log.append(user("n"), assistant("m"))
    log.append(assistant("o"))

    text = "abcdX1"[: 6 - pops] + "nmo"
    assert views(log) == {"main": "abcdefg", "what-if": "abcdXY", "third": text}
    assert log.branch()["turn"] == sum(letter in "aceXn" for letter in text)
    if pops > 1:
        assert parent_entry(log) == ({"content": text[-4], "position": len(text) - 3} if text[:-3] else None)


def test_the_source_popped_below_the_fork_goes_on_in_a_segment_of_its_own(log: BareLog) -> None:
    three_levels(log)
    log.switch(MAIN)
    for _ in range(5):
        log.pop()

    log.append(user("z"))

    assert views(log) == {"main": "abz", "what-if": "abcdXY", "third": "abcdX1"}


def test_a_branch_from_before_everything_is_empty_and_grows(log: BareLog) -> None:
    three_levels(log)
    log.fork("fresh", position=0, turn=0)
    log.switch("fresh")

    assert log.read() == []
    assert log.pop()[0] is None
    log.append(user("q"))

    assert views(log) == {"main": "abcdefg", "what-if": "abcdXY", "third": "abcdX1", "fresh": "q"}


# Fails without: db/dialect.py, `integer primary key autoincrement` (of segments)
@pytest.mark.parametrize("remove", [BareLog.clear, BareLog.delete], ids=["clear", "delete"])
def test_ids_of_segments_are_never_used_again(log: BareLog, remove: Callable[[BareLog], object]) -> None:
    seen: set[int] = set()
    for _ in range(3):
        three_levels(log)
        segments = {row["id"] for row in log.rows("select id from agent_log_segments")}
        assert not segments & seen
        seen |= segments
        remove(log)
        log.switch(MAIN)
