"""The contract for corrections, as tests to run on your own store.

As `sessions.testing.ExpiryContract`: a fixture `open_here` returns a function that opens a `Store` on the test's
database, with the options of `open_store`. Each test calls it once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sessions.testing.corrections.guarding import Guarding
from sessions.testing.corrections.redacting import Redacting
from sessions.testing.corrections.removing import Removing
from sessions.testing.corrections.repeating import Repeating
from sessions.testing.corrections_model import CorrectionMachine
from sessions.testing.machines import run_machine

if TYPE_CHECKING:
    from sessions.testing.expiry_model import MovableClock, OpenStore


class CorrectionContract(Redacting, Repeating, Removing, Guarding):
    """The promises of a store about corrections. Subclass it as ``Test…`` with the fixture `open_here`."""

    EXAMPLES: ClassVar[int] = 24
    """How many sequences of operations are compared with the model; fewer do for a slow store that shares its code."""

    def test_any_sequence_of_operations(self, open_here: OpenStore, time: MovableClock) -> None:
        run_machine(lambda: CorrectionMachine(open_here, time), self.EXAMPLES, steps=30)
