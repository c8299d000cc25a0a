"""Positions, turns, kinds and versions of a conversation with one branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .bare_log import MAIN, assistant, contents, user

if TYPE_CHECKING:
    from .bare_log import BareLog


# Fails without: log/core/extend.py, `turn += entry.kind == USER`
def test_positions_and_turns_rise_whatever_the_clock_says(log: BareLog) -> None:
    log.append(assistant("before any turn"), user("a"), assistant("b"))
    log.append(assistant("c"))
    log.append(user("d"), user("e"), assistant("f"))

    entries = log.entries()

    assert [entry["position"] for entry in entries] == [1, 2, 3, 4, 5, 6, 7]
    assert [entry["turn"] for entry in entries] == [0, 1, 1, 1, 2, 3, 3]
    assert [entry["version"] for entry in entries] == [1, 1, 1, 2, 3, 3, 3]
    assert [entry["kind"] for entry in entries] == [
        "assistant", "user", "assistant", "assistant", "user", "user", "assistant"
    ]  # fmt: skip
    assert entries[0]["created_at"] > entries[-1]["created_at"], "the times of this log go backwards"
    assert {key: log.branch()[key] for key in ("name", "tip", "turn", "floor", "may_extend")} == {
        "name": MAIN, "tip": 7, "turn": 3, "floor": 0, "may_extend": 1
    }  # fmt: skip


# Fails without: log/statements/sessions.py, `set version = version + 1`
def test_every_change_raises_the_version_and_reading_does_not(log: BareLog) -> None:
    versions = []
    for change in (
        lambda: log.append(user("a"), user("b")),
        lambda: log.append(assistant("c")),
        log.pop,
        log.clear,
        log.clear,
        lambda: log.append(user("d")),
    ):
        change()
        log.read()
        versions.append(log.session_row()["version"])

    assert versions == [1, 2, 3, 4, 5, 6]


def test_nothing_happened_when_there_is_nothing_to_pop(log: BareLog) -> None:
    assert log.pop()[0] is None
    log.clear()
    assert log.sizes()["sessions"] == 0

    log.append(user("a"))
    log.pop()
    version = log.session_row()["version"]

    assert log.pop()[0] is None
    assert log.session_row()["version"] == version


# Fails without: log/pop.py, `turn = row.turn - (row.kind == USER)`
def test_the_turn_goes_back_with_the_user_message_that_began_it(log: BareLog) -> None:
    log.append(user("a"), assistant("b"), user("c"), assistant("d"))
    turns = []
    while log.pop()[0] is not None:
        turns.append((log.branch()["tip"], log.branch()["turn"]))

    assert turns == [(3, 2), (2, 1), (1, 1), (0, 0)]

    log.append(assistant("e"), user("f"))

    assert [(entry["position"], entry["turn"]) for entry in log.entries()] == [(1, 0), (2, 1)]


# Fails without: log/statements/extend.py, `where session = :session` (the session)
def test_sessions_do_not_see_each_other(log: BareLog) -> None:
    names = ["s", "S", "s ", "ş", "'; drop table agent_log_entries; --"]
    for round_ in range(2):
        for name in names:
            log.append(user(round_), assistant(name), to=name)
    log.pop("S")
    log.clear("s ")
    log.delete("ş")

    found = {name: [item["content"] for item in log.read(name)] for name in names}

    assert found == {
        "s": ["0", "s", "1", "s"],
        "S": ["0", "S", "1"],
        "s ": [],
        "ş": [],
        names[-1]: ["0", names[-1], "1", names[-1]],
    }


def test_limits_take_the_latest_items_oldest_first(log: BareLog) -> None:
    log.append(*map(user, "abcde"))

    assert [contents(log.read(limit=limit)) for limit in (0, 1, 2, 5, 6, None)] == ["", "e", "de"] + ["abcde"] * 3
