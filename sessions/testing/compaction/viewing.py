"""Compaction: the view of a model, and the originals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions.errors import SummaryError
from sessions.testing.compaction_model import joined, said, texts
from sessions.testing.fixtures import SessionAndClock

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.fixtures import MakeLogSession

from sessions.testing.compaction.shared import CALL, OUTPUT, fill, shown


class Viewing(SessionAndClock):
    """Compaction: the view of a model, and the originals."""

    async def test_a_summary_is_shown_in_place_of_the_older_turns(
        self, make: MakeLogSession, session: LogSession
    ) -> None:
        await fill(session, "u1 a1", "u2 a2", "u3 a3")
        summary = await session.compact(joined)
        assert summary is not None
        assert (summary.first, summary.last, summary.items) == (1, 4, [said("[u1 a1 u2 a2]") | {"role": "user"}])
        assert await shown(make(session.session_id)) == "[u1 a1 u2 a2] u3 a3"
        assert await shown(session, 3) == "[u1 a1 u2 a2] u3 a3"
        assert await shown(session, 2) == "u3 a3"
        assert await session.summaries() == [summary]
        await fill(session, "u4 a4")
        assert await shown(session) == "[u1 a1 u2 a2] u3 a3 u4 a4"

    async def test_the_originals_stay_readable(self, session: LogSession) -> None:
        await fill(session, "u1 a1", "u2 a2", "u3 a3")
        summary = await session.compact(joined, keep_turns=0)
        assert summary is not None
        originals = await session.entries(after=summary.first - 1, before=summary.last + 1)
        assert texts([entry.item for entry in originals]) == "u1 a1 u2 a2 u3 a3"
        assert [texts(turn.items) for turn in await session.turns()] == ["u1 a1", "u2 a2", "u3 a3"]
        assert (await session.branches.list())[0].items == 6
        last = (await session.entries(1))[0]
        assert (last.kind, last.hidden, last.position, last.turn) == ("summary", True, summary.position, 3)
        assert last.item["items"] == summary.items

    async def test_taking_a_summary_back(self, session: LogSession) -> None:
        await fill(session, "u1 a1", "u2 a2")
        first = await session.compact(joined)
        await fill(session, "u3 a3")
        second = await session.compact(joined)
        assert await shown(session) == "[[u1 a1] u2 a2] u3 a3"
        assert await session.summaries() == [second]
        assert await session.undo_compaction() == second
        assert await shown(session) == "[u1 a1] u2 a2 u3 a3"
        assert await session.summaries() == [first]
        assert await session.undo_compaction() == first
        assert await shown(session) == "u1 a1 u2 a2 u3 a3"
        with pytest.raises(SummaryError, match="branch 'main' has no summary to revert"):
            await session.undo_compaction()

    async def test_nothing_to_summarise(self, session: LogSession) -> None:
        async def never(_: list[Any]) -> str:
            raise AssertionError("called")

        assert await session.compact(never) is None
        assert await session.summaries() == []
        await fill(session, "s0", "u1 a1")
        assert await session.compact(never) is None
        assert await session.compact(never, keep_turns=5) is None
        assert await session.compact(never, keep_items=2) is None
        await session.compact(joined, keep_turns=0)
        version = await session.version()
        assert await session.compact(never, keep_turns=0) is None
        assert await session.version() == version
        assert await shown(session) == "s0 [u1 a1]"

    async def test_rounds_stay_whole(self, session: LogSession) -> None:
        loop: list[Any] = []
        for number in range(3):
            loop += [{**CALL, "call_id": str(number)}, {**OUTPUT, "call_id": str(number)}]
        await session.add_items([said("u1"), *loop, said("u2"), CALL])

        async def count(items: list[Any]) -> str:
            return f"{len(items)} items"

        # Of a call and its output both are kept.
        await session.compact(count, keep_items=5)
        assert await session.get_items() == [said("u3 items") | {"content": "3 items"}, *loop[2:], said("u2"), CALL]
        # A call that waits for its output is.
        await session.compact(count, keep_turns=0)
        assert await session.get_items() == [said("u") | {"content": "6 items"}, CALL]
        await session.add_items([OUTPUT])
        assert [damage.kind for damage in (await session.repair()).damages] == []

    async def test_a_summary_may_be_an_item_or_several(self, session: LogSession) -> None:
        await fill(session, "u1 a1", "u2 a2", "u3 a3")

        async def one(_: list[Any]) -> Any:
            return said("s summary")

        async def two(_: list[Any]) -> Any:
            return [said("u so"), said("a far")]

        await session.compact(one, keep_turns=2)
        assert await session.get_items() == [said("s summary"), *map(said, ["u2", "a2", "u3", "a3"])]
        # Any except instructions are summarised with the items that follow.
        await session.compact(two)
        assert await session.get_items() == [said("u so"), said("a far"), said("u3"), said("a3")]
        assert await session.get_items(3) == [said("a far"), said("u3"), said("a3")]
        # It is taken whole, or not at all.
        assert await session.compact(two, keep_items=3) is None

    async def test_windows_hold_summaries(self, session: LogSession) -> None:
        await fill(session, "u1 a1", "u2 a2", "u3 a3")
        await session.compact(joined)
        assert texts(await session.window()) == "[u1 a1 u2 a2] u3 a3"
        assert texts(await session.window(turns=1)) == "u3 a3"
        assert texts(await session.window(turns=2)) == "[u1 a1 u2 a2] u3 a3"

    async def test_popping_through_a_summary(self, session: LogSession) -> None:
        await fill(session, "u1 a1", "u2 a2")
        await session.compact(joined)
        assert [(await session.pop_item() or {}).get("content") for _ in range(4)] == ["a2", "u2", "[u1 a1]", None]
        assert await session.get_items() == []
        assert [texts(turn.items) for turn in await session.turns()] == ["u1 a1"]
        await fill(session, "u3")
        assert await shown(session) == "u3"
        assert (await session.turns())[-1].number == 2
        # The popped item does not come back; its summary's range was not popped.
        assert "[u1 a1]" not in str(await session.entries())
        await session.undo_compaction()
        assert await shown(session) == "u1 a1 u3"
        with pytest.raises(SummaryError):
            await session.undo_compaction()

    @pytest.mark.parametrize("mark", ["handover", "summary"])
    async def test_turns_rise_where_a_message_before_a_mark_was_popped(self, session: LogSession, mark: str) -> None:
        await fill(session, "u1 a1", "u2")
        await (session.handover("billing") if mark == "handover" else session.compact(joined))
        await session.pop_item()
        await fill(session, "a9", "u3")
        assert [texts(turn.items) for turn in await session.turns()] == ["u1 a1 a9", "u3"]
        assert texts((await session.get_turn(2)).items) == "u3"
        assert [texts(turn.items) for turn in await session.turns(1)] == ["u3"]
        assert texts(await session.undo()) == "u3"
        assert await shown(session) == {"handover": "u1 a1 a9", "summary": "[u1 a1] a9"}[mark]
