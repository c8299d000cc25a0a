"""The contract for watching a session, as tests to run on your own store.

As `sessions.testing.SessionContract`, for `watch` and `version` of a `LogSession`.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sessions.session.base import LogSession
    from sessions.testing.fixtures import MakeLogSession
    from sessions.types import Change


_HANGS_AFTER = 60.0
"""Seconds after which a watcher is taken to miss something. Nothing passes or fails by being fast."""

_MANY = 250
"""Versions: more than are read at once."""


async def take(watch: AsyncGenerator[Change], count: int) -> list[Change]:
    """Return the next changes, and leave the iterator where it is."""
    async with asyncio.timeout(_HANGS_AFTER):
        return [await anext(watch) for _ in range(count)]


def shown(changes: list[Change]) -> list[tuple[str, str]]:
    """Return the kinds of changes, and the texts that they added."""
    return [(change.kind, " ".join(found["content"] for found in change.items)) for change in changes]


class WatchContract:
    """The promises of a session over the log to its watchers. Give it the fixture `make`, as `SessionContract`."""

    @pytest.fixture
    def session_id(self) -> str:
        """Return an id of the test's own."""
        return f"session-{uuid4()}"

    @pytest.fixture
    def session(self, make: MakeLogSession, session_id: str) -> LogSession:
        """Return a session with that id."""
        return make(session_id)

    async def test_the_version_rises_with_each_change(self, session: LogSession) -> None:
        versions = [await session.version()]
        for change in (session.add_items([item("u1")]), session.pop_item(), session.clear_session()):
            await change
            versions.append(await session.version())
        await session.get_items()
        assert await session.version() == versions[-1]
        assert versions[0] == 0
        assert versions == sorted(set(versions))

    async def test_what_happened_before_is_shown_in_order(self, session: LogSession) -> None:
        await session.add_items([item("u1"), item("a1")])
        await session.add_items([item("u2"), item("a2")])
        await session.undo()
        await session.redo()
        await session.undo()
        await session.add_items([item("u3")])
        await session.branches.create("other", turn=1, switch=True)
        await session.get_items()
        await session.add_items([item("u4")])
        await session.branches.switch("main")
        async with aclosing(session.watch(after=0)) as watch:
            changes = await take(watch, 9)
            assert shown(changes) == [
                ("appended", "u1 a1"), ("appended", "u2 a2"), ("undone", ""), ("redone", ""), ("undone", ""),
                ("appended", "u3"), ("branched", ""), ("appended", "u4"), ("switched", ""),
            ]  # fmt: skip
            added = [change for change in changes if change.kind == "appended"]
            assert [change.branch for change in added] == ["main", "main", "main", "other"]
            assert [change.positions for change in added] == [[1, 2], [3, 4], [3], [1]]
            versions = [change.version for change in changes]
            assert versions == sorted(set(versions))
            assert versions[-1] == await session.version()
            await session.clear_session()
            assert shown(await take(watch, 1)) == [("cleared", "")]

    async def test_who_waits_is_woken_by_another_object(
        self, session: LogSession, session_id: str, make: MakeLogSession
    ) -> None:
        other = make(session_id)
        async with aclosing(session.watch(after=0)) as watch:
            for number in range(5):
                waiting = asyncio.create_task(take(watch, 1))
                # Most likely it waits by then.
                await asyncio.sleep(0.2)
                await other.add_items([item(f"u{number}")])
                assert shown(await waiting) == [("appended", f"u{number}")]

    async def test_only_what_happens_after_the_first_step_unless_asked_for_more(self, session: LogSession) -> None:
        await session.add_items([item("u1")])
        before = await session.version()
        async with aclosing(session.watch()) as watch:
            waiting = asyncio.create_task(take(watch, 1))
            added = 0
            while not waiting.done():
                # It is not known when the first step was.
                await asyncio.sleep(0.05)
                added += 1
                await session.add_items([item(f"u1.{added}")])
            (change,) = await waiting
            assert change.version > before

    async def test_who_comes_back_goes_on_where_it_was(self, session: LogSession) -> None:
        after, seen = 0, []
        for number in range(12):
            await session.add_items([item(f"u{number}")])
            if number % 5 == 4:
                async with aclosing(session.watch(after=after)) as watch:
                    changes = await take(watch, 4)
                seen += shown(changes)
                after = changes[-1].version
        async with aclosing(session.watch(after=after)) as watch:
            seen += shown(await take(watch, 4))
        assert seen == [("appended", f"u{number}") for number in range(12)]

    async def test_far_behind(self, session: LogSession) -> None:
        for number in range(_MANY):
            await session.add_items([item(f"u{number}")])
        async with aclosing(session.watch(after=0)) as watch:
            assert shown(await take(watch, _MANY)) == [("appended", f"u{number}") for number in range(_MANY)]

    async def test_what_is_gone_is_shown_as_removed_only(self, session: LogSession) -> None:
        await session.add_items([item("u1"), item("a1")])
        await session.pop_item()
        await session.add_items([item("u2")])
        await session.pop_item()
        async with aclosing(session.watch(after=0)) as watch:
            assert shown(await take(watch, 3)) == [("appended", "u1"), ("popped", ""), ("popped", "")]

    async def test_many_watch_while_many_write(
        self, session: LogSession, session_id: str, make: MakeLogSession
    ) -> None:
        """Each sees each item once, in the order in which they are stored."""
        writers, each, watchers = 4, 15, 5

        async def write(writer: int) -> None:
            own = make(session_id)
            for number in range(each):
                await own.add_items([item(f"{writer}.{number}"), item("u")])

        async def follow(watch: AsyncGenerator[Change]) -> list[Any]:
            found: list[Any] = []
            async with aclosing(watch):
                while len(found) < writers * each * 2:
                    (change,) = await take(watch, 1)
                    found += zip(change.positions, change.items, strict=True)
            return found

        following = [asyncio.create_task(follow(session.watch(after=0))) for _ in range(watchers)]
        await asyncio.gather(*map(write, range(writers)))
        expected = list(enumerate(await session.get_items(), 1))
        assert await asyncio.gather(*following) == [expected] * watchers

    async def test_nothing_stays_behind(self, session: LogSession) -> None:
        """Neither of one that was closed, nor of one that was cancelled while it waited."""
        await session.add_items([item("u1")])
        before = asyncio.all_tasks()
        watches = [session.watch(after=0) for _ in range(2)]
        for watch in watches:
            assert shown(await take(watch, 1)) == [("appended", "u1")]
        waiting = asyncio.create_task(take(watches[0], 1))
        await asyncio.sleep(0.3)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await watches[1].aclose()
        if left := asyncio.all_tasks() - before:
            await asyncio.wait(left, timeout=_HANGS_AFTER)
        assert asyncio.all_tasks() == before
        with pytest.raises(StopAsyncIteration):
            await anext(watches[0])

    async def test_a_version_that_is_none(self, session: LogSession) -> None:
        with pytest.raises(ValueError, match="after"):
            session.watch(after=-1)
        with pytest.raises(TypeError, match="after"):
            session.watch(after="1")  # type: ignore[arg-type]

    async def test_a_version_that_is_not_yet(self, session: LogSession) -> None:
        """It is that of a session that was deleted since."""
        await session.add_items([item("u1")])
        async with aclosing(session.watch(after=1000)) as watch:
            assert shown(await take(watch, 1)) == [("reset", "")]
            await session.add_items([item("u2")])
            assert shown(await take(watch, 1)) == [("appended", "u2")]
