"""An entry that cannot be decoded is reported, counts in no limit, hides no other, and is never removed by pop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .bare_log import contents, user

if TYPE_CHECKING:
    from .bare_log import BareLog


# Fails without: log/context/view.py, `undecodable.append(position_of(row[0]))`
@pytest.mark.parametrize("limit", [None, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("spoiled", [(3,), (1,), (5,), (2, 4), (1, 2, 3, 4, 5)], ids=str)
def test_reading_goes_around_it(log: BareLog, spoiled: tuple[int, ...], limit: int | None) -> None:
    log.append(*map(user, "abcde"))
    log.spoil(*spoiled)

    items, undecodable = log.tail(limit=limit)

    readable = "".join(letter for position, letter in enumerate("abcde", 1) if position not in spoiled)
    assert contents(items) == (readable if limit is None else readable[-limit:])
    if limit is None:
        assert undecodable == sorted(spoiled, reverse=True)
    else:
        assert set(undecodable) <= set(spoiled)


def test_it_counts_in_no_limit_across_segments_either(log: BareLog) -> None:
    log.append(*map(user, "abcd"))
    log.fork("what-if", position=3, turn=3)
    log.switch("what-if")
    log.append(user("x"))
    log.append(user("y"))
    log.spoil(2, 4)

    assert [contents(log.read(limit=limit)) for limit in (1, 2, 3, 4)] == ["y", "cy", "acy", "acy"]


# Fails without: log/pop.py, the branch in `_remove` that leaves a hole
def test_pop_takes_the_last_that_decodes_and_leaves_the_others(log: BareLog) -> None:
    log.append(*map(user, "abcd"))
    log.spoil(2, 4)

    popped = [log.pop() for _ in range(3)]

    assert [item and item["content"] for item, _ in popped] == ["c", "a", None]
    assert [undecodable for _, undecodable in popped] == [[4], [4, 2], [4, 2]]
    assert [entry["position"] for entry in log.entries()] == [2, 4]
    log.append(user("e"))
    assert log.tail()[1] == [4, 2]
    assert contents(log.read()) == "e"


# Fails without: log/pop.py, `return None, undecodable` (under `if self.strict:`)
def test_a_strict_pop_removes_nothing(log: BareLog) -> None:
    log.append(*map(user, "ab"))
    log.spoil(2)
    before = (log.entries(), log.branch(), log.session_row())

    assert log.pop(strict=True) == (None, [2])
    assert (log.entries(), log.branch(), log.session_row()) == before


def test_pop_finds_an_item_behind_pages_of_them(log: BareLog) -> None:
    log.append(user("a"), *map(user, range(40)))
    log.spoil(*range(2, 42))

    assert log.pop() == (user("a"), list(range(41, 1, -1)))
    assert len(log.entries()) == 40


def test_popping_what_was_inherited_deletes_no_undecodable_entry_after_it(log: BareLog) -> None:
    """The tip goes back before both, since what was inherited cannot leave a hole; the entry is put back there."""
    log.append(*map(user, "ab"))
    log.fork("what-if", position=2, turn=2)
    log.switch("what-if")
    log.append(user("c"))
    log.spoil(3)

    assert log.pop() == (user("b"), [3])

    assert log.tail() == ([user("a")], [2])
    assert [entry["position"] for entry in log.entries()] == [1, 2, 2]
    log.append(user("d"))
    assert contents(log.read()) == "ad"
    assert len(log.entries()) == 4
