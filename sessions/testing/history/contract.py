"""The contract for the history of a session of this package, as tests to run on your own store.

As `sessions.testing.SessionContract`, for the branches, undo, redo, siblings and turns of a `LogSession`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest

from sessions.testing.attempts.contract import AttemptContract
from sessions.testing.history.branching import Branching
from sessions.testing.history.cancelling import Cancelling
from sessions.testing.history.clearing import Clearing
from sessions.testing.history.siblings import Siblings
from sessions.testing.history.turns import Turns
from sessions.testing.history.undoing import Undoing
from sessions.testing.machines import run_machine
from sessions.testing.tree_machine.machine import TreeMachine
from sessions.testing.ways import WaysContract

if TYPE_CHECKING:
    from sessions.testing.fixtures import MakeLogSession
    from sessions.testing.tree_model import CountEntries


class HistoryContract(Undoing, Siblings, Branching, Turns, Clearing, Cancelling, AttemptContract, WaysContract):
    """The promises of a session over the log about its history. Give it the fixture `make`, as `SessionContract`.

    A fixture `count_entries` may return a function that says how many entries the database holds of a session.
    """

    EXAMPLES: ClassVar[int] = 40
    """How many sequences of operations are compared with the model; fewer do for a slow store that shares its code."""

    @pytest.fixture
    def count_entries(self) -> CountEntries | None:
        """Return nothing: the number of stored rows is not checked."""
        return None

    def test_any_sequence_of_operations(self, make: MakeLogSession, count_entries: CountEntries | None) -> None:
        run_machine(lambda: TreeMachine(make, count_entries), self.EXAMPLES, steps=30)
