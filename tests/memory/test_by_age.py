"""The memories of a few namespaces in the order of time are found in one statement on Postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions import Put, open_store
from sessions.adapters.langgraph import SessionStore
from sessions.memory.listing import BRIEF
from sessions.memory.statements.listing import SPACES_AT_ONCE

if TYPE_CHECKING:
    from tests.sql.counts import Counts
    from tests.sql.databases import Lend
    from tests.sql.servers import Postgres

ALONE = (1, 0)
"""One statement, and no transaction."""

LEFT = (1, 1)
"""The same, which then leaves all to a transaction."""


@pytest.mark.usefixtures("no_upkeep")
async def test_few_namespaces_are_one_statement(postgres: Postgres, lend: Lend, counts: Counts) -> None:
    """Fails without: memory/fast/postgres.py, `_by_age`, and both of its limits."""
    async with open_store(lend(postgres), create_tables=True) as store:
        mine = store.memories
        await mine.put_many([Put(("a", f"{number:02}"), "key", {"n": number}) for number in range(SPACES_AT_ONCE)])
        counts.taken()
        assert len(await mine.search(("a",), limit=BRIEF)) == SPACES_AT_ONCE
        assert counts.taken() == ALONE
        assert len(await mine.search(("a", "03"))) == 1
        assert counts.taken() == ALONE
        assert len(await SessionStore(store).asearch(("a",), limit=3)) == 3
        assert counts.taken() == ALONE
        assert await mine.search(("b",)) == []
        assert counts.taken() == ALONE
        assert len(await mine.search(("a",), limit=BRIEF + 1)) == SPACES_AT_ONCE
        assert counts.taken() == (0, 1)
        await mine.put(("b",), "key", {})
        counts.taken()
        assert len(await mine.search(limit=BRIEF)) == SPACES_AT_ONCE + 1
        assert counts.taken() == LEFT
