"""Memories: lists in pages, counts, and namespaces."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from sessions.types.memories import Put

if TYPE_CHECKING:
    from sessions.testing.expiry_model import MovableClock, OpenStore


class Lists:
    """Lists of memories and of namespaces."""

    @pytest.mark.parametrize("limit", [1, 7, 100, 10_000])
    async def test_pages_have_each_memory_once(self, open_here: OpenStore, limit: int) -> None:
        """Fails without: memory/listing.py, the second `_rest`."""
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            # Namespaces of no, few and many memories, and more of them than one statement looks into.
            sizes: dict[tuple[str, ...], int] = {(f"n{number:02}",): (0, 1, 2, 30)[number % 4] for number in range(20)}
            sizes |= {("n03", "below"): 3, (): 0}
            puts = [Put(one, f"k{number:02}", {}) for one, size in sizes.items() for number in range(size)]
            await mine.put_many(puts)
            for emptied in (("n00",), ("n04",)):
                await mine.put(emptied, "gone", {})
                await mine.delete(emptied, "gone")
            seen: list[tuple[tuple[str, ...], str]] = []
            cursor = None
            while page := await mine.list(limit=limit, after=cursor):
                assert len(page) == min(limit, len(puts) - len(seen))
                seen += [(one.namespace, one.key) for one in page]
                cursor = page[-1].cursor
            assert seen == sorted((put.namespace, put.key) for put in puts)
            assert await mine.count() == len(puts)

    async def test_values_of_any_size_come_in_the_order_of_their_keys(self, open_here: OpenStore) -> None:
        """Fails without both: memory/listing.py, `rows.sort`; statements/listing.py, `({})` for MariaDB."""
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            sizes = random.Random(1)  # noqa: S311 - nothing secret
            values = [{"text": "x" * sizes.choice([0, 10, 600, 3_000])} for _ in range(600)]
            puts = [Put((f"n{number % 3}",), f"k{number:03}", value) for number, value in enumerate(values)]
            await mine.put_many(puts)
            expected = sorted((put.namespace, put.key) for put in puts)
            assert [(one.namespace, one.key) for one in await mine.list(limit=1_000)] == expected
            found = await mine.list(filter={"text": {"$exists": True}}, limit=1_000)
            assert [(one.namespace, one.key) for one in found] == expected
            await mine.erase((), scrub=False)

    async def test_a_page_goes_on_where_memories_were_deleted(self, open_here: OpenStore) -> None:
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            await mine.put_many([Put((one,), key, {}) for one in "abc" for key in "xyz"])
            page = await mine.list(limit=5)
            assert (page[-1].namespace, page[-1].key) == (("b",), "y")
            await mine.erase(("b",), scrub=False)
            await mine.put(("a",), "zz", {})
            assert [(one.namespace, one.key) for one in await mine.list(after=page[-1].cursor)] == [
                (("c",), key) for key in "xyz"
            ]

    async def test_a_page_passes_namespaces_without_memories(self, open_here: OpenStore, time: MovableClock) -> None:
        """Fails without: memory/fast/postgres.py, `SPACES_AT_ONCE`; memory/listing.py, `LONG`."""
        prefix = f"{uuid4()}"
        async with open_here() as store:
            mine = store.memories.under((prefix,))
            labels = [f"{n:03}" for n in range(340)]
            await mine.put_many(
                [Put((label,), "k", {"n": label}, ttl=10 if 2 <= int(label) < 330 else None) for label in labels]
            )
            await store.memories.put((prefix, labels[335]), "l", {"n": "owned"})
            time.move(11)
            left = [*labels[:2], *labels[330:]]
            listed = await mine.list(limit=4)
            assert [one.namespace[0] for one in listed] == left[:4]
            rest = await mine.list(limit=4, after=listed[-1].cursor)
            assert [(one.namespace[0], one.key) for one in rest] == [
                ("332", "k"), ("333", "k"), ("334", "k"), ("335", "k")
            ]  # fmt: skip
            assert [one.key for one in await mine.list(limit=2, after=rest[-1].cursor)] == ["l", "k"]
            assert len(await mine.list(limit=300)) == 13

    async def test_an_owner_lists_own_memories_among_those_of_others(self, open_here: OpenStore) -> None:
        """Fails without: memory/fast/postgres.py, `is_all`; memory/statements/listing.py, `_OF_OWNER`."""
        prefix = f"{uuid4()}"
        async with open_here() as store:
            owners = ["ann", "bob", "bob", "bob"]
            for number in range(24):
                owner = owners[number % 4]
                puts = [Put((prefix, f"{number:02}"), f"{n}", {"n": n}, owner=owner) for n in range(4)]
                await store.memories.put_many(puts)
            for owner, count in (("ann", 6 * 4), ("bob", 18 * 4), ("cid", 0)):
                mine = store.memories.under((prefix,), owner=owner)
                for limit in (1, 3, 10, 100):
                    seen: list[tuple[tuple[str, ...], str]] = []
                    cursor = None
                    while page := await mine.list(limit=limit, after=cursor):
                        seen += [(one.namespace, one.key) for one in page]
                        cursor = page[-1].cursor
                    assert len(seen) == len(set(seen)) == count
                    assert seen == sorted(seen)
                    assert {owners[int(labels[0]) % 4] for labels, _ in seen} <= {owner}

    async def test_namespaces(self, open_here: OpenStore) -> None:
        """Fails without: memory/listing.py, `is_cut`."""
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            paths = [("a",), ("a", "b"), ("a", "b", "c"), ("a", "x", "c"), ("b",), ("ab", "c"), ("*",)]
            await mine.put_many([Put(one, f"k{number}", {}) for one in paths for number in range(2)])

            async def found(**wanted: object) -> list[tuple[tuple[str, ...], int]]:
                whole = await mine.namespaces(**wanted)  # type: ignore[arg-type]
                paged, cursor = [], None
                while page := await mine.namespaces(limit=1, after=cursor, **wanted):  # type: ignore[arg-type]
                    paged += page
                    cursor = page[0].cursor
                assert paged == whole
                return [(one.namespace, one.memories) for one in whole]

            every = sorted(paths)
            assert await found() == [(one, 2) for one in every]
            assert await found(max_depth=1) == [(("*",), 2), (("a",), 8), (("ab",), 2), (("b",), 2)]
            assert await found(max_depth=2, prefix=("a",)) == [(("a",), 2), (("a", "b"), 4), (("a", "x"), 2)]
            assert await found(suffix=("c",)) == [(("a", "b", "c"), 2), (("a", "x", "c"), 2), (("ab", "c"), 2)]
            assert await found(prefix=("*", "*", "c")) == [(("a", "b", "c"), 2), (("a", "x", "c"), 2)]
            assert await found(prefix=("a", "*"), suffix=("*", "c")) == [(("a", "b", "c"), 2), (("a", "x", "c"), 2)]
            assert await found(prefix=("missing",)) == []

    async def test_ten_thousand_namespaces(self, open_here: OpenStore) -> None:
        """Pages, counts and erasing reach each of them once."""
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            names = [(f"u{number:05}",) for number in range(self.NAMESPACES)]
            for first in range(0, len(names), 1_000):
                await mine.put_many([Put(one, "k", {}) for one in names[first : first + 1_000]])
            assert await mine.count() == len(names)
            middle = await mine.list(limit=3, after=(await mine.list(names[len(names) // 2]))[0].cursor)
            assert [one.namespace for one in middle] == names[len(names) // 2 + 1 :][:3]
            assert [(one.namespace, one.memories) for one in await mine.namespaces(limit=2)] == [
                (one, 1) for one in names[:2]
            ]
            assert (await mine.erase(scrub=False)).namespaces == len(names)
            assert await mine.count() == 0

    NAMESPACES = 10_000
    """How many that test makes."""
