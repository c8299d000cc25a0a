"""The contract for compaction of a session of this package, as tests to run on your own store.

As `sessions.testing.HistoryContract`, for the model's view of a compacted branch, and for the originals.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from sessions.errors import ConflictError, InvalidItemError, SessionBusyError, SummaryError
from sessions.items.window import Window
from sessions.protocol import SessionSettings
from sessions.settings import Compaction
from sessions.testing.compaction_model import CompactionMachine, joined, said, texts
from sessions.testing.fixtures import SessionAndClock
from sessions.testing.watching import take

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import MovableClock
    from sessions.testing.fixtures import MakeLogSession


_CALL = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}
_OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "."}


async def _fill(session: LogSession, *turns: str) -> None:
    for turn in turns:
        await session.add_items([said(text) for text in turn.split()])


async def _shown(session: LogSession, limit: int | None = None) -> str:
    return texts(await session.get_items(limit))


class CompactionContract(SessionAndClock):
    """The promises of a session over the log about compaction. Give it the fixture `make`, as `SessionContract`."""

    EXAMPLES: ClassVar[int] = 40
    """How many sequences of operations are compared with the model; fewer do for a slow store that shares its code."""

    def test_any_sequence_of_operations(self, make: MakeLogSession) -> None:
        run_state_machine_as_test(
            lambda: CompactionMachine(make),  # type: ignore[arg-type]
            settings=settings(
                max_examples=self.EXAMPLES,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
            ),
        )

    # --- The view and the originals ------------------------------------------------------------------------------

    async def test_a_summary_is_shown_in_place_of_the_older_turns(
        self, make: MakeLogSession, session: LogSession
    ) -> None:
        await _fill(session, "u1 a1", "u2 a2", "u3 a3")
        summary = await session.compact(joined)
        assert summary is not None
        assert (summary.first, summary.last, summary.items) == (1, 4, [said("[u1 a1 u2 a2]") | {"role": "user"}])
        assert await _shown(make(session.session_id)) == "[u1 a1 u2 a2] u3 a3"
        assert await _shown(session, 3) == "[u1 a1 u2 a2] u3 a3"
        assert await _shown(session, 2) == "u3 a3"
        assert await session.summaries() == [summary]
        await _fill(session, "u4 a4")
        assert await _shown(session) == "[u1 a1 u2 a2] u3 a3 u4 a4"

    async def test_the_originals_stay_readable(self, session: LogSession) -> None:
        await _fill(session, "u1 a1", "u2 a2", "u3 a3")
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
        await _fill(session, "u1 a1", "u2 a2")
        first = await session.compact(joined)
        await _fill(session, "u3 a3")
        second = await session.compact(joined)
        assert await _shown(session) == "[[u1 a1] u2 a2] u3 a3"
        assert await session.summaries() == [second]
        assert await session.undo_compaction() == second
        assert await _shown(session) == "[u1 a1] u2 a2 u3 a3"
        assert await session.summaries() == [first]
        assert await session.undo_compaction() == first
        assert await _shown(session) == "u1 a1 u2 a2 u3 a3"
        with pytest.raises(SummaryError, match="branch 'main' has no summary to revert"):
            await session.undo_compaction()

    async def test_nothing_to_summarise(self, session: LogSession) -> None:
        async def never(_: list[Any]) -> str:
            raise AssertionError("called")

        assert await session.compact(never) is None
        assert await session.summaries() == []
        await _fill(session, "s0", "u1 a1")
        assert await session.compact(never) is None
        assert await session.compact(never, keep_turns=5) is None
        assert await session.compact(never, keep_items=2) is None
        await session.compact(joined, keep_turns=0)
        version = await session.version()
        assert await session.compact(never, keep_turns=0) is None
        assert await session.version() == version
        assert await _shown(session) == "s0 [u1 a1]"

    async def test_rounds_stay_whole(self, session: LogSession) -> None:
        loop: list[Any] = []
        for number in range(3):
            loop += [{**_CALL, "call_id": str(number)}, {**_OUTPUT, "call_id": str(number)}]
        await session.add_items([said("u1"), *loop, said("u2"), _CALL])

        async def count(items: list[Any]) -> str:
            return f"{len(items)} items"

        # Of a call and its output both are kept.
        await session.compact(count, keep_items=5)
        assert await session.get_items() == [said("u3 items") | {"content": "3 items"}, *loop[2:], said("u2"), _CALL]
        # A call that waits for its output is.
        await session.compact(count, keep_turns=0)
        assert await session.get_items() == [said("u") | {"content": "6 items"}, _CALL]
        await session.add_items([_OUTPUT])
        assert [damage.kind for damage in (await session.repair()).damages] == []

    async def test_a_summary_may_be_an_item_or_several(self, session: LogSession) -> None:
        await _fill(session, "u1 a1", "u2 a2", "u3 a3")

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
        await _fill(session, "u1 a1", "u2 a2", "u3 a3")
        await session.compact(joined)
        assert texts(await session.window()) == "[u1 a1 u2 a2] u3 a3"
        assert texts(await session.window(turns=1)) == "u3 a3"
        assert texts(await session.window(turns=2)) == "[u1 a1 u2 a2] u3 a3"

    async def test_popping_through_a_summary(self, session: LogSession) -> None:
        await _fill(session, "u1 a1", "u2 a2")
        await session.compact(joined)
        assert [(await session.pop_item() or {}).get("content") for _ in range(4)] == ["a2", "u2", "[u1 a1]", None]
        assert await session.get_items() == []
        assert [texts(turn.items) for turn in await session.turns()] == ["u1 a1"]
        await _fill(session, "u3")
        assert await _shown(session) == "u3"
        assert (await session.turns())[-1].number == 2
        # The popped item does not come back; its summary's range was not popped.
        assert "[u1 a1]" not in str(await session.entries())
        await session.undo_compaction()
        assert await _shown(session) == "u1 a1 u3"
        with pytest.raises(SummaryError):
            await session.undo_compaction()

    @pytest.mark.parametrize("mark", ["handover", "summary"])
    async def test_turns_rise_where_a_message_before_a_mark_was_popped(self, session: LogSession, mark: str) -> None:
        await _fill(session, "u1 a1", "u2")
        await (session.handover("billing") if mark == "handover" else session.compact(joined))
        await session.pop_item()
        await _fill(session, "a9", "u3")
        assert [texts(turn.items) for turn in await session.turns()] == ["u1 a1 a9", "u3"]
        assert texts((await session.get_turn(2)).items) == "u3"
        assert [texts(turn.items) for turn in await session.turns(1)] == ["u3"]
        assert texts(await session.undo()) == "u3"
        assert await _shown(session) == {"handover": "u1 a1 a9", "summary": "[u1 a1] a9"}[mark]

    # --- Branches, undo, repair ----------------------------------------------------------------------------------

    async def test_undo_goes_back_to_before_a_later_summary(self, session: LogSession) -> None:
        await _fill(session, "u1 a1", "u2 a2")
        await session.compact(joined)
        await _fill(session, "u3 a3")
        assert texts(await session.undo()) == "u3 a3"
        assert await _shown(session) == "[u1 a1] u2 a2"
        assert texts(await session.undo()) == "u2 a2"
        assert await _shown(session) == "u1 a1"
        assert texts(await session.redo()) == "u2 a2"
        assert await _shown(session) == "[u1 a1] u2 a2"
        assert texts(await session.redo()) == "u3 a3"
        assert await _shown(session) == "[u1 a1] u2 a2 u3 a3"

    async def test_a_branch_has_the_summaries_that_were_there(self, session: LogSession) -> None:
        await _fill(session, "u1 a1", "u2 a2", "u3 a3")
        await session.branches.create("before")
        await session.compact(joined)
        await session.branches.create("after")
        await session.branches.create("earlier", turn=2)
        after = session.on_branch("after")
        assert await _shown(session.on_branch("before")) == "u1 a1 u2 a2 u3 a3"
        assert await _shown(session.on_branch("earlier")) == "u1 a1"
        assert await _shown(after) == "[u1 a1 u2 a2] u3 a3"
        # Entries that others see stay: the summary is put behind the remaining ones.
        assert await after.pop_item() == said("a3")
        assert await _shown(after) == "[u1 a1 u2 a2] u3"
        await after.undo_compaction()
        assert await _shown(after) == "u1 a1 u2 a2 u3"
        assert await _shown(session) == "[u1 a1 u2 a2] u3 a3"
        assert [branch.items for branch in await session.branches.list()] == [6, 6, 5, 2]

    async def test_a_branch_takes_back_what_was_there_before(self, session: LogSession) -> None:
        await _fill(session, "u1 a1", "u2 a2")
        await session.compact(joined)
        await session.undo_compaction()
        await session.branches.create("other")
        other = session.on_branch("other")
        await other.compact(joined)
        await other.undo_compaction()
        await _fill(other, "a3")
        assert await other.pop_item() == said("a3")
        assert await other.pop_item() == said("a2")
        assert await _shown(other) == "u1 a1 u2"
        assert await other.summaries() == []

    async def test_marks_make_no_siblings(self, session: LogSession) -> None:
        await _fill(session, "u1 a1", "u2 a2")
        await session.branches.create("other")
        await session.compact(joined)
        await session.handover("billing")
        assert [sibling.count for sibling in await session.siblings(2)] == [1]
        assert [sibling.count for sibling in await session.siblings()] == [1]

    async def test_repair_keeps_what_was_summarised(self, session: LogSession) -> None:
        await _fill(session, "u1 a1", "u2 a2")
        await session.add_items([said("u3"), _CALL, said("u4")])
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

        await _fill(session, "u1 a1")
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
        await session.add_items([*map(said, ["u1", "a1", "u2"]), _CALL, said("u3"), _OUTPUT, said("a3")])
        await session.compact(joined)
        assert await session.get_items() == [
            said("u") | {"content": "[u1 a1 u2]"},
            _CALL,
            said("u3"),
            _OUTPUT,
            said("a3"),
        ]
        assert [damage.kind for damage in (await session.repair()).damages] == ["displaced_output"]

    async def test_a_summary_ends_before_a_call_that_may_still_be_answered(self, session: LogSession) -> None:
        """Without: log/context/older.py, `_first_waiting`."""
        await _fill(session, "u1 a1", "u2")
        await session.add_items([_CALL])
        await _fill(session, "u3 a3", "u4 a4")
        await session.compact(joined)
        assert [item.get("content") for item in await session.get_items()][:2] == ["[u1 a1 u2]", None]
        assert await session.compact(joined, keep_items=0) is None
        await session.add_items([_OUTPUT])
        assert [damage.kind for damage in (await session.repair(apply=True)).damages] == ["displaced_output"]
        assert (await session.get_items())[1:3] == [_CALL, _OUTPUT]

    @pytest.mark.parametrize("why", ["repaired", "its turn is over"])
    async def test_a_call_that_is_dead_is_summarised_and_comes_back_with_its_output(
        self, session: LogSession, why: str
    ) -> None:
        """Without: log/context/compact.py, `_over`; log/context/walker.py, `_answered`."""
        if why == "repaired":
            await session.add_items([said("u1"), _CALL])
            await session.repair(apply=True)
        else:
            async with session.lease() as leased:
                await leased.add_items([said("u1"), _CALL])
        await _fill(session, "u2 a2")

        async def short(_: list[Any]) -> str:
            return "There was a call."

        await session.compact(short)
        summary = said("u") | {"content": "There was a call."}
        await _fill(session, "u3 a3")
        await session.compact(short)
        assert await session.get_items() == [summary, *map(said, ["u3", "a3"])]

        await session.add_items([_OUTPUT])
        shown = [summary, _CALL, *map(said, ["u3", "a3"]), _OUTPUT]
        assert await session.get_items() == shown
        assert await session.get_items(4) == shown[1:]
        assert await session.pop_item() == _OUTPUT
        assert await session.get_items() == [summary, *map(said, ["u3", "a3"])]
        await session.add_items([_OUTPUT])
        assert [damage.kind for damage in (await session.repair(apply=True)).damages] == ["displaced_output"]
        repaired = [summary, _CALL, _OUTPUT, *map(said, ["u3", "a3"])]
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
            await leased.add_items([said("u1"), _CALL])
        await _fill(session, "u2 a2", "u3 a3")

        async def short(_: list[Any]) -> str:
            return "There was a call."

        assert await session.compact(short)
        assert not (await session.repair(apply=True)).repaired

    # --- While others write --------------------------------------------------------------------------------------

    async def test_others_go_on_while_a_summary_is_made(self, make: MakeLogSession, session: LogSession) -> None:
        await _fill(session, "u1 a1", "u2 a2")
        other = make(session.session_id)

        async def slow(items: list[Any]) -> str:
            await _fill(other, "u3 a3")
            await other.handover("billing")
            return await joined(items)

        await session.compact(slow)
        assert await _shown(other) == "[u1 a1] u2 a2 u3 a3"

    @pytest.mark.parametrize("how", ["popped", "undone", "summarised", "taken back", "cleared"])
    async def test_what_changed_meanwhile_is_not_summarised(
        self, make: MakeLogSession, session: LogSession, how: str
    ) -> None:
        await _fill(session, "u1 a1", "u2 a2")
        await session.compact(joined)
        other = make(session.session_id)

        async def change(_: list[Any]) -> str:
            if how == "popped":
                await other.pop_item()
                await _fill(other, "b2")
            elif how == "undone":
                await other.undo()
                await _fill(other, "u3 a3")
            elif how == "summarised":
                await other.compact(joined, keep_turns=0)
            elif how == "taken back":
                await other.undo_compaction()
            else:
                await other.clear_session()
                await _fill(other, "u1 a1", "u2 a2")
            return "outdated"

        with pytest.raises(
            ConflictError, match=r"changed while they were being summarised\. Nothing was changed\. Try again"
        ) as caught:
            await session.compact(change, keep_turns=0)
        assert caught.value.version == await session.version()
        assert "outdated" not in await _shown(session)

    async def test_two_who_compact_at_once(self, make: MakeLogSession, session: LogSession) -> None:
        await _fill(session, *(f"u{number} a{number}" for number in range(6)))
        done = await asyncio.gather(
            *(make(session.session_id).compact(joined, keep_turns=keep) for keep in (1, 2, 3)), return_exceptions=True
        )
        made = [summary for summary in done if not isinstance(summary, ConflictError)]
        assert len(await session.summaries()) == 1
        assert len(made) >= 1

    async def test_whoever_is_kept_out_compacts_nothing(self, make: MakeLogSession, session: LogSession) -> None:
        await _fill(session, "u1 a1", "u2 a2")
        async with session.lease(holder="sales", exclusive=True) as leased:
            version = await session.version()
            other = make(session.session_id)
            called: list[Any] = []

            async def note(items: list[Any]) -> str:
                called.append(items)
                return "paid for"

            for change in (other.compact(note), other.handover("billing"), other.undo_compaction()):
                with pytest.raises(SessionBusyError, match="is leased by 'sales'"):
                    await change
            assert await session.version() == version
            assert not called
            await leased.compact(joined)
            await leased.handover("billing")
        assert await _shown(session) == "[u1 a1] u2 a2"

    async def test_a_failed_summary_changes_nothing(self, session: LogSession) -> None:
        await _fill(session, "u1 a1", "u2 a2")
        version = await session.version()

        async def fails(_: list[Any]) -> str:
            raise RuntimeError("no summary today")

        with pytest.raises(RuntimeError, match="no summary today"):
            await session.compact(fails)
        with pytest.raises(TypeError, match="must be an async function, but returned str at once"):
            await session.compact(lambda _: "at once")  # type: ignore[arg-type, return-value]
        for answer, error in (
            (None, "must return a text, an item or a list"),
            ([1], "must return a text, an item or a list"),
            ("", "returned nothing"),
            ([], "returned nothing"),
            (_OUTPUT, "returned items that no provider accepts .orphan_output.. Nothing was changed"),
            ([said("u"), _CALL], "returned items that no provider accepts .open_call."),
        ):

            async def answers(_: list[Any], answer: Any = answer) -> Any:
                return answer

            with pytest.raises(SummaryError, match=error):
                await session.compact(answers)

        async def unstorable(_: list[Any]) -> str:
            return "\ud800"

        with pytest.raises(InvalidItemError, match="the summary"):
            await session.compact(unstorable)
        assert await session.version() == version

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ({"keep_turns": -1}, ValueError),
            ({"keep_turns": "1"}, TypeError),
            ({"keep_items": -1}, ValueError),
            ({"keep_items": 1.0}, TypeError),
        ],
    )
    async def test_refuses_what_cannot_be_kept(
        self, session: LogSession, arguments: Any, error: type[Exception]
    ) -> None:
        await _fill(session, "u1 a1", "u2 a2")
        with pytest.raises(error, match="keep_"):
            await session.compact(joined, **arguments)
        with pytest.raises(TypeError, match="summarise must be an async function"):
            await session.compact("a summary")  # type: ignore[arg-type]

    # --- As a setting --------------------------------------------------------------------------------------------

    async def test_a_session_compacts_itself_when_it_is_read(self, make: MakeLogSession) -> None:
        when = Compaction(joined, above=Window(items=6), keep_turns=1)
        session = make("compacting itself", session_settings={"compaction": when})
        await _fill(session, "u1 a1", "u2 a2", "u3 a3")
        assert await _shown(session) == "u1 a1 u2 a2 u3 a3"
        await _fill(session, "u4")
        assert await _shown(session, 9) == "u1 a1 u2 a2 u3 a3 u4"
        assert await _shown(session) == "[u1 a1 u2 a2 u3 a3] u4"
        limited = SessionSettings(limit=1, compaction=when)
        assert await _shown(make("compacting itself", session_settings=limited)) == "u4"

    async def test_a_runner_compacts_a_session_that_says_when(self, make: MakeLogSession) -> None:
        plain = make("compacted by runs")
        assert getattr(plain, "run_compaction", None) is None
        when = Compaction(joined, above=Window(items=6), keep_items=2)
        session = make("compacted by runs", session_settings=SessionSettings(compaction=when))
        await _fill(session, "u1 a1", "u2 a2")
        await session.run_compaction({"response_id": "resp_1", "store": True})
        assert await _shown(plain) == "u1 a1 u2 a2"
        await session.run_compaction({"force": True})
        assert await _shown(plain) == "[u1 a1] u2 a2"
        await _fill(session, "u3 a3", "u4 a4")
        await session.run_compaction(None)
        assert await _shown(plain) == "[[u1 a1] u2 a2 u3 a3] u4 a4"

    async def test_a_setting_leaves_alone_what_others_hold_or_change(self, make: MakeLogSession) -> None:
        when = Compaction(joined, above=Window(items=1))
        settings = SessionSettings(compaction=when)
        holder, other = make("held"), make("held", session_settings=settings)
        await _fill(holder, "u1 a1", "u2")
        for exclusive in (True, False):
            async with holder.lease(exclusive=exclusive):
                assert await _shown(other) == "u1 a1 u2"
        many = [make("held", session_settings=settings) for _ in range(4)]
        assert await asyncio.gather(*map(_shown, many)) == ["[u1 a1] u2"] * 4
        assert len(await other.summaries()) == 1

    async def test_a_summariser_may_read_the_session(self, make: MakeLogSession) -> None:
        async def reads(items: list[Any]) -> str:
            assert len(await session.get_items()) == 3
            return await joined(items)

        session = make("read while summarised", session_settings={"compaction": Compaction(reads, Window(items=1))})
        await _fill(session, "u1 a1", "u2")
        assert await _shown(session) == "[u1 a1] u2"

    # --- Expiry --------------------------------------------------------------------------------------------------

    async def test_a_summary_expires_with_the_first_that_it_stands_for(
        self, session: LogSession, time: MovableClock
    ) -> None:
        await session.add_items([said("u1")], ttl=None)
        await session.add_items([said("a1")], ttl=10)
        await session.add_items([said("u2")], ttl=None)
        await session.compact(joined)
        assert await _shown(session) == "[u1 a1] u2"
        time.move(10)
        assert await _shown(session) == "u1 u2"
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
        assert await _shown(young) == "a1 u2"
        assert await young.pop_item() == said("u2")
        assert await _shown(make(session.session_id)) == "[u1 a1]"
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
        assert await _shown(make(session.session_id)) == "a1"

    async def test_readers_who_see_less(self, make: MakeLogSession, session: LogSession, time: MovableClock) -> None:
        """A summary made without seeing the oldest items replaces only the seen items, for every reader."""
        await session.add_items([said("u1")], ttl=None)
        time.move(100)
        await session.add_items([*map(said, ["a1", "u2", "a2", "u3"])], ttl=None)
        await session.compact(joined)
        young = make(session.session_id, ttl=50)
        await young.compact(joined, keep_items=2)
        assert await _shown(young) == "[a1 u2] a2 u3"
        assert await _shown(session) == "[u1 a1 u2 a2] u3"
        await session.undo_compaction()
        assert await _shown(session) == "u1 [a1 u2] a2 u3"

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
        assert await _shown(session) == "u1 [u2 a3]"

    async def test_watchers_are_told(self, session: LogSession) -> None:
        await _fill(session, "u1 a1", "u2 a2")
        version = await session.version()
        await session.compact(joined)
        await session.undo_compaction()
        await session.pop_item()
        watch = session.watch(after=version)
        changes = await take(watch, 3)
        await watch.aclose()
        assert [change.kind for change in changes] == ["compacted", "expanded", "popped"]
        assert changes[2].items == []
