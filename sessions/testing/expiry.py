"""The contract for expiry, purging and erasing, as tests to run on your own store.

As `sessions.testing.SessionContract`, for stores of this package's kind: a fixture `open_here` returns a
function that
opens a `Store` on the test's database, with the options of `open_store`. Each test calls it once.
"""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from sessions.errors import NothingToRedoError, TurnNotFoundError
from sessions.testing.expiry_model import ExpiryMachine, MovableClock
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import OpenStore

__all__ = ["ExpiryContract", "MovableClock"]

HOUR = 3600


def _user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def _answer(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


async def _texts(session: LogSession, limit: int | None = None) -> str:
    return " ".join(item["content"] for item in await session.get_items(limit))


class ExpiryContract:
    """The promises of a store about expiry. Subclass it as ``Test…`` and give it the fixture `open_here`."""

    EXAMPLES: ClassVar[int] = 25
    """How many sequences of operations are compared with the model; fewer do for a slow store that shares its code."""

    @pytest.fixture
    def time(self, monkeypatch: pytest.MonkeyPatch) -> MovableClock:
        """Return the clock of all sessions in this test."""
        return MovableClock(monkeypatch)

    def test_any_sequence_of_operations(self, open_here: OpenStore, time: MovableClock) -> None:
        run_state_machine_as_test(
            lambda: ExpiryMachine(open_here, time),  # type: ignore[arg-type]
            settings=settings(
                max_examples=self.EXAMPLES,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
            ),
        )

    # --- When something is gone ----------------------------------------------------------------------------------

    async def test_nothing_expires_unless_it_was_asked_for(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        await store.session("s").add_items([_user("1")])
        time.move(50 * 365 * 24 * HOUR)
        assert await store.purge_expired() == 0
        assert await _texts(store.session("s")) == "1"

    async def test_an_item_is_gone_for_all_when_its_own_time_has_come(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        session = open_here().session("s")
        await session.add_items([_user("1")])
        await session.add_items([_user("2")], ttl=10)
        await session.add_items([_user("3")], ttl=0.5)
        assert await _texts(session) == "1 2 3"
        time.move(0.5)
        assert await _texts(session) == "1 2"
        time.move(9.499)
        assert await _texts(session) == "1 2"
        time.move(0.001)
        assert await _texts(session) == "1"

    async def test_a_session_does_not_see_what_is_older_than_its_ttl(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        store = open_here()
        patient, impatient = store.session("s"), store.session("s", ttl=10)
        await patient.add_items([_user("1")])
        time.move(5)
        await impatient.add_items([_user("2")])
        assert await _texts(impatient) == "1 2"
        time.move(5)
        assert await _texts(impatient) == "2"
        assert await _texts(patient) == "1 2"
        time.move(5)
        # Items added with a time to live have it for every reader.
        assert (await _texts(impatient), await _texts(patient)) == ("", "1")

    async def test_whichever_comes_first(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        impatient = store.session("s", ttl=10)
        await impatient.add_items([_user("long")], ttl=100)
        await impatient.add_items([_user("short")], ttl=2)
        await impatient.add_items([_user("ever")], ttl=None)
        time.move(2)
        assert await _texts(impatient) == "long ever"
        time.move(8)
        assert await _texts(impatient) == ""
        assert await _texts(store.session("s", ttl=50)) == "long ever"
        time.move(90)
        assert await _texts(store.session("s")) == "ever"

    async def test_a_store_gives_its_ttl_to_sessions_without_one(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        store = open_here(ttl=10)
        for name, ttl in (("own", {}), ("longer", {"ttl": 20}), ("for ever", {"ttl": None})):
            await store.session(name, **ttl).add_items([_user(name)])
        time.move(10)
        assert await _texts(store.session("own")) == ""
        assert await _texts(store.session("longer", ttl=20)) == "longer"
        counts = {info.session_id: info.item_count for info in await store.sessions()}
        assert counts == {"own": 0, "longer": 0, "for ever": 0}
        # Items with `ttl=None`, or with a longer one than the store's, are spared.
        assert await store.purge_expired() == 1
        time.move(10)
        assert await store.purge_expired() == 1
        assert await _texts(store.session("for ever", ttl=None)) == "for ever"

    async def test_an_object_for_a_branch_keeps_the_ttl(self, open_here: OpenStore, time: MovableClock) -> None:
        session = open_here().session("s", ttl=10).on_branch("main")
        await session.add_items([_user("1")])
        time.move(10)
        assert await session.get_items() == []
        assert await session.purge_expired() == 1

    async def test_a_clock_that_is_set_back(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        session = store.session("s", ttl=10)
        await session.add_items([_user("1")])
        time.move(-100)
        await session.add_items([_user("2")])
        assert await _texts(session) == "1 2"
        time.move(10)
        assert await _texts(session) == "1"
        assert await store.purge_expired() == 1
        time.move(-10)
        assert await _texts(session) == "1"

    @pytest.mark.parametrize(
        ("ttl", "error"),
        [(0, ValueError), (-1, ValueError), (math.nan, ValueError), (math.inf, ValueError), (10**30, ValueError),
         (True, TypeError), ("10", TypeError), (b"", TypeError)],
    )  # fmt: skip
    async def test_a_ttl_that_is_none_is_refused(self, open_here: OpenStore, ttl: Any, error: type[Exception]) -> None:
        store = open_here()
        session = store.session("s")
        with pytest.raises(error, match="ttl must be a"):
            store.session("s", ttl=ttl)
        with pytest.raises(error, match="ttl must be a"):
            await session.add_items([_user("1")], ttl=ttl)
        with pytest.raises(error, match="older_than must be a"):
            await store.purge_expired(older_than=ttl)
        with pytest.raises(error, match="every must be a"):
            store.sweeper(every=ttl)
        assert await session.get_items() == []

    async def test_the_same_key_adds_once_whatever_the_ttl(self, open_here: OpenStore, time: MovableClock) -> None:
        session = open_here().session("s")
        await session.add_items([_user("1")], idempotency_key="k", ttl=5)
        await session.add_items([_user("1")], idempotency_key="k", ttl=100)
        assert await _texts(session) == "1"
        time.move(5)
        await session.purge_expired()
        await session.add_items([_user("1")], idempotency_key="k")
        assert await session.get_items() == []

    async def test_what_is_added_at_the_same_moment_keeps_its_own_expiry(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        store = open_here()
        names = ["a", "b", "c"]
        for name in names:
            await store.session(name).add_items([_user("first")])
        # Each session gets items of every kind; one of them none that expires.
        adding = [
            store.session(name).add_items([_user(f"{number}"), _answer(f"{number}")], ttl=ttl)
            for number in range(4)
            for name in names
            for ttl in ((DEFAULT, None) if name == "c" else (DEFAULT, 5, 10, None))
        ]
        await asyncio.gather(*adding)
        for passed, left in ((0, 33), (5, 25), (5, 17)):
            time.move(passed)
            expected = {"a": left, "b": left, "c": 17}
            assert {name: len(await store.session(name).get_items()) for name in names} == expected
            assert {info.session_id: info.item_count for info in await store.sessions()} == expected
        assert await store.purge_expired() == 32

    # --- Expired items count nowhere -------------------------------------------------------------------------------

    async def test_limits_count_what_is_there(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        session = store.session("s")
        for number in range(12):
            await session.add_items([_user(str(number))], ttl=5 if number % 3 else None)
        time.move(5)
        assert [await _texts(session, limit) for limit in (1, 3, 9)] == ["9", "3 6 9", "0 3 6 9"]
        assert [branch.items for branch in await session.branches.list()] == [4]
        assert (await session.branches.create("b")).items == 4
        assert [info.item_count for info in await store.sessions()] == [4]
        assert [turn.number for turn in await session.turns(2)] == [7, 10]
        assert [turn.number for turn in await session.turns(2, after=0)] == [1, 4]
        with pytest.raises(TurnNotFoundError, match="expired"):
            await session.get_turn(2)
        await session.branches.switch("b")
        assert [await _texts(session, limit) for limit in (1, 3, 9)] == ["9", "3 6 9", "0 3 6 9"]

    async def test_what_is_gone_is_found_nowhere(self, open_here: OpenStore, time: MovableClock) -> None:
        session = open_here().session("s")
        call = {"type": "function_call", "call_id": "1", "name": "look", "arguments": "{}"}
        await session.add_items([_user("kept"), call])
        await session.add_items([_user("expired"), call], ttl=5)
        await session.branches.create("b")
        await session.add_items([_user("of main")], ttl=5)
        await session.on_branch("b").add_items([_user("of b")])
        time.move(5)
        for _ in range(2):
            with pytest.raises(TurnNotFoundError, match="expired"):
                await session.branches.create("c", matching="expired")
            compared = await session.branches.compare("main", "b")
            assert (compared.common, compared.first, compared.second) == ([_user("kept"), call], [], [_user("of b")])
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
        turn = [_user("1"), *(_answer(str(number)) for number in range(200))]
        await session.add_items(turn)
        await session.add_items([_user("expired"), _answer("expired")], ttl=5)
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
            await session.add_items([_user("expired")], ttl=5)
            time.move(5)

    async def test_pop_takes_the_last_that_is_there(self, open_here: OpenStore, time: MovableClock) -> None:
        session = open_here().session("s")
        await session.add_items([_user("1"), _answer("2")])
        await session.add_items([_user("3"), _answer("4")], ttl=5)
        time.move(5)
        assert await session.pop_item() == _answer("2")
        time.move(-5)
        # They were behind it, and went with it: a clock that is set back brings nothing back.
        assert await _texts(session) == "1"
        await session.add_items([_user("5")])
        assert [turn.number for turn in await session.turns()] == [1, 2]
        assert await session.pop_item() == _user("5")
        assert await session.pop_item() == _user("1")
        assert await session.pop_item() is None

    async def test_pop_spares_what_others_see(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        patient, impatient = store.session("s"), store.session("s", ttl=10)
        await patient.add_items([_user("1")])
        time.move(20)
        await patient.add_items([_user("2")])
        time.move(-20)
        await patient.add_items([_user("3")])
        time.move(20)
        assert await impatient.pop_item() == _user("2")
        assert await _texts(patient) == "1 3"
        await patient.add_items([_user("4")])
        assert (await _texts(patient), await _texts(impatient)) == ("1 3 4", "4")

    async def test_undo_counts_turns_of_which_something_is_left(self, open_here: OpenStore, time: MovableClock) -> None:
        session = open_here().session("s")
        for number in range(1, 6):
            await session.add_items([_user(str(number))], ttl=5 if number in {3, 5} else None)
        time.move(5)
        assert await session.undo(2) == [_user("2"), _user("4")]
        assert await _texts(session) == "1"
        assert await session.redo() == [_user("2"), _user("4")]
        with pytest.raises(TurnNotFoundError, match="expired"):
            await session.undo(4)
        assert await _texts(session) == "1 2 4"

    async def test_when_all_is_gone(self, open_here: OpenStore, time: MovableClock) -> None:
        session = open_here().session("s", ttl=5)
        await session.add_items([_user("1"), _answer("2")])
        await session.add_items([_user("3")])
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
        await session.add_items([_user("4")])
        assert await _texts(session) == "4"
        assert await session.undo() == [_user("4")]

    async def test_ways_of_which_nothing_is_left_are_no_siblings(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        session = open_here().session("s")
        await session.add_items([_user("1")])
        for text, ttl in (("2", 5), ("3", None), ("4", None)):
            await session.add_items([_user(text)], ttl=ttl)
            if text != "4":
                await session.undo()
        assert [sibling.count for sibling in await session.siblings()] == [3, 3, 3]
        time.move(5)
        for _ in range(2):
            assert [sibling.current for sibling in await session.siblings()] == [False, True]
            await session.purge_expired()
        await session.choose((await session.siblings())[0])
        assert await _texts(session) == "1 3"

    # --- Purging -----------------------------------------------------------------------------------------------------

    async def test_purging_deletes_in_all_branches(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        session = store.session("s")
        await session.add_items([_user("1"), _answer("2")], ttl=5)
        await session.branches.create("b")
        await session.add_items([_user("3")])
        await session.on_branch("b").add_items([_user("4")], ttl=5)
        await session.undo()
        await session.add_items([_user("5")], ttl=5)
        time.move(4)
        assert await store.purge_expired() == 0
        time.move(1)
        assert await store.purge_expired(batch=2) == 4
        assert await store.purge_expired() == 0
        assert (await store.erase("s")).entries == 1

    async def test_purging_by_age_spares_what_has_an_expiry_of_its_own(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        store = open_here()
        session = store.session("s")
        for text, own in (("1", {}), ("2", {"ttl": 100}), ("3", {"ttl": None}), ("4", {})):
            await session.add_items([_user(text)], **own)
        await store.session("t").add_items([_user(str(number)) for number in range(7)])
        time.move(10)
        await session.add_items([_user("5")])
        assert await store.session("s", ttl=10).purge_expired(older_than=None) == 0
        assert await session.purge_expired() == 0
        assert await store.session("s", ttl=10).purge_expired(batch=1) == 2
        assert await _texts(session) == "2 3 5"
        assert await store.purge_expired(older_than=10, batch=2) == 7
        assert [info.item_count for info in await store.sessions()] == [0, 3]

    async def test_purging_keeps_what_was_paid_and_where(self, open_here: OpenStore, time: MovableClock) -> None:
        session = open_here().session("s", ttl=5)
        await session.add_items([_user("1")])
        await session.usage.record(input_tokens=3, output_tokens=4)
        time.move(5)
        assert await session.purge_expired() == 1
        assert (await session.usage.total()).total_tokens == 7
        assert (await session.usage.total(branch="main")).total_tokens == 7

    async def test_a_sweeper_purges_until_the_store_is_closed(
        self,
        open_here: OpenStore,
        time: MovableClock,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        store = open_here()
        purge, rounds = store.purge_expired, asyncio.Queue[int]()
        errors = [OSError("the first time")]

        async def fail_once() -> int:
            if errors:
                raise errors.pop()
            removed = await purge()
            rounds.put_nowait(removed)
            return removed

        monkeypatch.setattr(store, "purge_expired", fail_once)
        await store.session("s").add_items([_user("1")], ttl=5)
        time.move(5)
        sweeper = store.sweeper(every=0.01)
        assert not sweeper.running
        with caplog.at_level(logging.ERROR, "sessions"):
            async with sweeper:
                while await rounds.get() == 0:
                    pass
                assert sweeper.running
        assert "purging the store failed" in caplog.text
        assert not sweeper.running
        async with store.sweeper(every=0.01) as another:
            await rounds.get()
            await store.close()
            assert not another.running

    async def test_a_store_sweeps_itself_while_it_is_open(
        self, open_here: OpenStore, time: MovableClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        before = asyncio.all_tasks()
        with caplog.at_level(logging.DEBUG, "sessions"):
            async with open_here(ttl=5, sweep_every=0.01) as store:
                await store.session("s").add_items([_user("1")])
                time.move(5)
                while "purged 1 expired" not in caplog.text:  # noqa: ASYNC110 - it waits for a line in a log
                    await asyncio.sleep(0.01)
                assert (await store.erase("s")).entries == 0
        assert not {task for task in asyncio.all_tasks() - before if task.get_name() == "sessions-sweeper"}

    # --- Erasing -----------------------------------------------------------------------------------------------------

    async def test_a_receipt_counts_what_was_removed(self, open_here: OpenStore) -> None:
        store = open_here()
        session = store.session("s")
        await session.add_items([_user("1"), _answer("2")], idempotency_key="k")
        await session.branches.create("b")
        await session.on_branch("b").add_items([_user("3")], idempotency_key="l")
        await session.undo()
        await session.usage.record(input_tokens=1)
        await store.session("other").add_items([_user("4")])
        receipt = await store.erase("s")
        assert (receipt.session_id, receipt.existed, receipt.entries) == ("s", True, 3)
        # Two branches and the tip that undo left; two runs; two keys; that a branch was made and a turn undone.
        counts = (receipt.branches, receipt.segments, receipt.idempotency_keys, receipt.changes, receipt.usage)
        assert counts == (3, 2, 2, 2, 1)
        assert receipt.sdk_rows == 0
        assert [info.session_id for info in await store.sessions()] == ["other"]
        again = await store.erase("s")
        assert (again.existed, again.entries, again.usage) == (False, 0, 0)
        assert again.pending == receipt.pending == await store.scrub()
        assert await session.get_items() == []
        await session.add_items([_user("5")])
        assert await _texts(session) == "5"
        assert (await session.usage.total()).requests == 0

    async def test_the_bytes_wait_until_the_files_are_scrubbed(self, open_here: OpenStore) -> None:
        store = open_here()
        await store.session("s").add_items([_user("1")])
        (pending,) = (await store.erase("s", scrub=False)).pending
        assert "store.scrub()" in pending
