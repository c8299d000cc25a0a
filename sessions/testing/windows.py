"""The contract for windows and repair of a session of this package, as tests to run on your own store.

As `sessions.testing.SessionContract`, for `LogSession.window`, `LogSession.repair` and the settings that use
them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from sessions.errors import CounterError, NothingToRedoError, UnknownBranchError, UnknownFormatError
from sessions.items.repair import Damage, repair_items
from sessions.items.window import Window
from sessions.items.window_builder import cut
from sessions.protocol import SessionSettings
from sessions.testing.formats import FormatContract

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.fixtures import MakeLogSession


INTERRUPTED = "The call was interrupted; no output was recorded."


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def _said(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": text}


def _call(call_id: str) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": "look", "arguments": "{}"}


def _output(call_id: str, text: str = ".") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": text}


def _turn(name: str) -> list[dict[str, Any]]:
    """Return four items: a message, a call with its output, and an answer."""
    return [_user(name), _call(name), _output(name), _said(name)]


_REQUEST = {"type": "mcp_approval_request", "id": "r", "server_label": "s", "name": "n", "arguments": "{}"}
_DECISION = {"type": "mcp_approval_response", "approval_request_id": "r", "approve": True}
_CLICK = {"type": "computer_call", "call_id": "c", "action": {}, "pending_safety_checks": [{"id": "malicious"}]}
_FOREIGN = [
    {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "look", "input": {}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "."}]},
]
"""In a shape that is not known here."""


class WindowContract(FormatContract):
    """The promises of a session about windows and repair. Give it the fixture `make`, as `SessionContract`."""

    @pytest.fixture
    def session(self, make: MakeLogSession) -> LogSession:
        """Return a session with an id of its own."""
        return make(f"session-{uuid4()}")

    # --- Windows -----------------------------------------------------------------------------------------------

    async def test_a_window_is_cut_between_turns(self, session: LogSession) -> None:
        await session.add_items([*_turn("a"), *_turn("b"), *_turn("c")])
        assert await session.window(items=7) == _turn("c")
        assert await session.window(items=8) == [*_turn("b"), *_turn("c")]
        assert await session.window(turns=2) == [*_turn("b"), *_turn("c")]
        assert await session.window(tokens=4, counter=lambda item: int("output" in item) * 2) == [
            *_turn("b"),
            *_turn("c"),
        ]
        assert await session.window() == await session.get_items()

    async def test_a_window_of_a_turn_that_is_too_long_begins_with_its_message(self, session: LogSession) -> None:
        loop = [item for number in range(200) for item in (_call(str(number)), _output(str(number)))]
        await session.add_items([*_turn("a"), _user("b"), *loop])
        assert await session.window(items=6) == [_user("b"), *loop[-4:]]
        assert await session.window(items=1) == [_user("b")]

    async def test_a_window_of_nothing(self, session: LogSession) -> None:
        assert await session.window(items=5) == []
        assert await session.window() == []

    async def test_a_window_leaves_out_what_a_crash_left(self, session: LogSession) -> None:
        await session.add_items([*_turn("a"), _user("b"), {"type": "reasoning", "id": "r", "summary": []}, _call("b")])
        assert await session.window() == [*_turn("a"), _user("b")]
        assert len(await session.get_items()) == 7
        await session.add_items([_output("b")])
        assert await session.window() == await session.get_items()

    async def test_a_window_of_any_size_is_cut_as_a_list_is(self, make: MakeLogSession, session: LogSession) -> None:
        """Over several segments and more items than are read at once."""
        await session.add_items([item for number in range(30) for item in _turn(str(number))])
        await session.undo(2)
        await session.add_items([item for number in range(30, 50) for item in _turn(str(number))])
        everything = await session.get_items()
        for items in range(1, 200, 7):
            assert await session.window(items) == cut(everything, Window(items))
        assert await make(session.session_id).window(turns=30) == everything[-120:]

    async def test_a_window_of_a_branch(self, session: LogSession) -> None:
        await session.add_items([*_turn("a"), *_turn("b")])
        await session.branches.create("other", turn=2)
        other = session.on_branch("other")
        await other.add_items(_turn("c"))
        assert await other.window(turns=1) == _turn("c")
        assert await other.window(items=8) == [*_turn("a"), *_turn("c")]
        with pytest.raises(UnknownBranchError):
            await session.on_branch("nowhere").window(items=8)

    async def test_what_a_window_cannot_be(self, session: LogSession) -> None:
        await session.add_items(_turn("a"))
        with pytest.raises(ValueError, match="items must be at least 1"):
            await session.window(items=0)
        with pytest.raises(ValueError, match="tokens and counter must be given together"):
            await session.window(tokens=10)
        with pytest.raises(CounterError, match="raised ZeroDivisionError"):
            await session.window(tokens=10, counter=lambda _: 1 // 0)
        assert await session.window(tokens=10, counter=lambda _: 1) == _turn("a")

    # --- Windows as a setting ----------------------------------------------------------------------------------

    async def test_a_window_as_a_setting(self, make: MakeLogSession) -> None:
        session = make("windowed", session_settings={"window": Window(items=7)})
        await session.add_items([*_turn("a"), *_turn("b"), *_turn("c")])
        assert await session.get_items() == _turn("c")
        assert await session.get_items(limit=7) == [*_turn("b")[1:], *_turn("c")]
        assert await make("windowed").get_items(limit=12) == [*_turn("a"), *_turn("b"), *_turn("c")]

    @pytest.mark.parametrize(("limit", "expected"), [(0, []), (7, _turn("c")), (3, [_user("c"), _said("c")])])
    async def test_a_limit_of_the_settings_makes_the_window_smaller(
        self, make: MakeLogSession, limit: int, expected: list[Any]
    ) -> None:
        session = make(f"limited to {limit}", session_settings=SessionSettings(limit, Window(turns=2)))
        await session.add_items([*_turn("a"), *_turn("b"), *_turn("c")])
        assert await session.get_items() == expected
        # So does a limit that a runner derives from the settings.
        resolved = SessionSettings(window=Window(turns=2)).resolve({"limit": limit})
        assert await session.get_items(limit=resolved.limit) == expected

    # --- Repair ------------------------------------------------------------------------------------------------

    async def test_what_is_sound_needs_no_repair(self, session: LogSession) -> None:
        for _ in range(2):
            report = await session.repair(apply=True)
            assert (report.damages, report.repaired) == ((), False)
            await session.add_items(_turn("a"))

    async def test_a_report_changes_nothing(self, session: LogSession) -> None:
        crashed = [*_turn("a"), _user("b"), _call("b")]
        await session.add_items(crashed)
        report = await session.repair()
        assert report.damages == (Damage("open_call", 6, "b"),)
        assert not report.repaired
        assert await session.get_items() == crashed

    async def test_a_call_at_the_end_gets_an_output(self, session: LogSession) -> None:
        crashed = [*_turn("a"), _user("b"), _call("b"), _call("c"), _output("b")]
        await session.add_items(crashed)
        assert (await session.repair(apply=True)).repaired
        repaired = [*crashed, _output("c", INTERRUPTED)]
        assert await session.get_items() == repaired
        assert await session.window() == repaired
        assert not (await session.repair(apply=True)).repaired
        assert [sibling.number for sibling in await session.siblings()] == [1]

    async def test_what_was_there_before_a_repair_in_the_middle_stays_reachable(self, session: LogSession) -> None:
        crashed = [*_turn("a"), _user("b"), _call("b"), *_turn("c"), _output("b", "late"), _output("nobody's")]
        await session.add_items(crashed)

        report = await session.repair(apply=True)

        assert [(damage.kind, damage.position) for damage in report.damages] == [
            ("displaced_output", 11),
            ("orphan_output", 12),
        ]
        repaired = [*_turn("a"), _user("b"), _call("b"), _output("b", "late"), *_turn("c")]
        assert await session.get_items() == repaired
        assert [(turn.number, len(turn.items)) for turn in await session.turns()] == [(1, 4), (2, 3), (3, 4)]
        before, after = await session.siblings(2)
        assert after.current
        await session.choose(before)
        assert await session.get_items() == crashed
        await session.choose(after)
        await session.add_items(_turn("d"))
        assert await session.get_items() == [*repaired, *_turn("d")]

    async def test_what_is_dropped_at_the_end_stays_reachable(self, session: LogSession) -> None:
        crashed = [*_turn("a"), _user("b"), _said("b"), {"type": "reasoning", "id": "r", "summary": []}]
        await session.add_items(crashed)
        assert [damage.kind for damage in (await session.repair(apply=True)).damages] == ["lone_reasoning"]
        assert await session.get_items() == crashed[:-1]
        with pytest.raises(NothingToRedoError):
            await session.redo()
        [before] = [sibling for sibling in await session.siblings() if not sibling.current]
        await session.add_items(_turn("c"))
        assert await session.get_items() == [*crashed[:-1], *_turn("c")]
        await session.choose(before)
        assert await session.get_items() == crashed

    async def test_what_was_undone_before_a_repair_stays_reachable(self, session: LogSession) -> None:
        await session.add_items([_user("a"), _call("a"), *_turn("b"), *_turn("c")])
        await session.undo()
        await session.repair(apply=True)
        assert await session.get_items() == [_user("a"), _call("a"), _output("a", INTERRUPTED), *_turn("b")]
        before, _ = await session.siblings(1)
        await session.choose(before)
        assert await session.get_items() == [_user("a"), _call("a"), *_turn("b"), *_turn("c")]

    async def test_any_damage_is_repaired_as_in_a_list(self, session: LogSession) -> None:
        items = [_output("a"), _said("Hello"), _call("c"), *_turn("a"), _output("a"), _user("b"), _call("b"), _call("")]
        await session.add_items(items)
        repaired, damages = repair_items(items)
        report = await session.repair(apply=True)
        assert await session.get_items() == repaired
        assert [damage.at(damage.position - 1) for damage in report.damages] == damages
        assert not (await session.repair()).damages

    async def test_a_repair_says_what_it_is_told_to_say(self, session: LogSession) -> None:
        await session.add_items([_user("a"), _call("a")])
        await session.repair(apply=True, text="Try again.")
        assert (await session.get_items())[-1] == _output("a", "Try again.")

    async def test_a_repair_of_a_branch_leaves_the_others(self, session: LogSession) -> None:
        crashed = [*_turn("a"), _user("b"), _call("b"), _user("c")]
        await session.add_items(crashed)
        await session.branches.create("other")
        await session.on_branch("other").repair(apply=True)
        assert await session.on_branch("other").get_items() == [*crashed[:-1], _output("b", INTERRUPTED), _user("c")]
        assert await session.get_items() == crashed

    async def test_a_run_that_resumes_repairs_what_a_crash_left(self, make: MakeLogSession) -> None:
        crashed = [*_turn("a"), _user("b"), _call("b")]
        await make("crashed").add_items(crashed)
        resumed = make("crashed", session_settings={"repair": True})
        assert await resumed.get_items(limit=6) == crashed
        assert await resumed.get_items() == [*crashed, _output("b", INTERRUPTED)]
        assert await make("crashed").get_items() == [*crashed, _output("b", INTERRUPTED)]

    async def test_a_limit_of_the_settings_is_one_where_a_run_repairs_but_has_no_window(
        self, make: MakeLogSession
    ) -> None:
        session = make("limited", session_settings={"repair": True, "limit": 2})
        await session.add_items([*_turn("a"), _user("b"), _call("b")])
        assert await session.get_items(limit=session.session_settings.limit) == [_call("b"), _output("b", INTERRUPTED)]
        assert await session.get_items() == [_call("b"), _output("b", INTERRUPTED)]

    # --- Outputs that come late, and humans ------------------------------------------------------------------------

    @pytest.mark.parametrize("by", ["a reader", "hand"])
    async def test_a_placeholder_gives_way_to_the_output_that_comes(self, make: MakeLogSession, by: str) -> None:
        """Without: log/context/walker.py, `_gives_way`."""
        session = make(
            f"late output, repaired by {by}", session_settings={"repair": True} if by == "a reader" else None
        )
        await session.add_items([_user("a"), _call("a")])
        await (session.get_items() if by == "a reader" else session.repair(apply=True))
        repaired = [_user("a"), _call("a"), _output("a", INTERRUPTED)]
        assert await make(session.session_id).get_items() == repaired
        assert [entry.kind for entry in await session.entries()] == ["user", "tool_call", "placeholder"]
        assert [(use.calls, use.unanswered) for use in await session.usage.tools()] == [(1, 1)]
        await session.branches.create("before")

        # With the text of the placeholder: it is not known by that.
        late = [_user("b"), _said("b"), _output("a", INTERRUPTED)]
        await session.add_items(late)

        plain = make(session.session_id)
        assert await plain.get_items() == [*repaired[:2], *late]
        assert await plain.get_items(4) == [_call("a"), *late]
        assert await plain.window() == [_user("a"), *late[:2]]
        assert [damage.kind for damage in (await plain.repair()).damages] == ["displaced_output"]
        assert await session.on_branch("before").get_items() == repaired
        assert [use.unanswered for use in await session.usage.tools()] == [0]
        await plain.repair(apply=True)
        assert await plain.get_items() == [*repaired, *late[:2]]
        assert await plain.window() == [*repaired, *late[:2]]
        assert not (await plain.repair()).damages

    async def test_a_placeholder_is_there_as_long_as_no_output_is(self, session: LogSession) -> None:
        await session.add_items([_user("a"), _call("a")])
        await session.repair(apply=True)
        repaired = await session.get_items()
        await session.add_items([_user("b"), _output("a")])
        assert await session.get_items() == [*repaired[:2], _user("b"), _output("a")]
        await session.undo()
        assert await session.get_items() == repaired
        await session.redo()
        assert await session.pop_item() == _output("a")
        assert await session.get_items() == [*repaired, _user("b")]

    async def test_an_output_of_a_call_that_was_made_again_is_of_that(self, session: LogSession) -> None:
        """Some models use ids again. Without: log/context/answers.py, `self._next.update(`."""
        await session.add_items([_user("a"), _call("a")])
        await session.repair(apply=True)
        again = [_user("b"), _call("a"), _output("a", "of b")]
        await session.add_items(again)
        everything = [_user("a"), _call("a"), _output("a", INTERRUPTED), *again]
        assert await session.get_items() == everything
        assert not (await session.repair()).damages
        await session.branches.create("other", turn=2)
        assert await session.on_branch("other").get_items() == everything[:3]

    async def test_a_placeholder_that_is_moved_is_one_still(self, session: LogSession) -> None:
        """Without: log/context/repair.py, `row[3] == PLACEHOLDER`."""
        await session.add_items([_user("a"), _call("a"), _call("b")])
        await session.repair(apply=True)
        await session.add_items([_user("b"), _output("a")])
        await session.repair(apply=True)
        assert [item.get("output") for item in await session.get_items()] == [None] * 3 + [INTERRUPTED, ".", None]
        await session.add_items([_output("b")])
        assert INTERRUPTED not in [item.get("output") for item in await session.get_items()]

    @pytest.mark.parametrize(("asked", "answer"), [(_REQUEST, _DECISION), (_CLICK, None)], ids=["tool", "computer"])
    async def test_a_reader_decides_for_no_human(self, make: MakeLogSession, asked: Any, answer: Any) -> None:
        """Without: items/repair.py, `if not for_humans and`."""
        session = make(f"asks about a {asked['type']}", session_settings={"repair": True, "window": Window(items=9)})
        crashed = [_user("a"), asked]
        await session.add_items(crashed)
        for _ in range(2):
            version = await session.version()
            assert await session.get_items() == [_user("a")]
            assert await session.version() == version
        plain = make(session.session_id)
        assert await plain.get_items() == crashed
        # A repair by hand decides, until the human does.
        assert [damage.kind for damage in (await plain.repair(apply=True)).damages] == ["open_call"]
        assert (await plain.get_items())[2].get("approve", False) is False
        if answer:
            await plain.add_items([answer])
            assert await plain.get_items() == [*crashed, answer]
            assert await session.get_items() == [*crashed, answer]

    # --- Shapes that are not known ---------------------------------------------------------------------------------

    async def test_what_has_an_unknown_shape_is_given_whole_and_left_alone(self, session: LogSession) -> None:
        turn = [_user("b"), *_FOREIGN, _said("b")]
        everything = [*_turn("a"), *turn, *_turn("c")]
        await session.add_items(everything)
        assert [len(found.items) for found in await session.turns()] == [4, 4, 4]
        assert [entry.kind for entry in await session.entries()][5:7] == ["unknown", "unknown"]
        assert await session.get_items() == everything
        assert not (await session.repair(apply=True)).damages
        for items in range(1, 13):
            fits = {4: 1, 5: 1, 6: 1, 7: 1, 8: 2, 9: 2, 10: 2, 11: 2, 12: 3}
            if items in fits:
                assert await session.window(items) == everything[-4 * fits[items] :]
        await session.undo()
        for items in range(1, 4):
            with pytest.raises(UnknownFormatError, match="unknown shape"):
                await session.window(items)
        assert await session.window(4) == turn
        assert await session.window(turns=1) == turn
        assert await session.window() == everything[:8]
        assert await session.get_items(2) == turn[2:]

    async def test_what_has_an_unknown_shape_may_answer_and_may_call(self, make: MakeLogSession) -> None:
        session = make("mixed", session_settings={"repair": True})
        mixed = [_user("a"), _call("a"), *_FOREIGN, _user("b"), _output("x"), _said("b")]
        await session.add_items(mixed)
        version = await session.version()
        assert await session.get_items() == mixed
        assert not (await session.repair(apply=True)).damages
        assert await session.version() == version
        # Certain damage beside it is repaired.
        await session.add_items([_user("c"), _call("c")])
        assert await session.get_items() == [*mixed, _user("c"), _call("c"), _output("c", INTERRUPTED)]

    async def test_what_has_an_unknown_shape_far_before_the_end_of_its_turn(self, make: MakeLogSession) -> None:
        """A window that is smaller than the turn does not come to it."""
        rounds = [item for number in range(150) for item in (_call(str(number)), _output(str(number)))]
        reference = {"type": "item_reference", "id": "r"}
        for number, begun in enumerate(
            ([_user("b"), *_FOREIGN], [_user("b"), reference], _FOREIGN, [_said("b"), *_FOREIGN])
        ):
            session = make(f"far{number}")
            await session.add_items([*begun, *rounds])
            for _ in range(2):
                for items in (1, 5, 80, 299, len(begun) + 299):
                    with pytest.raises(UnknownFormatError, match="unknown shape"):
                        await session.window(items)
                assert await session.window(len(begun) + 300) == [*begun, *rounds]
                # With marks, the view is read page by page.
                await session.handover("b")
            await session.add_items(_turn("c"))
            assert await session.window(4) == _turn("c")
        session = make("before it")
        await session.add_items([*_FOREIGN, _user("b"), *rounds])
        assert await session.window(3) == [_user("b"), *rounds[-2:]]

    async def test_a_conversation_of_unknown_shapes_alone(self, session: LogSession) -> None:
        parts = [{"kind": kind, "parts": [{"part_kind": "text"}]} for kind in ("request", "response")] * 2
        await session.add_items(parts)
        assert [turn.items for turn in await session.turns()] == [parts]
        assert await session.window() == await session.window(4) == parts
        for bound in (Window(items=3), Window(turns=1)):
            with pytest.raises(UnknownFormatError):
                await session.window(bound.items, turns=bound.turns)
        await session.add_items(_turn("a"))
        assert await session.window(5) == await session.window(turns=1) == _turn("a")
        assert await session.window(8) == [*parts, *_turn("a")]

    # --- Programs --------------------------------------------------------------------------------------------------

    async def test_a_program_is_one_round(self, session: LogSession) -> None:
        caller = {"type": "program", "caller_id": "p"}
        program = {"type": "program", "id": "i", "call_id": "p", "code": "", "fingerprint": ""}
        calls = [{**item, "caller": caller} for item in (_call("c"), _output("c"), _call("d"), _output("d"))]
        done = {"type": "program_output", "id": "o", "call_id": "p", "result": "", "status": "completed"}
        turn = [_user("a"), program, *calls, done, _said("a")]
        await session.add_items(turn)
        assert not (await session.repair()).damages
        for items in range(1, 8):
            assert await session.window(items) == turn[:1]
        assert await session.window(8) == turn
        for _ in range(3):
            await session.pop_item()
        assert await session.window() == turn[:1]
        damages = (await session.repair(apply=True)).damages
        assert [(damage.kind, damage.call_id) for damage in damages] == [("open_call", "p"), ("open_call", "d")]
        repaired = await session.get_items()
        assert repaired[:5] == turn[:5]
        assert repaired[5] == {**calls[3], "output": INTERRUPTED}
        assert (repaired[6]["type"], repaired[6]["call_id"], repaired[6]["status"]) == (
            "program_output",
            "p",
            "incomplete",
        )
        assert await session.window() == repaired
