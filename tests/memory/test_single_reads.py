"""On Postgres, a read of one statement is sent without a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions import Put, open_store
from sessions.memory.statements.memories import FEW_IDS, IDS_AT_ONCE, MANY_IDS

if TYPE_CHECKING:
    from tests.sql.counts import Counts
    from tests.sql.databases import Lend
    from tests.sql.servers import Postgres


@pytest.mark.usefixtures("no_upkeep")
async def test_warm_searches_and_updates(postgres: Postgres, lend: Lend, counts: Counts) -> None:
    """Fails without: db/postgres/database.py, `SingleRead`."""
    async with open_store(lend(postgres), create_tables=True) as store:
        mine = store.memories
        number = MANY_IDS + 1
        await mine.put_many([Put(("a",), f"{n}", {"text": "a cat"}) for n in range(number)])
        await mine.search(query="cat")
        for limit in (1, FEW_IDS, FEW_IDS + 1, IDS_AT_ONCE + 1, MANY_IDS):
            counts.taken()
            assert len(await mine.search(query="cat", limit=limit)) == limit
            # What has changed, and the memories.
            assert counts.taken() == (2, 0)
        assert len(await mine.search(query="cat", limit=number)) == number
        assert counts.taken() == (3, 0)
        assert await mine.get(("a",), "missing") is None
        assert (await mine.get(("a",), "0")) is not None
        assert counts.taken() == (2, 0)
        await mine.update(("a",), "0", _counted)
        # The read, and the put.
        assert counts.taken() == (2, 0)
        assert (await mine.get(("a",), "0")).value["n"] == 1  # type: ignore[union-attr] # it is there


def _counted(old: dict[str, Any] | None) -> dict[str, Any]:
    assert old is not None
    return {**old, "n": old.get("n", 0) + 1}
