"""Compaction: as a setting, and with items that expire."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sessions.items.window import Window
from sessions.protocol import SessionSettings
from sessions.settings import Compaction
from sessions.testing.compaction_model import joined, said
from sessions.testing.fixtures import SessionAndClock
from sessions.testing.watching import take

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import MovableClock
    from sessions.testing.fixtures import MakeLogSession

from sessions.testing.compaction.shared import fill, shown


class Settings(SessionAndClock):
    """Compaction: as a setting, and with items that expire."""

    async def test_a_session_compacts_itself_when_it_is_read(self, make: MakeLogSession) -> None:
        when = Compaction(joined, above=Window(items=6), keep_turns=1)
        session = make("compacting itself", session_settings={"compaction": when})
        await fill(session, "u1 a1", "u2 a2", "u3 a3")
        assert await shown(session) == "u1 a1 u2 a2 u3 a3"
        await fill(session, "u4")
        assert await shown(session, 9) == "u1 a1 u2 a2 u3 a3 u4"
        assert await shown(session) == "[u1 a1 u2 a2 u3 a3] u4"
        limited = SessionSettings(limit=1, compaction=when)
        assert await shown(make("compacting itself", session_settings=limited)) == "u4"

    async def test_a_runner_compacts_a_session_that_says_when(self, make: MakeLogSession) -> None:
        plain = make("compacted by runs")
        assert getattr(plain, "run_compaction", None) is None
        when = Compaction(joined, above=Window(items=6), keep_items=2)
        session = make("compacted by runs", session_settings=SessionSettings(compaction=when))
        await fill(session, "u1 a1", "u2 a2")
        await session.run_compaction({"response_id": "resp_1", "store": True})
        assert await shown(plain) == "u1 a1 u2 a2"
        await session.run_compaction({"force": True})
        assert await shown(plain) == "[u1 a1] u2 a2"
        await fill(session, "u3 a3", "u4 a4")
        await session.run_compaction(None)
        assert await shown(plain) == "[[u1 a1] u2 a2 u3 a3] u4 a4"

    async def test_a_setting_leaves_alone_what_others_hold_or_change(self, make: MakeLogSession) -> None:
        when = Compaction(joined, above=Window(items=1))
        settings = SessionSettings(compaction=when)
        holder, other = make("held"), make("held", session_settings=settings)
        await fill(holder, "u1 a1", "u2")
        for exclusive in (True, False):
            async with holder.lease(exclusive=exclusive):
                assert await shown(other) == "u1 a1 u2"
        many = [make("held", session_settings=settings) for _ in range(4)]
        assert await asyncio.gather(*map(shown, many)) == ["[u1 a1] u2"] * 4
        assert len(await other.summaries()) == 1

    async def test_a_summariser_may_read_the_session(self, make: MakeLogSession) -> None:
        async def reads(items: list[Any]) -> str:
            assert len(await session.get_items()) == 3
            return await joined(items)

        session = make("read while summarised", session_settings={"compaction": Compaction(reads, Window(items=1))})
        await fill(session, "u1 a1", "u2")
        assert await shown(session) == "[u1 a1] u2"

    # --- Expiry --------------------------------------------------------------------------------------------------

    async def test_a_summary_expires_with_the_first_that_it_stands_for(
        self, session: LogSession, time: MovableClock
    ) -> None:
        await session.add_items([said("u1")], ttl=None)
        await session.add_items([said("a1")], ttl=10)
        await session.add_items([said("u2")], ttl=None)
        await session.compact(joined)
        assert await shown(session) == "[u1 a1] u2"
        time.move(10)
        assert await shown(session) == "u1 u2"
        assert await session.summaries() == []

    async def test_a_summary_is_as_old_as_the_oldest_that_it_stands_for(
        self, make: MakeLogSession, session: LogSession, time: MovableClock
    ) -> None:
        await session.add_items([said("u1")], ttl=None)
        time.move(5)
        await session.add_items([said("a1"), said("u2")], ttl=None)
        await session.compact(joined)
        time.move(6)
        young = make(session.session_id, ttl=10)
        assert await shown(young) == "a1 u2"
        assert await young.pop_item() == said("u2")
        assert await shown(make(session.session_id)) == "[u1 a1]"
        assert await make(session.session_id).purge_expired(older_than=10) == 0

    async def test_purging_by_age_takes_a_summary_with_the_oldest_that_it_stands_for(
        self, make: MakeLogSession, session: LogSession, time: MovableClock
    ) -> None:
        await session.add_items([said("u1")])
        await session.add_items([said("a1")], ttl=10_000)
        await session.add_items([said("u2")])
        await session.compact(joined)
        time.move(100)
        await make(session.session_id).purge_expired(older_than=50)
        assert await shown(make(session.session_id)) == "a1"

    async def test_readers_who_see_less(self, make: MakeLogSession, session: LogSession, time: MovableClock) -> None:
        """A summary made without seeing the oldest items replaces only the seen items, for every reader."""
        await session.add_items([said("u1")], ttl=None)
        time.move(100)
        await session.add_items([*map(said, ["a1", "u2", "a2", "u3"])], ttl=None)
        await session.compact(joined)
        young = make(session.session_id, ttl=50)
        await young.compact(joined, keep_items=2)
        assert await shown(young) == "[a1 u2] a2 u3"
        assert await shown(session) == "[u1 a1 u2 a2] u3"
        await session.undo_compaction()
        assert await shown(session) == "u1 [a1 u2] a2 u3"

    async def test_what_was_taken_back_stays_so_if_that_is_summarised(
        self, make: MakeLogSession, session: LogSession, time: MovableClock
    ) -> None:
        await session.add_items([said("u1")], ttl=None)
        await session.compact(joined, keep_turns=0)
        time.move(100)
        await session.add_items([said("u2")], ttl=None)
        await session.undo_compaction()
        await session.add_items([said("a3")], ttl=None)
        await make(session.session_id, ttl=50).compact(joined, keep_turns=0)
        assert await shown(session) == "u1 [u2 a3]"

    async def test_watchers_are_told(self, session: LogSession) -> None:
        await fill(session, "u1 a1", "u2 a2")
        version = await session.version()
        await session.compact(joined)
        await session.undo_compaction()
        await session.pop_item()
        watch = session.watch(after=version)
        changes = await take(watch, 3)
        await watch.aclose()
        assert [change.kind for change in changes] == ["compacted", "expanded", "popped"]
        assert changes[2].items == []
