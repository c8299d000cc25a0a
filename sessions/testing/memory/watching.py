"""Memories: watching a prefix."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import pytest

from sessions.types.memories import Put

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sessions.testing.expiry_model import MovableClock, OpenStore
    from sessions.types.memories import MemoryChange

_HANGS_AFTER: Final = 60.0
"""Seconds after which a watcher is taken to miss something. Nothing passes or fails by being fast."""


async def take(watch: AsyncGenerator[MemoryChange], count: int) -> list[MemoryChange]:
    """Return the next changes, and leave the iterator where it is."""
    async with asyncio.timeout(_HANGS_AFTER):
        return [await anext(watch) for _ in range(count)]


def shown(changes: list[MemoryChange]) -> list[tuple[str, tuple[str, ...], str | None]]:
    """Return the kinds, namespaces and keys of changes."""
    return [(change.kind, change.namespace, change.key) for change in changes]


class Watched:
    """Watching memories."""

    async def test_changes_come_in_order_and_once(self, open_here: OpenStore, time: MovableClock) -> None:
        # The database's clock counts for purging, too, so the time is before its own.
        time.move(-200_000_000)
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            await mine.put(("a",), "before", {})
            start = await mine.watch_cursor()
            put = await mine.put(("a",), "x", {"n": 1})
            await mine.put_many([Put(("a",), "y", {}), Put(("a", "b"), "z", {}, ttl=5)])
            await mine.put(("a",), "twice", {"n": 1})
            await mine.put(("a",), "twice", {"n": 2})
            await mine.put(("a",), "gone", {})
            await mine.delete(("a",), "gone")
            await mine.delete(("a",), "before")
            expected = [
                ("put", ("a",), "x"), ("put", ("a",), "y"), ("put", ("a",), "twice"),
                ("deleted", ("a",), "gone"), ("deleted", ("a",), "before"), ("put", ("a", "b"), "z"),
            ]  # fmt: skip
            async with aclosing(mine.watch(after=start)) as watch:
                changes = await take(watch, 6)
                assert shown(changes) == expected
                assert changes[0].version == put.version
                versions = [change.version for change in changes[:5]]
                assert versions == sorted(set(versions))
                time.move(6)
                await store.memories.purge_expired()
                assert shown(await take(watch, 1)) == [("expired", ("a", "b"), "z")]
            # A watcher goes on behind any change.
            for number, change in enumerate(changes):
                async with aclosing(mine.watch(after=change.cursor)) as watch:
                    rest = expected[number + 1 : 5]
                    assert shown(await take(watch, len(rest))) == rest

    async def test_a_waiting_watcher_is_woken(self, open_here: OpenStore) -> None:
        """By changes below its prefix alone."""
        async with open_here() as store:
            prefix = f"{uuid4()}"
            mine, others = store.memories.under((prefix,)), store.memories.under((f"{prefix}2",))
            start = await mine.watch_cursor(("a",))
            async with aclosing(mine.watch(("a",), after=start)) as watch:
                for number in range(4):
                    waiting = asyncio.create_task(take(watch, 1))
                    # Most likely it waits by then.
                    await asyncio.sleep(0.2)
                    for other in (others.put(("a",), "k", {}), mine.put(("ab",), "k", {}), mine.put(("A",), "k", {})):
                        await other
                    await mine.put(("a", f"{number}"), "k", {})
                    assert shown(await waiting) == [("put", ("a", f"{number}"), "k")]

    async def test_a_new_watcher_sees_what_comes_after_its_first_step(self, open_here: OpenStore) -> None:
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            await mine.put(("a",), "before", {})
            async with aclosing(mine.watch()) as watch:
                waiting = asyncio.create_task(take(watch, 1))
                number = 0
                while not waiting.done():
                    # It is not known when the first step was.
                    await asyncio.sleep(0.05)
                    number += 1
                    await mine.put(("a",), f"{number}", {})
                (change,) = await waiting
                assert change.key != "before"

    async def test_what_cannot_be_told_is_a_reset(self, open_here: OpenStore) -> None:
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            await mine.put_many([Put((one,), "k", {}) for one in "abc"])
            start = await mine.watch_cursor()
            await mine.delete(("a",), "k")
            for _ in range(0, 1_100, 100):
                await mine.put_many([Put(("a",), f"{number}", {}) for number in range(100)])
            await mine.put_many([Put(("b",), f"{number}", {}) for number in range(1_100)])
            async with aclosing(mine.watch(after=start)) as watch:
                assert shown(await take(watch, 1)) == [("reset", ("a",), None)]
                assert {change.kind for change in await take(watch, 1_100)} == {"put"}
                await mine.erase(("c",), scrub=False)
                await mine.put(("c",), "again", {})
                assert shown(await take(watch, 2)) == [("erased", ("c",), None), ("put", ("c",), "again")]
            async with aclosing(mine.watch(after=start)) as watch:
                assert shown(await take(watch, 1)) == [("reset", (), None)]

    async def test_an_owner_watches_its_own(self, open_here: OpenStore) -> None:
        async with open_here() as store:
            whole = store.memories.under((f"{uuid4()}",))
            ann = store.memories.under(whole._hold.prefix, owner="ann")  # noqa: SLF001 - the same prefix
            start = await ann.watch_cursor()
            await whole.put(("b",), "k", {}, owner="bob")
            await whole.put(("c",), "k", {})
            await ann.put(("a",), "k", {})
            async with aclosing(ann.watch(after=start)) as watch:
                assert shown(await take(watch, 1)) == [("put", ("a",), "k")]

    async def test_other_cursors_are_refused(self, open_here: OpenStore) -> None:
        async with open_here() as store:
            mine = store.memories.under((f"{uuid4()}",))
            await mine.put(("a",), "k", {})
            for wrong in ("", "x", await mine.watch_cursor(("a",)), (await mine.list())[0].cursor):
                with pytest.raises(ValueError, match="after is no cursor"):
                    mine.watch(after=wrong)
            with pytest.raises(TypeError):
                mine.watch(after=1)  # type: ignore[arg-type]
