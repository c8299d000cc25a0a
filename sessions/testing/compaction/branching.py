"""Compaction: branches, undo and repair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions.testing.compaction_model import joined, said, texts
from sessions.testing.fixtures import SessionAndClock

if TYPE_CHECKING:
    from sessions.session.base import LogSession

from sessions.testing.compaction.shared import CALL, OUTPUT, fill, shown


class Branching(SessionAndClock):
    """Compaction: branches, undo and repair."""

    async def test_undo_goes_back_to_before_a_later_summary(self, session: LogSession) -> None:
        await fill(session, "u1 a1", "u2 a2")
        await session.compact(joined)
        await fill(session, "u3 a3")
        assert texts(await session.undo()) == "u3 a3"
        assert await shown(session) == "[u1 a1] u2 a2"
        assert texts(await session.undo()) == "u2 a2"
        assert await shown(session) == "u1 a1"
        assert texts(await session.redo()) == "u2 a2"
        assert await shown(session) == "[u1 a1] u2 a2"
        assert texts(await session.redo()) == "u3 a3"
        assert await shown(session) == "[u1 a1] u2 a2 u3 a3"

    async def test_a_branch_has_the_summaries_that_were_there(self, session: LogSession) -> None:
        await fill(session, "u1 a1", "u2 a2", "u3 a3")
        await session.branches.create("before")
        await session.compact(joined)
        await session.branches.create("after")
        await session.branches.create("earlier", turn=2)
        after = session.on_branch("after")
        assert await shown(session.on_branch("before")) == "u1 a1 u2 a2 u3 a3"
        assert await shown(session.on_branch("earlier")) == "u1 a1"
        assert await shown(after) == "[u1 a1 u2 a2] u3 a3"
        # Entries that others see stay: the summary is put behind the remaining ones.
        assert await after.pop_item() == said("a3")
        assert await shown(after) == "[u1 a1 u2 a2] u3"
        await after.undo_compaction()
        assert await shown(after) == "u1 a1 u2 a2 u3"
        assert await shown(session) == "[u1 a1 u2 a2] u3 a3"
        assert [branch.items for branch in await session.branches.list()] == [6, 6, 5, 2]

    async def test_a_branch_takes_back_what_was_there_before(self, session: LogSession) -> None:
        await fill(session, "u1 a1", "u2 a2")
        await session.compact(joined)
        await session.undo_compaction()
        await session.branches.create("other")
        other = session.on_branch("other")
        await other.compact(joined)
        await other.undo_compaction()
        await fill(other, "a3")
        assert await other.pop_item() == said("a3")
        assert await other.pop_item() == said("a2")
        assert await shown(other) == "u1 a1 u2"
        assert await other.summaries() == []

    async def test_marks_make_no_siblings(self, session: LogSession) -> None:
        await fill(session, "u1 a1", "u2 a2")
        await session.branches.create("other")
        await session.compact(joined)
        await session.handover("billing")
        assert [sibling.count for sibling in await session.siblings(2)] == [1]
        assert [sibling.count for sibling in await session.siblings()] == [1]

    async def test_repair_keeps_what_was_summarised(self, session: LogSession) -> None:
        await fill(session, "u1 a1", "u2 a2")
        await session.add_items([said("u3"), CALL, said("u4")])
        await session.compact(joined, keep_turns=2)
        await session.handover("billing")
        report = await session.repair(apply=True)
        assert [(damage.kind, damage.position) for damage in report.damages] == [("open_call", 6)]
        shown = await session.get_items()
        assert shown[0]["content"] == "[u1 a1 u2 a2]"
        assert [item.get("type") for item in shown[1:]] == [None, "function_call", "function_call_output", None]
        assert [entry.kind for entry in await session.entries() if entry.hidden] == ["summary", "handover"]
        assert not (await session.repair()).damages
        await session.undo_compaction()
        assert texts((await session.get_items())[:4]) == "u1 a1 u2 a2"

    async def test_a_summary_of_which_too_much_was_popped_is_repaired(self, session: LogSession) -> None:
        thought = {"type": "reasoning", "id": "r", "summary": []}

        async def think(_: list[Any]) -> list[Any]:
            return [said("u so far"), thought, {**said("a so"), "type": "message"}]

        await fill(session, "u1 a1")
        await session.compact(think, keep_turns=0)
        await session.pop_item()
        report = await session.repair(apply=True)
        assert [damage.kind for damage in report.damages] == ["lone_reasoning"]
        assert await session.get_items() == [said("u so far")]
        version = await session.version()
        assert not (await session.repair(apply=True)).damages
        assert await session.version() == version
        await session.undo_compaction()
        assert texts(await session.get_items()) == "u1 a1"

    async def test_an_output_stays_with_its_call(self, session: LogSession) -> None:
        await session.add_items([*map(said, ["u1", "a1", "u2"]), CALL, said("u3"), OUTPUT, said("a3")])
        await session.compact(joined)
        assert await session.get_items() == [
            said("u") | {"content": "[u1 a1 u2]"},
            CALL,
            said("u3"),
            OUTPUT,
            said("a3"),
        ]
        assert [damage.kind for damage in (await session.repair()).damages] == ["displaced_output"]

    async def test_a_summary_ends_before_a_call_that_may_still_be_answered(self, session: LogSession) -> None:
        """Without: log/context/older.py, `_first_waiting`."""
        await fill(session, "u1 a1", "u2")
        await session.add_items([CALL])
        await fill(session, "u3 a3", "u4 a4")
        await session.compact(joined)
        assert [item.get("content") for item in await session.get_items()][:2] == ["[u1 a1 u2]", None]
        assert await session.compact(joined, keep_items=0) is None
        await session.add_items([OUTPUT])
        assert [damage.kind for damage in (await session.repair(apply=True)).damages] == ["displaced_output"]
        assert (await session.get_items())[1:3] == [CALL, OUTPUT]

    @pytest.mark.parametrize("why", ["repaired", "its turn is over"])
    async def test_a_call_that_is_dead_is_summarised_and_comes_back_with_its_output(
        self, session: LogSession, why: str
    ) -> None:
        """Without: log/context/compact.py, `_over`; log/context/walker.py, `_answered`."""
        if why == "repaired":
            await session.add_items([said("u1"), CALL])
            await session.repair(apply=True)
        else:
            async with session.lease() as leased:
                await leased.add_items([said("u1"), CALL])
        await fill(session, "u2 a2")

        async def short(_: list[Any]) -> str:
            return "There was a call."

        await session.compact(short)
        summary = said("u") | {"content": "There was a call."}
        await fill(session, "u3 a3")
        await session.compact(short)
        assert await session.get_items() == [summary, *map(said, ["u3", "a3"])]

        await session.add_items([OUTPUT])
        shown = [summary, CALL, *map(said, ["u3", "a3"]), OUTPUT]
        assert await session.get_items() == shown
        assert await session.get_items(4) == shown[1:]
        assert await session.pop_item() == OUTPUT
        assert await session.get_items() == [summary, *map(said, ["u3", "a3"])]
        await session.add_items([OUTPUT])
        assert [damage.kind for damage in (await session.repair(apply=True)).damages] == ["displaced_output"]
        repaired = [summary, CALL, OUTPUT, *map(said, ["u3", "a3"])]
        assert await session.get_items() == await session.window() == repaired
        assert not (await session.repair()).damages
        await session.compact(short)
        assert await session.get_items() == [summary, *map(said, ["u3", "a3"])]

    async def test_a_turn_of_an_unknown_shape_is_summarised_whole(self, session: LogSession) -> None:
        foreign = {"role": "user", "content": [{"type": "tool_result", "content": "a"}]}
        await session.add_items([*map(said, ["u1", "a1", "u2"]), foreign, said("a2")])

        async def count(items: list[Any]) -> str:
            return f"{len(items)} items"

        for keep_items in (1, 2):
            await session.compact(count, keep_items=keep_items)
            assert (await session.get_items())[1:] == [said("u2"), foreign, said("a2")]
            await session.undo_compaction()

    async def test_what_was_summarised_needs_no_repair(self, session: LogSession) -> None:
        async with session.lease() as leased:
            await leased.add_items([said("u1"), CALL])
        await fill(session, "u2 a2", "u3 a3")

        async def short(_: list[Any]) -> str:
            return "There was a call."

        assert await session.compact(short)
        assert not (await session.repair(apply=True)).repaired
