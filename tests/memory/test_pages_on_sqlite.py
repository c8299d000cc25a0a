"""On SQLite, a short page of a list is one statement, and the same page as by the general function."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from sessions import Put, open_store
from sessions.memory.listing import BRIEF, ListMemories
from sessions.memory.statements.listing import SPACES_AT_ONCE
from sessions.testing.expiry_model import MovableClock
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from sessions import Memories, Memory
    from sessions.db.transaction import Transaction


class Counted:
    """A transaction that counts its statements."""

    def __init__(self, tx: Transaction) -> None:
        self.tx, self.database, self.statements = tx, tx.database, 0

    def __getattr__(self, name: str) -> Any:
        self.statements += 1
        return getattr(self.tx, name)


@pytest.fixture
async def memories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Memories]:
    """Four live memories in each of some namespaces, and then many namespaces with expired ones alone."""
    time = MovableClock(monkeypatch)
    async with open_store(f"sqlite:///{tmp_path}/sessions.db", durability="normal") as store:
        puts = [
            Put((space,), f"{number:02}", {"n": number}, owner="ann" if space == "b" else DEFAULT)
            for space, number in product("abcd", range(4))
        ]
        gone = [Put(("e", f"{number:03}"), "key", {}, ttl=1) for number in range(BRIEF + SPACES_AT_ONCE)]
        await store.memories.put_many([*puts, *gone[:-1], Put(("f",), "last", {}), Put(("c",), "gone", {}, ttl=1)])
        time.move(2)
        yield store.memories


@pytest.mark.usefixtures("no_upkeep")
async def test_pages_are_those_of_the_general_function(memories: Memories, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails without: memory/listing.py, `SPACE_AT`; memory/statements/listing.py, each condition of `first_page`."""

    async def pages() -> list[list[Memory]]:
        everything = await memories.list()
        assert len(everything) == 17
        return [
            await some.list(prefix, limit=limit, after=after)
            for prefix in ((), ("b",), ("e",), ("f",), ("g",))
            for some in (memories, memories.under((), owner="ann"))
            for limit in (1, 4, 5, 16, 17, BRIEF, BRIEF + 1)
            for after in (None, *(one.cursor for one in everything if not prefix or one.namespace == prefix))
        ]

    found = await pages()
    monkeypatch.setattr(ListMemories, "_at_once", lambda *_: None)
    assert await pages() == found


@pytest.mark.usefixtures("no_upkeep")
async def test_a_short_page_is_one_statement(memories: Memories) -> None:
    """Fails without: memory/listing.py, `_at_once`."""
    hold = memories._hold

    def counted(prefix: tuple[str, ...], limit: int) -> Callable[[Transaction], tuple[int, int]]:
        def work(tx: Transaction) -> tuple[int, int]:
            counting: Any = Counted(tx)
            found = ListMemories(hold.below(prefix, 1_800_000_002_000_000), None, limit)(counting)
            return len(found), counting.statements

        return work

    assert await hold.read(counted((), 16)) == (16, 1)
    # Another one tells that there are no more namespaces.
    assert await hold.read(counted(("b",), 16)) == (4, 2)
