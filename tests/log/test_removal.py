"""Clear and delete leave nothing behind, and touch no other session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .bare_log import MAIN, contents, user
from .test_branches import three_levels

if TYPE_CHECKING:
    from .bare_log import BareLog

NOTHING = {"segments": 0, "branches": 0, "entries": 0}


# Fails without: log/lifetime/remove.py, `for (segment,) in tx.all(branch_statements.SEGMENTS, session=session):`
def test_clear_removes_all_entries_of_all_segments(log: BareLog) -> None:
    three_levels(log)
    log.append(user("keyed"), key="k")
    version = log.session_row()["version"]
    changes = log.sizes()["changes"]

    log.clear()

    assert log.sizes() == {"sessions": 1, "appends": 1, "changes": changes + 1, **NOTHING}
    assert log.session_row()["branch"] == MAIN
    assert log.session_row()["version"] == version + 1
    assert log.read() == []


# Fails without: log/lifetime/remove.py, `tx.run(record_statements.FORGET_KEYS, session=session)`
# Fails without: log/lifetime/remove.py, `tx.run(record_statements.FORGET_CHANGES, session=session, version=EVERYTHING)`
def test_delete_leaves_no_row_in_any_table(log: BareLog) -> None:
    three_levels(log)
    log.append(user("keyed"), key="k")
    log.pop()

    assert log.delete() is True

    assert log.sizes() == {"sessions": 0, "appends": 0, "changes": 0, **NOTHING}
    assert log.delete() is False
    assert log.read() == []


def test_other_sessions_keep_every_row(log: BareLog) -> None:
    for name in ("before", "s", "after"):
        log.append(user("a"), user(name), to=name, key="k")
        log.append(user("popped"), to=name)
        log.pop(name)
    log.fork("what-if", position=1, turn=1, session="after")
    log.switch("what-if", session="after")
    log.append(user("b"), to="after")
    others = log.sizes()

    log.clear("s")
    log.delete("s")

    assert {name: others[name] - count for name, count in log.sizes().items()} == {
        "sessions": 1, "segments": 1, "branches": 1, "entries": 2, "appends": 1, "changes": 1
    }  # fmt: skip
    assert [contents(log.read(name)) for name in ("before", "after")] == ["abefore", "ab"]
    log.append(user("b"), user("x"), to="after", key="k2")
    assert contents(log.read("after")) == "abbx"


# Fails without: log/lifetime/remove.py, the `high=` of `ids_of` (a larger range would reach the next
# segment)
def test_the_first_entry_of_the_next_segment_is_not_touched(log: BareLog) -> None:
    log.append(user("a"), to="s")
    log.append(user("b"), to="next")
    log.connection.execute(
        "update agent_log_entries set id = id - 1 where id = (select max(id) from agent_log_entries)"
    )
    (first, at_zero) = log.entries()
    assert (at_zero["segment"], at_zero["position"]) == (first["segment"] + 1, 0)

    log.clear("s")

    assert [entry["id"] for entry in log.entries()] == [at_zero["id"]]
