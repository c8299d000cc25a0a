"""The contract for memories, as tests to run on your own store.

A fixture `open_here` returns a function that opens a `Store` on the test's database, with the options of `open_store`.
Each test calls it once. Needs anyio, too, which the extra ``agent-session-store[testing]`` installs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sessions.crypto.keys import generate_key
from sessions.testing.fixtures import WithClock
from sessions.testing.machines import run_machine
from sessions.testing.memory.appending import Appending
from sessions.testing.memory.cancelling import Cancelled
from sessions.testing.memory.expiring import Expiring
from sessions.testing.memory.filtering import Filtered
from sessions.testing.memory.listing import Lists
from sessions.testing.memory.machine import MemoryMachine
from sessions.testing.memory.moving import Moved
from sessions.testing.memory.putting import Putting
from sessions.testing.memory.search_machine import SearchMachine
from sessions.testing.memory.searching import Searches
from sessions.testing.memory.watching import Watched

if TYPE_CHECKING:
    from sessions.testing.expiry_model import MovableClock, OpenStore


class MemoryContract(Putting, Cancelled, Lists, Filtered, Watched, Expiring, Appending, Searches, Moved, WithClock):
    """The promises of a store about memories. Subclass it as ``Test…`` with the fixture `open_here`."""

    EXAMPLES: ClassVar[int] = 20
    """How many sequences of operations are compared with the model; fewer do for a slow store that shares its code."""

    def test_any_sequence_of_operations(self, open_here: OpenStore, time: MovableClock) -> None:
        run_machine(lambda: MemoryMachine(open_here, time), self.EXAMPLES, steps=25)

    def test_any_sequence_of_changes_and_searches(self, open_here: OpenStore) -> None:
        run_machine(lambda: SearchMachine(open_here), self.EXAMPLES, steps=20)

    def test_any_sequence_of_changes_and_searches_of_encrypted_memories(self, open_here: OpenStore) -> None:
        key = generate_key()
        run_machine(lambda: SearchMachine(open_here, encryption_key=key), self.EXAMPLES // 4, steps=20)
