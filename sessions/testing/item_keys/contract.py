"""The contract for items with keys of their own, as tests to run on your own store.

As `sessions.testing.HistoryContract`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sessions.testing.item_keys.adding import Adding
from sessions.testing.item_keys.attempts import Attempts
from sessions.testing.item_keys.options import Options
from sessions.testing.item_keys.refusing import Refusing
from sessions.testing.item_keys.removing import Removing
from sessions.testing.item_keys.ways import Ways
from sessions.testing.item_keys_machine import ItemKeyMachine
from sessions.testing.machines import run_machine

if TYPE_CHECKING:
    from sessions.testing.expiry_model import MovableClock
    from sessions.testing.fixtures import MakeLogSession


class ItemKeyContract(Adding, Ways, Removing, Attempts, Options, Refusing):
    """The guarantees of item keys in a session over the log. Give it the fixture `make`, as `SessionContract`."""

    EXAMPLES: ClassVar[int] = 40
    """How many sequences of operations are compared with the model; fewer do for a slow store that shares its code."""

    def test_any_sequence_of_operations(self, make: MakeLogSession, time: MovableClock) -> None:
        run_machine(lambda: ItemKeyMachine(make, time), self.EXAMPLES, steps=30)
