"""The contract for expiry, purging and erasing, as tests to run on your own store.

As `sessions.testing.SessionContract`, for stores of this package's kind: a fixture `open_here` returns a function that
opens a `Store` on the test's database, with the options of `open_store`. Each test calls it once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sessions.testing.expiry.ending import Ending
from sessions.testing.expiry.erasing import Erasing
from sessions.testing.expiry.hiding import Hiding
from sessions.testing.expiry.purging import Purging
from sessions.testing.expiry_model import ExpiryMachine
from sessions.testing.fixtures import WithClock
from sessions.testing.machines import run_machine

if TYPE_CHECKING:
    from sessions.testing.expiry_model import MovableClock, OpenStore


class ExpiryContract(Ending, Hiding, Purging, Erasing, WithClock):
    """The promises of a store about expiry. Subclass it as ``Test…`` and give it the fixture `open_here`."""

    EXAMPLES: ClassVar[int] = 25
    """How many sequences of operations are compared with the model; fewer do for a slow store that shares its code."""

    def test_any_sequence_of_operations(self, open_here: OpenStore, time: MovableClock) -> None:
        run_machine(lambda: ExpiryMachine(open_here, time), self.EXAMPLES, steps=25)
