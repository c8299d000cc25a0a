"""The contract for owners, info and lists of sessions, as tests to run on your own store.

As `sessions.testing.ExpiryContract`: a fixture `open_here` returns a function that opens a `Store` on the test's
database, with the options of `open_store`. Each test calls it once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sessions.testing.fixtures import WithClock
from sessions.testing.info.lists import Lists
from sessions.testing.info.owners import Owners
from sessions.testing.info.setting import Setting
from sessions.testing.info.titles import Titles
from sessions.testing.info_model import InfoMachine
from sessions.testing.machines import run_machine

if TYPE_CHECKING:
    from sessions.testing.expiry_model import MovableClock, OpenStore


class InfoContract(Owners, Setting, Titles, Lists, WithClock):
    """The promises of a store about owners, info and lists. Subclass it as ``Test…`` with the fixture `open_here`."""

    EXAMPLES: ClassVar[int] = 30
    """How many sequences of operations are compared with the model; fewer do for a slow store that shares its code."""

    def test_any_sequence_of_operations(self, open_here: OpenStore, time: MovableClock) -> None:
        run_machine(lambda: InfoMachine(open_here, time, encrypted=self.encrypted), self.EXAMPLES, steps=30)
