"""The contract for threads of checkpoints, as tests to run on your own store.

A fixture `open_threads` returns a function that opens a `ThreadStore` on the test's database, each time another one,
with the options of its constructor. Needs anyio, too, which the extra ``agent-session-store[testing]`` installs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sessions.testing.checkpoints.cancelling import CancellingContract
from sessions.testing.checkpoints.keeping import KeepingContract
from sessions.testing.checkpoints.machine import CheckpointMachine
from sessions.testing.checkpoints.putting import PuttingContract
from sessions.testing.checkpoints.waiting import WaitingContract
from sessions.testing.machines import run_machine

if TYPE_CHECKING:
    from sessions.testing.checkpoints.shared import OpenThreads


class CheckpointContract(PuttingContract, WaitingContract, KeepingContract, CancellingContract):
    """The promises of threads of checkpoints. Subclass it as ``Test…`` and give it the fixture `open_threads`."""

    EXAMPLES: ClassVar[int] = 20
    """How many sequences of operations are compared with the model; fewer do for a slow store that shares its code."""

    def test_any_sequence_of_operations(self, open_threads: OpenThreads) -> None:
        run_machine(lambda: CheckpointMachine(open_threads), self.EXAMPLES, steps=30)
