"""The contract for retention policies, erasing owners, and the audit, as tests to run on your own store.

As `sessions.testing.ExpiryContract`: a fixture `open_here` returns a function that opens a `Store` on the test's
database, with the options of `open_store`. Each test calls it once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sessions.testing.fixtures import WithClock
from sessions.testing.machines import run_machine
from sessions.testing.retention.owners import OwnersAndAudit
from sessions.testing.retention.spared import Spared
from sessions.testing.retention.turns import LastTurns
from sessions.testing.retention.whole import WholeSessions
from sessions.testing.retention_model import RetentionMachine

if TYPE_CHECKING:
    from sessions.testing.expiry_model import MovableClock, OpenStore


class RetentionContract(WholeSessions, LastTurns, Spared, OwnersAndAudit, WithClock):
    """The promises of a store about retention. Subclass it as ``Test…`` and give it the fixture `open_here`."""

    EXAMPLES: ClassVar[int] = 25
    """How many sequences of operations are compared with the model; fewer do for a slow store that shares its code."""

    def test_any_sequence_of_operations(self, open_here: OpenStore, time: MovableClock) -> None:
        run_machine(lambda: RetentionMachine(open_here, time), self.EXAMPLES, steps=25)
