"""The contract for compaction of a session of this package, as tests to run on your own store.

As `sessions.testing.HistoryContract`, for the model's view of a compacted branch, and for the originals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sessions.testing.compaction_model import CompactionMachine
from sessions.testing.machines import run_machine

if TYPE_CHECKING:
    from sessions.testing.fixtures import MakeLogSession

from sessions.testing.compaction.branching import Branching
from sessions.testing.compaction.racing import Racing
from sessions.testing.compaction.settings import Settings
from sessions.testing.compaction.viewing import Viewing


class CompactionContract(Viewing, Branching, Racing, Settings):
    """The promises of a session over the log about compaction. Give it the fixture `make`, as `SessionContract`."""

    EXAMPLES: ClassVar[int] = 40
    """How many sequences of operations are compared with the model; fewer do for a slow store that shares its code."""

    def test_any_sequence_of_operations(self, make: MakeLogSession) -> None:
        run_machine(lambda: CompactionMachine(make), self.EXAMPLES, steps=30)
