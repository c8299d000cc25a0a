"""The contract for windows and repair of a session of this package, as tests to run on your own store.

As `sessions.testing.SessionContract`, for `LogSession.window`, `LogSession.repair` and the settings that use them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from sessions.cut import cut
from sessions.errors import CounterError, NothingToRedoError, UnknownBranchError
from sessions.mending import Damage, mend
from sessions.protocol import SessionSettings
from sessions.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.session import LogSession

    MakeLogSession = Callable[..., LogSession]

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


class WindowContract:
    """What a session over the log promises of windows and repair. Give it the fixture `make`, as `SessionContract`."""

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
        with pytest.raises(ValueError, match="tokens and counter go together"):
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
        # So does what a runner makes of the settings.
        resolved = SessionSettings(window=Window(turns=2)).resolve({"limit": limit})
        assert await session.get_items(limit=resolved.limit) == expected

    # --- Repair ------------------------------------------------------------------------------------------------

    async def test_what_is_sound_needs_no_repair(self, session: LogSession) -> None:
        for _ in range(2):
            report = await session.repair(mend=True)
            assert (report.damages, report.mended) == ((), False)
            await session.add_items(_turn("a"))

    async def test_a_report_changes_nothing(self, session: LogSession) -> None:
        crashed = [*_turn("a"), _user("b"), _call("b")]
        await session.add_items(crashed)
        report = await session.repair()
        assert report.damages == (Damage("open_call", 6, "b"),)
        assert not report.mended
        assert await session.get_items() == crashed

    async def test_a_call_at_the_end_gets_an_output(self, session: LogSession) -> None:
        crashed = [*_turn("a"), _user("b"), _call("b"), _call("c"), _output("b")]
        await session.add_items(crashed)
        assert (await session.repair(mend=True)).mended
        mended = [*crashed, _output("c", INTERRUPTED)]
        assert await session.get_items() == mended
        assert await session.window() == mended
        assert not (await session.repair(mend=True)).mended
        assert [sibling.number for sibling in await session.siblings()] == [1]

    async def test_what_was_there_before_a_repair_in_the_middle_stays_reachable(self, session: LogSession) -> None:
        crashed = [*_turn("a"), _user("b"), _call("b"), *_turn("c"), _output("b", "late"), _output("nobody's")]
        await session.add_items(crashed)

        report = await session.repair(mend=True)

        assert [(damage.kind, damage.position) for damage in report.damages] == [
            ("displaced_output", 11),
            ("orphan_output", 12),
        ]
        mended = [*_turn("a"), _user("b"), _call("b"), _output("b", "late"), *_turn("c")]
        assert await session.get_items() == mended
        assert [(turn.number, len(turn.items)) for turn in await session.turns()] == [(1, 4), (2, 3), (3, 4)]
        before, after = await session.siblings(2)
        assert after.current
        await session.choose(before)
        assert await session.get_items() == crashed
        await session.choose(after)
        await session.add_items(_turn("d"))
        assert await session.get_items() == [*mended, *_turn("d")]

    async def test_what_is_dropped_at_the_end_stays_reachable(self, session: LogSession) -> None:
        crashed = [*_turn("a"), _user("b"), _said("b"), {"type": "reasoning", "id": "r", "summary": []}]
        await session.add_items(crashed)
        assert [damage.kind for damage in (await session.repair(mend=True)).damages] == ["lone_reasoning"]
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
        await session.repair(mend=True)
        assert await session.get_items() == [_user("a"), _call("a"), _output("a", INTERRUPTED), *_turn("b")]
        before, _ = await session.siblings(1)
        await session.choose(before)
        assert await session.get_items() == [_user("a"), _call("a"), *_turn("b"), *_turn("c")]

    async def test_any_damage_is_mended_as_in_a_list(self, session: LogSession) -> None:
        items = [_output("a"), _said("Hello"), _call("c"), *_turn("a"), _output("a"), _user("b"), _call("b"), _call("")]
        await session.add_items(items)
        mended, damages = mend(items)
        report = await session.repair(mend=True)
        assert await session.get_items() == mended
        assert [damage.at(damage.position - 1) for damage in report.damages] == damages
        assert not (await session.repair()).damages

    async def test_a_repair_says_what_it_is_told_to_say(self, session: LogSession) -> None:
        await session.add_items([_user("a"), _call("a")])
        await session.repair(mend=True, text="Try again.")
        assert (await session.get_items())[-1] == _output("a", "Try again.")

    async def test_a_repair_of_a_branch_leaves_the_others(self, session: LogSession) -> None:
        crashed = [*_turn("a"), _user("b"), _call("b"), _user("c")]
        await session.add_items(crashed)
        await session.branches.create("other")
        await session.on_branch("other").repair(mend=True)
        assert await session.on_branch("other").get_items() == [*crashed[:-1], _output("b", INTERRUPTED), _user("c")]
        assert await session.get_items() == crashed

    async def test_a_run_that_resumes_mends_what_a_crash_left(self, make: MakeLogSession) -> None:
        crashed = [*_turn("a"), _user("b"), _call("b")]
        await make("crashed").add_items(crashed)
        resumed = make("crashed", session_settings={"repair": True})
        assert await resumed.get_items(limit=6) == crashed
        assert await resumed.get_items() == [*crashed, _output("b", INTERRUPTED)]
        assert await make("crashed").get_items() == [*crashed, _output("b", INTERRUPTED)]

    async def test_a_limit_of_the_settings_is_one_where_a_run_mends_but_has_no_window(
        self, make: MakeLogSession
    ) -> None:
        session = make("limited", session_settings={"repair": True, "limit": 2})
        await session.add_items([*_turn("a"), _user("b"), _call("b")])
        assert await session.get_items(limit=session.session_settings.limit) == [_call("b"), _output("b", INTERRUPTED)]
        assert await session.get_items() == [_call("b"), _output("b", INTERRUPTED)]
