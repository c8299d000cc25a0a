"""Retention: each branch keeps its last turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.testing.retention.shared import answer, changes, talk, texts_of, user
from sessions.testing.verified import check_verified
from sessions.types.retention import RetentionPolicy

if TYPE_CHECKING:
    from sessions.testing.expiry_model import MovableClock, OpenStore


class LastTurns:
    """Older turns are removed, and the last ones are kept."""

    async def test_the_last_turns_are_kept(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        session = store.session("s")
        await session.add_items([{"role": "system", "content": "rules"}, answer("hello")])
        await talk(session, 5)
        await session.usage.record(input_tokens=3)
        changed = (await store.sessions())[0].updated_at
        time.move(5)
        assert (await store.retain(RetentionPolicy(keep_turns=5), dry_run=True)).entries == 1
        assert (await store.retain(RetentionPolicy(keep_turns=6), dry_run=True)).trimmed == 0
        report = await store.retain(RetentionPolicy(keep_turns=2), batch=3)
        assert (report.erased, report.trimmed, report.entries) == (0, 1, 7)
        assert await texts_of(session) == "rules u4 a4 u5 a5"
        assert [turn.number for turn in await session.turns()] == [0, 4, 5]
        assert (await session.usage.total()).input_tokens == 3
        assert (await store.sessions())[0].updated_at == changed
        assert [change.kind async for change in changes(session)][-1] == "purged"
        assert (await store.retain(RetentionPolicy(keep_turns=2))).trimmed == 0
        await session.add_items([user("u6")])
        assert (await store.retain(RetentionPolicy(keep_turns=2))).entries == 2
        assert await texts_of(session) == "rules u5 a5 u6"
        assert await session.undo() == [user("u6")]
        assert await session.redo() == [user("u6")]

    async def test_each_branch_keeps_its_own_last_turns(self, open_here: OpenStore, time: MovableClock) -> None:
        del time
        store = open_here()
        session = store.session("s")
        await talk(session, 4)
        await session.branches.create("b")
        await session.branches.create("early", turn=2)
        for number in (5, 6, 7):
            await session.add_items([user(f"u{number}")])
        await session.on_branch("b").add_items([user("b5")])
        report = await store.retain(RetentionPolicy(keep_turns=2))
        # Turn 1 and 2 of "early"; turn 4 and b5 of "b"; of main, only 6 and 7 stay.
        assert await texts_of(session.on_branch("early")) == "u1 a1"
        assert (await session.on_branch("b").get_items())[-3:] == [user("u4"), answer("a4"), user("b5")]
        assert (await session.get_items())[-2:] == [user("u6"), user("u7")]
        kept = {"u1", "a1", "u4", "a4", "b5", "u6", "u7"}
        seen = {
            item["content"] for name in ("main", "b", "early") for item in await session.on_branch(name).get_items()
        }
        assert seen == kept
        assert report.entries == 12 - len(kept)

    async def test_ways_that_were_left_keep_the_same_turns(self, open_here: OpenStore, time: MovableClock) -> None:
        del time
        store = open_here()
        session = store.session("s")
        await session.add_items([user("u1 old")])
        await session.undo()
        await talk(session, 3)
        await session.undo()
        await session.add_items([user("u3 new")])
        await session.add_items([user("u4")])
        await session.undo()
        assert (await store.retain(RetentionPolicy(keep_turns=2))).entries == 3
        assert await texts_of(session) == "u2 a2 u3 new"
        assert [sibling.count for sibling in await session.siblings(3)] == [2, 2]
        await session.redo()
        assert await texts_of(session) == "u2 a2 u3 new u4"
        await session.choose((await session.siblings(3))[0])
        assert await texts_of(session) == "u2 a2 u3 a3"

    async def test_an_attempt_keeps_its_own_last_turns(self, open_here: OpenStore, time: MovableClock) -> None:
        del time
        store = open_here()
        session = store.session("s")
        await talk(session, 5)
        async with session.attempt(turn=2) as attempt:
            await attempt.add_items([user("u2 new")])
            # Turns 1 to 3 of main go; the attempt sees turn 1 and its own question.
            assert (await store.retain(RetentionPolicy(keep_turns=2))).entries == 4
            await attempt.add_items([answer("a2 new")])
        assert await texts_of(session) == "u1 a1 u2 new a2 new"

    async def test_a_summary_stays_with_its_own_turn(self, open_here: OpenStore, time: MovableClock) -> None:
        del time
        store = open_here()
        session = store.session("s")
        await talk(session, 3)

        async def summarise(items: list[Any]) -> str:
            return f"summary of {len(items)}"

        await session.compact(summarise)
        await talk(session, 1)
        assert (await store.retain(RetentionPolicy(keep_turns=2))).entries == 4
        assert await texts_of(session) == "summary of 4 u3 a3 u1 a1"
        assert (await store.retain(RetentionPolicy(keep_turns=1))).entries == 3
        assert await texts_of(session) == "u1 a1"

    async def test_turns_of_which_nothing_is_left_are_not_counted(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        store = open_here()
        session = store.session("s")
        for number in range(1, 7):
            await session.add_items([user(f"u{number}")], ttl=5 if number in (4, 6) else None)
        time.move(5)
        await store.retain(RetentionPolicy(keep_turns=2))
        assert await texts_of(session) == "u3 u5"

    async def test_a_title_that_was_made_of_a_removed_message_goes(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        """Fails without: log/lifetime/retain.py, `_forget_title`, or `is_elsewhere` in it."""
        del time
        store = open_here(title=lambda message: message["content"])
        for name in ("made", "given"):
            await talk(store.session(name), 3)
        await store.session("given").set_info(title="mine")
        await store.fork("made", "fork")
        assert (await store.retain(RetentionPolicy(keep_turns=3))).trimmed == 0
        assert {found.session_id: found.title for found in await store.sessions()} == {
            "made": "u1", "given": "mine", "fork": "u1",
        }  # fmt: skip
        assert (await store.retain(RetentionPolicy(keep_turns=2), scrub=False)).trimmed == 3
        assert {found.session_id: found.title for found in await store.sessions()} == {
            "made": None, "given": "mine", "fork": None,
        }  # fmt: skip
        for name in ("made", "given", "fork"):
            await check_verified(store.session(name))
