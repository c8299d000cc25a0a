"""On Postgres, a filter by a declared field that leaves few candidates is one statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from sessions import Put, open_store
from sessions.errors import FilterTooBroadError
from sessions.memory.candidates import WIDE
from sessions.memory.fields import MOST_ELEMENTS
from sessions.testing.expiry_model import MovableClock
from sessions.testing.memory.filter_model import matches
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessions import Memories
    from tests.sql.counts import Counts
    from tests.sql.databases import Lend
    from tests.sql.servers import Postgres

ONE: Final = (1, 0)
"""One statement alone, and no transaction."""

FEW: Final = WIDE // 2
MANY: Final = WIDE * 2


@pytest.fixture
async def url(postgres: Postgres, lend: Lend) -> str:
    return lend(postgres)


@pytest.fixture
async def memories(url: str) -> AsyncIterator[Memories]:
    async with open_store(url, create_tables=True) as store:
        await store.memories.declare("n", "tags")
        yield store.memories


def value(number: int) -> dict[str, Any]:
    return {"n": number, "tags": [f"t{number}", "all", *map(str, range(MOST_ELEMENTS if number == 3 else 0))]}


async def fill(memories: Memories, spaces: int) -> None:
    """Put a memory into each of some namespaces, half of which have an owner, and one below another prefix."""
    puts = [
        Put(("a", f"{number:03}"), "key", value(number), owner="ann" if number % 2 else DEFAULT)
        for number in range(spaces)
    ]
    await memories.put_many([*puts, Put(("b",), "key", value(7)), Put(("b",), "with any", {"n": {"a": 1}})])


async def listed(memories: Memories, *prefix: str, **options: Any) -> list[tuple[tuple[str, ...], str]]:
    found = await memories.list(prefix, **options)
    assert all(matches(options["filter"], one.value) for one in found)
    return [(one.namespace, one.key) for one in found]


@pytest.mark.parametrize("spaces", [FEW, MANY], ids=["few namespaces", "many namespaces"])
@pytest.mark.usefixtures("no_upkeep")
async def test_few_candidates_are_found_in_one_statement(
    memories: Memories, counts: Counts, spaces: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails without: memory/fast/postgres.py, `_filter`; memory/fast/statements.py, each condition of FILTER."""
    time = MovableClock(monkeypatch)
    await fill(memories, spaces)
    await listed(memories, "a", filter={"n": 7})
    counts.taken()
    assert await listed(memories, "a", filter={"n": 7}) == [(("a", "007"), "key")]
    assert await listed(memories, filter={"n": 7}) == [(("a", "007"), "key"), (("b",), "key")]
    assert await listed(memories, "a", "007", filter={"n": 7}) == [(("a", "007"), "key")]
    assert await listed(memories, "a", "008", filter={"n": 7}) == []
    assert await listed(memories, "a", filter={"n": {"$gte": 3, "$lt": 6}}) == [
        (("a", f"00{number}"), "key") for number in (3, 4, 5)
    ]
    some = {"n": {"$in": [9, 7, 3, 1000]}}
    assert await memories.count(("a",), filter=some) == 3
    first, *rest = await memories.list(("a",), filter=some)
    assert await listed(memories, "a", filter=some, after=first.cursor) == [(one.namespace, one.key) for one in rest]
    assert await listed(memories, "a", filter=some, limit=1) == [(first.namespace, first.key)]
    # Of an array with many elements, no row tells which.
    assert await listed(memories, "a", filter={"tags": {"$contains": "t3"}}) == [(("a", "003"), "key")]
    assert await memories.count(("a",), filter={"tags": {"$contains": "t3"}}, filter_budget=1) == 1
    assert await memories.under(("a",), owner="ann").count(filter={"n": {"$in": [1, 2, 3]}}) == 2
    # One elsewhere has the value, too, and is not counted.
    assert await memories.count(("a",), filter={"n": 7}, filter_budget=1) == 1
    assert counts.taken() == (13, 0)
    with pytest.raises(FilterTooBroadError):
        await memories.list(("a",), filter=some, filter_budget=2)
    counts.taken()
    await memories.put(("a", "007"), "key", value(7), ttl=60)
    time.move(61)
    counts.taken()
    assert await listed(memories, "a", filter={"n": 7}) == []
    assert counts.taken() == ONE


@pytest.mark.usefixtures("no_upkeep")
async def test_more_candidates_are_left_to_the_transaction(memories: Memories, counts: Counts) -> None:
    """Fails without: memory/fast/postgres.py, `> _CANDIDATES`."""
    await fill(memories, MANY)
    await listed(memories, filter={"n": 7})
    counts.taken()
    everything = {"tags": {"$contains": "all"}}
    assert await memories.count(("a",), filter=everything) == MANY
    assert counts.taken() == (1, 1)
    assert await memories.count(("a", "003"), filter=everything) == 1
    assert counts.taken() == ONE
    assert await memories.count(("a",), filter={"n": {"$in": list(range(WIDE + 5))}}) == WIDE + 5
    assert await memories.count(("a",), filter={"n": 3, "tags": {"$contains": "all"}}) == 1
    assert counts.taken()[1] == 2


@pytest.mark.usefixtures("no_upkeep")
async def test_settings_that_another_process_has_changed_are_seen(url: str, memories: Memories, counts: Counts) -> None:
    """Fails without: memory/fast/statements.py, `g.number = `, `>= :since` of FILTER."""
    await fill(memories, FEW)
    await listed(memories, filter={"n": 7})
    async with open_store(url) as other:
        await other.memories.undeclare("n")
        # It gets another number, and its old rows are gone.
        await other.memories.declare("n")
        counts.taken()
        for _ in range(2):
            # As long as nothing is indexed again, its rows are missing.
            assert len(await listed(memories, filter={"n": 7})) == 2
            assert counts.taken() == (1, 1)
        await other.memories.reindex()
    counts.taken()
    assert len(await listed(memories, filter={"n": 7})) == 2
    assert counts.taken() == ONE
