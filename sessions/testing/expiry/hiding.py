"""Expiry: expired items count nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions.errors import NothingToRedoError, TurnNotFoundError
from sessions.testing.expiry.shared import answer, shown, user

if TYPE_CHECKING:
    from sessions.testing.expiry_model import MovableClock, OpenStore


class Hiding:
    """What has expired is in no view of a session, purged or not."""

    async def test_limits_count_what_is_there(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        session = store.session("s")
        for number in range(12):
            await session.add_items([user(str(number))], ttl=5 if number % 3 else None)
        time.move(5)
        assert [await shown(session, limit) for limit in (1, 3, 9)] == ["9", "3 6 9", "0 3 6 9"]
        assert [branch.items for branch in await session.branches.list()] == [4]
        assert (await session.branches.create("b")).items == 4
        assert [info.item_count for info in await store.sessions()] == [4]
        assert [turn.number for turn in await session.turns(2)] == [7, 10]
        assert [turn.number for turn in await session.turns(2, after=0)] == [1, 4]
        with pytest.raises(TurnNotFoundError, match="expired"):
            await session.get_turn(2)
        await session.branches.switch("b")
        assert [await shown(session, limit) for limit in (1, 3, 9)] == ["9", "3 6 9", "0 3 6 9"]

    async def test_what_is_gone_is_found_nowhere(self, open_here: OpenStore, time: MovableClock) -> None:
        session = open_here().session("s")
        call = {"type": "function_call", "call_id": "1", "name": "look", "arguments": "{}"}
        await session.add_items([user("kept"), call])
        await session.add_items([user("expired"), call], ttl=5)
        await session.branches.create("b")
        await session.add_items([user("of main")], ttl=5)
        await session.on_branch("b").add_items([user("of b")])
        time.move(5)
        for _ in range(2):
            with pytest.raises(TurnNotFoundError, match="expired"):
                await session.branches.create("c", matching="expired")
            compared = await session.branches.compare("main", "b")
            assert (compared.common, compared.first, compared.second) == ([user("kept"), call], [], [user("of b")])
            assert [(use.turn, use.calls) for use in await session.usage.tools()] == [(1, 1)]
            drawn = str(await session.tree())
            assert "kept" in drawn
            assert "of b" in drawn
            assert "expired" not in drawn
            assert "of main" not in drawn
            # It is the same when nothing of it is there physically.
            await session.purge_expired()

    async def test_a_window_is_of_what_is_left(self, open_here: OpenStore, time: MovableClock) -> None:
        session = open_here().session("s")
        # More than a window reads at once.
        turn = [user("1"), *(answer(str(number)) for number in range(200))]
        await session.add_items(turn)
        await session.add_items([user("expired"), answer("expired")], ttl=5)
        # Its call expires: an output alone is accepted by no provider.
        await session.add_items([{"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}], ttl=5)
        await session.add_items([{"type": "function_call_output", "call_id": "c", "output": "sun"}])
        time.move(5)
        for _ in range(2):
            assert await session.window(turns=5) == turn
            await session.purge_expired()
        assert (await session.pop_item() or {})["output"] == "sun"
        for _ in range(2):
            # The last turn does not fit: its message is given with the latest answers.
            assert await session.window(3) == [turn[0], *turn[-2:]]
            await session.add_items([user("expired")], ttl=5)
            time.move(5)

    async def test_pop_takes_the_last_that_is_there(self, open_here: OpenStore, time: MovableClock) -> None:
        session = open_here().session("s")
        await session.add_items([user("1"), answer("2")])
        await session.add_items([user("3"), answer("4")], ttl=5)
        time.move(5)
        assert await session.pop_item() == answer("2")
        time.move(-5)
        # They were behind it, and went with it: a clock that is set back brings nothing back.
        assert await shown(session) == "1"
        await session.add_items([user("5")])
        assert [turn.number for turn in await session.turns()] == [1, 2]
        assert await session.pop_item() == user("5")
        assert await session.pop_item() == user("1")
        assert await session.pop_item() is None

    async def test_pop_spares_what_others_see(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        patient, impatient = store.session("s"), store.session("s", ttl=10)
        await patient.add_items([user("1")])
        time.move(20)
        await patient.add_items([user("2")])
        time.move(-20)
        await patient.add_items([user("3")])
        time.move(20)
        assert await impatient.pop_item() == user("2")
        assert await shown(patient) == "1 3"
        await patient.add_items([user("4")])
        assert (await shown(patient), await shown(impatient)) == ("1 3 4", "4")

    async def test_undo_counts_turns_of_which_something_is_left(self, open_here: OpenStore, time: MovableClock) -> None:
        session = open_here().session("s")
        for number in range(1, 6):
            await session.add_items([user(str(number))], ttl=5 if number in {3, 5} else None)
        time.move(5)
        assert await session.undo(2) == [user("2"), user("4")]
        assert await shown(session) == "1"
        assert await session.redo() == [user("2"), user("4")]
        with pytest.raises(TurnNotFoundError, match="expired"):
            await session.undo(4)
        assert await shown(session) == "1 2 4"

    async def test_when_all_is_gone(self, open_here: OpenStore, time: MovableClock) -> None:
        session = open_here().session("s", ttl=5)
        await session.add_items([user("1"), answer("2")])
        await session.add_items([user("3")])
        time.move(5)
        for _ in range(2):
            assert await session.get_items() == []
            assert await session.turns() == []
            assert await session.pop_item() is None
            for refused in (session.undo(), session.siblings(), session.siblings(2), session.get_turn(1)):
                with pytest.raises(TurnNotFoundError):
                    await refused
            with pytest.raises(NothingToRedoError):
                await session.redo()
            # Once more, when nothing of it is there physically.
            await session.purge_expired()
        await session.add_items([user("4")])
        assert await shown(session) == "4"
        assert await session.undo() == [user("4")]

    async def test_ways_of_which_nothing_is_left_are_no_siblings(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        session = open_here().session("s")
        await session.add_items([user("1")])
        for text, ttl in (("2", 5), ("3", None), ("4", None)):
            await session.add_items([user(text)], ttl=ttl)
            if text != "4":
                await session.undo()
        assert [sibling.count for sibling in await session.siblings()] == [3, 3, 3]
        time.move(5)
        for _ in range(2):
            assert [sibling.current for sibling in await session.siblings()] == [False, True]
            await session.purge_expired()
        await session.choose((await session.siblings())[0])
        assert await shown(session) == "1 3"
