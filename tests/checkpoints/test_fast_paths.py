"""On Postgres, each operation of a run is one statement, or a transaction where others have changed the line."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import open_store
from sessions.db.postgres.database import AsyncpgDatabase
from sessions.store.threads import ThreadStore
from sessions.testing.checkpoints.shared import PLACE, check_rows, contents, new, write, writes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.sql.databases import Lend
    from tests.sql.servers import Postgres


class Counts:
    """How many statements were sent alone, and how many transactions there were."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.alone = 0
        self.transactions = 0
        fetch, attempt = AsyncpgDatabase.fetch, AsyncpgDatabase._attempt

        async def counted_fetch(database: AsyncpgDatabase, *arguments: Any, **options: Any) -> Any:
            self.alone += 1
            return await fetch(database, *arguments, **options)

        async def counted_attempt(database: AsyncpgDatabase, *arguments: Any, **options: Any) -> Any:
            self.transactions += 1
            return await attempt(database, *arguments, **options)

        monkeypatch.setattr(AsyncpgDatabase, "fetch", counted_fetch)
        monkeypatch.setattr(AsyncpgDatabase, "_attempt", counted_attempt)

    def taken(self) -> tuple[int, int]:
        """Return both, and begin anew."""
        found = self.alone, self.transactions
        self.alone = self.transactions = 0
        return found


@pytest.fixture
async def url(postgres: Postgres, lend: Lend) -> str:
    return lend(postgres)


@pytest.fixture
async def store(url: str) -> AsyncIterator[ThreadStore]:
    async with open_store(url, create_tables=True) as opened:
        threads = ThreadStore(opened._backend)
        yield threads
        await threads.aclose()


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    return Counts(monkeypatch)


async def _chat(store: ThreadStore, first: int, last: int) -> list[dict[str, str]]:
    messages = [{"text": f"message {number} " * 20} for number in range(first)]
    for number in range(first, last):
        parent_id = f"{number - 1:04}" if number else None
        messages = [*messages, {"text": f"message {number} " * 20}]
        given = new(
            f"{number:04}", parent_id, {"messages": messages, "name": "x" * 60, "count": number},
            versions={"messages": number, "name": 1, "count": number}, unchanged=["name"] if number else [],
        )  # fmt: skip
        await store.put(PLACE, given)
        await store.put_writes(
            PLACE, given.checkpoint_id, "task", "", [write(0, "messages", messages), write(-1, "e", 1)]
        )
    return messages


@pytest.mark.usefixtures("no_upkeep")
async def test_each_step_of_a_chat_is_one_statement(store: ThreadStore, counts: Counts) -> None:
    """Fails without: checkpoints/component.py, `fast`."""
    await _chat(store, 0, 3)
    counts.taken()
    await _chat(store, 3, 40)
    assert counts.taken() == (2 * 37, 0)
    found = await store.read(PLACE)
    assert counts.taken() == (1, 0)
    assert found is not None
    assert len(contents(found)["messages"]) == 40
    assert len(writes(found)) == 2
    assert await store.read(PLACE, "0007") is not None
    assert counts.taken() == (1, 0)
    await check_rows(store)


@pytest.mark.usefixtures("no_upkeep")
async def test_another_process_goes_on_in_one_statement_each(url: str, store: ThreadStore, counts: Counts) -> None:
    """Fails without: checkpoints/fast/statements.py, the ends of chains."""
    await _chat(store, 0, 10)
    async with open_store(url) as opened:
        other = ThreadStore(opened._backend)
        found = await other.read(PLACE)
        counts.taken()
        messages = await _chat(other, 10, 20)
        assert counts.taken() == (20, 0)
        await other.aclose()
    # The first one has not seen that: its put is refused by the line's number, and does it in a transaction.
    given = new("9999", "0009", {"messages": messages[:11]}, versions={"messages": 99})
    await store.put(PLACE, given)
    assert counts.taken() == (1, 1)
    found = await store.read(PLACE)
    assert found is not None
    assert contents(found)["messages"] == messages[:11]
    await check_rows(store)


@pytest.mark.parametrize("operation", ["put", "put_writes"])
@pytest.mark.usefixtures("no_upkeep")
async def test_a_statement_that_waited_for_another_change_does_nothing(
    url: str, store: ThreadStore, counts: Counts, operation: str
) -> None:
    """Fails without: checkpoints/fast/statements.py, `l.next_number = $2`."""
    messages = await _chat(store, 0, 5)
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("update agent_checkpoints_lines set next_number = next_number + 1"))
        counts.taken()
        if operation == "put":
            values = {"messages": [*messages, {"text": "late"}]}
            late = asyncio.ensure_future(store.put(PLACE, new("0005", "0004", values, versions={"messages": 5})))
        else:
            late = asyncio.ensure_future(store.put_writes(PLACE, "0004", "late", "", [write(0, "messages", messages)]))
        waits = text("select count(*) from pg_stat_activity where wait_event_type = 'Lock'")
        while not (await connection.execute(waits)).scalar_one():
            await asyncio.sleep(0.01)
    await late
    await engine.dispose()
    assert counts.taken() == (1, 1)
    found = await store.read(PLACE)
    assert found is not None
    assert [one[2] for one in writes(found) if one[0] == "late"] == ([] if operation == "put" else [messages])
    await check_rows(store)
