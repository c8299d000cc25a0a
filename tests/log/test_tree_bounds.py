"""A bounded tree of a long conversation reads a bounded number of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions.db.sqlite.transaction import SQLiteTransaction
from sessions.log.history.tree import read_tree

from .bare_log import BareLog, assistant, conversation, user

if TYPE_CHECKING:
    from typing import Any


@pytest.mark.parametrize("max_turns", [1, 20])
def test_a_hundred_thousand_turns_cost_what_a_hundred_do(monkeypatch: pytest.MonkeyPatch, max_turns: int) -> None:
    """Fails without: log/history/tree.py, `self._reading.ranges` in `read`."""
    rows = 0
    fetch = SQLiteTransaction.all

    def counting(tx: SQLiteTransaction, *arguments: Any, **values: Any) -> list[Any]:
        nonlocal rows
        found = fetch(tx, *arguments, **values)
        rows += len(found)
        return found

    monkeypatch.setattr(SQLiteTransaction, "all", counting)
    costs = []
    for turns in (100, 100_000):
        log = BareLog()
        for start in range(0, turns, 100):
            log.append(*[say(f"{turn}") for turn in range(start, start + 100) for say in (user, assistant)])
        rows = 0
        tree = read_tree(log.tx, conversation("s"), None, max_turns)
        assert (len(tree.nodes), tree.left_out) == (max_turns, turns - max_turns)
        assert tree.nodes[-1].turn == turns
        costs.append(rows)
        log.connection.close()
    assert costs[0] == costs[1]
    assert costs[1] < 5 * max_turns + 20
