"""However often the same items come with the same key, they are added once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions import IdempotencyKeyReusedError
from sessions.log.core.change_log import KEPT_VERSIONS

from .bare_log import contents, user

if TYPE_CHECKING:
    from .bare_log import BareLog


# Fails without: log/append.py, `if _was_added(`
# Fails without: log/append.py, `statements.REMEMBER_KEY,`
def test_a_retry_changes_nothing(log: BareLog) -> None:
    log.append(user("a"), user("b"), key="k")
    log.append(user("c"))
    row, sizes = log.session_row(), log.sizes()

    log.append(user("a"), user("b"), key="k")

    assert contents(log.read()) == "abc"
    assert (log.session_row(), log.sizes()) == (row, sizes)
    assert [(r["version"], r["tip"]) for r in log.rows("select * from agent_log_appends")] == [(1, 2)]


# Fails without: log/append.py, `if bytes(digest) not in digests:`
@pytest.mark.parametrize("others", ["b", "", "aa", "A"])
def test_a_key_stands_for_its_items_only(log: BareLog, others: str) -> None:
    log.append(user("a"), key="k")

    with pytest.raises(IdempotencyKeyReusedError, match="session 's': this idempotency key was used before"):
        log.append(*map(user, others), key="k")

    assert contents(log.read()) == "a"


# Fails without: log/statements/records.py, `where session = :session and` in SEEN_KEY
def test_a_key_belongs_to_a_session(log: BareLog) -> None:
    log.append(user("a"), key="k")
    log.append(user("b"), to="other")
    log.append(user("b"), key="k", to="other")
    log.append(user("c"), key="K")

    assert (contents(log.read()), contents(log.read("other"))) == ("ac", "bb")


def test_a_key_outlives_pop_clear_and_other_branches_but_not_delete(log: BareLog) -> None:
    log.append(user("a"), key="k")
    log.fork("what-if", position=0, turn=0)
    for change in (log.pop, lambda: log.switch("what-if"), log.clear):
        change()
        log.append(user("a"), key="k")
        assert log.read() == []

    log.delete()
    log.append(user("a"), key="k")

    assert contents(log.read()) == "a"


# Fails without: log/core/change_log.py, `version=version - KEPT_VERSIONS`
def test_the_record_of_changes_does_not_grow_for_ever(log: BareLog) -> None:
    for _ in range(KEPT_VERSIONS):
        log.append(user("a"))
        log.pop()

    changes = log.rows("select * from agent_log_changes order by version")

    assert 0 < len(changes) <= KEPT_VERSIONS
    assert changes[-1]["version"] == log.session_row()["version"] == 2 * KEPT_VERSIONS
    assert changes[0]["version"] > KEPT_VERSIONS
    assert {change["what"] for change in changes} == {"popped"}
    log.clear()
    assert log.rows("select what from agent_log_changes order by version")[-1] == {"what": "cleared"}
