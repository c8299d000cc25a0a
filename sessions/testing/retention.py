"""The contract for retention policies, erasing owners, and the audit, as tests to run on your own store.

As `sessions.testing.ExpiryContract`: a fixture `open_here` returns a function that opens a `Store` on the test's
database, with the options of `open_store`. Each test calls it once.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from sessions.testing.expiry_model import MovableClock
from sessions.testing.machines import run_machine
from sessions.testing.retention_model import RetentionMachine
from sessions.testing.verified import check_verified
from sessions.types.retention import RetentionPolicy

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.store.store import Store
    from sessions.testing.expiry_model import OpenStore
    from sessions.types.retention import OwnerErasure

__all__ = ["MovableClock", "RetentionContract"]

DAY = 86_400


def _user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def _answer(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def _call(call_id: str) -> dict[str, str]:
    return {"type": "function_call", "call_id": call_id, "name": "look", "arguments": "{}"}


def _output(call_id: str) -> dict[str, str]:
    return {"type": "function_call_output", "call_id": call_id, "output": "x"}


_APPROVAL = {"type": "mcp_approval_request", "id": "r", "server_label": "s", "name": "n", "arguments": "{}"}
_CHAT_CALLS = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": call, "type": "function", "function": {"name": "look", "arguments": "{}"}} for call in ("1", "2")
    ],
}
_CHAT_OUTPUT = {"role": "tool", "tool_call_id": "1", "content": "x"}

WAITING: dict[str, list[Any]] = {
    "a call": [_call("1")],
    "one of two calls": [_call("1"), _call("2"), _output("1")],
    "an approval request": [_APPROVAL],
    "one of two calls in a message": [_CHAT_CALLS, _CHAT_OUTPUT],
    "a call in an older turn": [_call("1"), _user("and?"), _answer("wait")],
    "a call whose id was used before": [_call("1"), _output("1"), _call("1")],
}
NOT_WAITING: dict[str, list[Any]] = {
    "an answered call": [_call("1"), _output("1")],
    "a late output": [_call("1"), _user("and?"), _output("1")],
    "a decision": [_APPROVAL, {"type": "mcp_approval_response", "approval_request_id": "r", "approve": True}],
    "a hosted call": [{"type": "web_search_call", "id": "1", "status": "completed"}],
}


async def _texts(session: LogSession) -> str:
    return " ".join(item["content"] for item in await session.get_items())


async def _ids(store: Store) -> set[str]:
    return {info.session_id for info in await store.sessions()}


async def _talk(session: LogSession, turns: int) -> None:
    for number in range(1, turns + 1):
        await session.add_items([_user(f"u{number}"), _answer(f"a{number}")])


class RetentionContract:
    """The promises of a store about retention. Subclass it as ``Test…`` and give it the fixture `open_here`."""

    EXAMPLES: ClassVar[int] = 25
    """How many sequences of operations are compared with the model; fewer do for a slow store that shares its code."""

    encrypted: ClassVar[bool] = False
    """Whether the stores of `open_here` encrypt their sessions."""

    @pytest.fixture
    def time(self, monkeypatch: pytest.MonkeyPatch) -> MovableClock:
        """Return the clock of all sessions in this test."""
        return MovableClock(monkeypatch)

    def test_any_sequence_of_operations(self, open_here: OpenStore, time: MovableClock) -> None:
        run_machine(lambda: RetentionMachine(open_here, time), self.EXAMPLES, steps=25)

    # --- Whole sessions ------------------------------------------------------------------------------------------

    async def test_sessions_go_by_age_and_by_their_last_change(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        await store.session("old").add_items([_user("1")])
        await store.session("used").add_items([_user("1")])
        time.move(10 * DAY)
        await store.session("used").add_items([_user("2")])
        await store.session("new").add_items([_user("1")])
        by_change, by_age = RetentionPolicy(unchanged_for=10 * DAY), RetentionPolicy(older_than=timedelta(days=10))
        assert (await store.retain(RetentionPolicy(unchanged_for=10 * DAY + 0.001))).erased == 0
        said = await store.retain(by_change, dry_run=True)
        assert (said.dry_run, said.erased, said.entries, said.session_ids) == (True, 1, 1, ("old",))
        assert (await store.retain(by_age, dry_run=True)).session_ids == ("old", "used")
        both = RetentionPolicy(older_than=5 * DAY, unchanged_for=DAY)
        assert [found.session_id async for found in store.preview_retention(both)] == ["old"]
        assert await _ids(store) == {"old", "used", "new"}
        report = await store.retain(by_change)
        assert (report.dry_run, report.erased, report.entries, report.session_ids) == (False, 1, 1, ("old",))
        assert await _ids(store) == {"used", "new"}
        assert (await store.retain(by_age)).erased == 1
        assert await _ids(store) == {"new"}
        assert (await store.retain([by_change, by_age])).erased == 0

    async def test_a_session_goes_with_all_that_it_has(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        session = store.session("s", owner="ann")
        await session.add_items([_user("1")], keys=["k"], idempotency_key="i")
        await session.usage.record(input_tokens=3)
        await session.set_info(title="t", tags=["x"])
        time.move(DAY)
        assert (await store.retain(RetentionPolicy(unchanged_for=DAY))).erased == 1
        assert (await store.erase("s", scrub=False)).existed is False
        assert (await session.usage.total()).requests == 0
        assert await store.find("k") == []
        await session.add_items([_user("1")], idempotency_key="i")
        assert await _texts(session) == "1"

    async def test_only_archived_sessions(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        for name in ("a", "b"):
            await store.session(name).add_items([_user("1")])
        time.move(DAY)
        await store.session("a").set_info(archived=True)
        # Archiving is a change: the time runs from there.
        week_old = RetentionPolicy(archived=True, unchanged_for=7 * DAY)
        assert (await store.retain(week_old)).erased == 0
        time.move(7 * DAY)
        assert (await store.retain(RetentionPolicy(archived=False, older_than=9 * DAY))).erased == 0
        assert (await store.retain(week_old)).session_ids == ("a",)
        await store.session("b").set_info(archived=True)
        assert (await store.retain(RetentionPolicy(archived=True))).session_ids == ("b",)

    async def test_empty_sessions(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        await store.session("info").set_info(title="t")
        await store.session("tagged").set_info(tags=["x"])
        await store.session("full").add_items([_user("1")])
        await store.session("keyed").add_items([_user("1")], idempotency_key="k")
        await store.session("keyed").pop_item()
        time.move(100)
        policy = RetentionPolicy(empty=True, unchanged_for=100)
        wanted = {"info", "tagged"}
        assert {found.session_id async for found in store.preview_retention(policy)} == wanted
        assert set((await store.retain(policy)).session_ids) == wanted
        assert await _ids(store) == {"full", "keyed"}

    async def test_a_clock_that_was_ahead_and_is_set_back(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        time.move(100 * DAY)
        await store.session("s").add_items([_user("1")])
        time.move(-100 * DAY)
        for policy in (RetentionPolicy(older_than=0.001), RetentionPolicy(unchanged_for=0.001)):
            assert (await store.retain(policy)).erased == 0
        time.move(101 * DAY)
        assert (await store.retain(RetentionPolicy(older_than=DAY))).erased == 1

    async def test_progress_is_told_and_a_report_names_a_hundred(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        store = open_here()
        for number in range(105):
            await store.session(f"s{number}").add_items([_user("1")])
        time.move(DAY)
        policy = RetentionPolicy(unchanged_for=DAY)
        told: list[int] = []
        said = await store.retain(policy, dry_run=True, progress=lambda report: told.append(report.erased))
        assert (said.erased, len(said.session_ids), told) == (105, 100, list(range(1, 106)))
        told.clear()
        report = await store.retain(policy, batch=10, progress=lambda report: told.append(report.erased))
        assert (report.erased, report.session_ids) == (105, said.session_ids)
        # No transaction took more than ten items.
        assert told == [*range(10, 101, 10), 105]

    # --- Owners ----------------------------------------------------------------------------------------------------

    async def test_the_most_specific_policies_count(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        owners: dict[str, Any] = {
            "none": None,
            "acme": "acme",
            "ann": ("acme", "ann"),
            "bob": ("acme", "bob"),
            "other": "acmeinc",
        }
        for name, owner in owners.items():
            session = store.session(name) if owner is None else store.session(name, owner=owner)
            await session.add_items([_user("1")])
        time.move(50 * DAY)
        policies = [
            RetentionPolicy(unchanged_for=10 * DAY),
            RetentionPolicy(unchanged_for=100 * DAY, below="acme"),
            RetentionPolicy(unchanged_for=20 * DAY, owner=("acme", "ann")),
        ]
        assert (await store.retain(policies[2])).session_ids == ("ann",)
        await store.session("ann", owner=("acme", "ann")).add_items([_user("1")])
        assert set((await store.retain(policies)).session_ids) == {"none", "other"}
        time.move(50 * DAY)
        assert set((await store.retain(policies[1:])).session_ids) == {"acme", "bob", "ann"}

    # --- Older turns -----------------------------------------------------------------------------------------------

    async def test_the_last_turns_are_kept(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        session = store.session("s")
        await session.add_items([{"role": "system", "content": "rules"}, _answer("hello")])
        await _talk(session, 5)
        await session.usage.record(input_tokens=3)
        changed = (await store.sessions())[0].updated_at
        time.move(5)
        assert (await store.retain(RetentionPolicy(keep_turns=5), dry_run=True)).entries == 1
        assert (await store.retain(RetentionPolicy(keep_turns=6), dry_run=True)).trimmed == 0
        report = await store.retain(RetentionPolicy(keep_turns=2), batch=3)
        assert (report.erased, report.trimmed, report.entries) == (0, 1, 7)
        assert await _texts(session) == "rules u4 a4 u5 a5"
        assert [turn.number for turn in await session.turns()] == [0, 4, 5]
        assert (await session.usage.total()).input_tokens == 3
        assert (await store.sessions())[0].updated_at == changed
        assert [change.kind async for change in _changes(session)][-1] == "purged"
        assert (await store.retain(RetentionPolicy(keep_turns=2))).trimmed == 0
        await session.add_items([_user("u6")])
        assert (await store.retain(RetentionPolicy(keep_turns=2))).entries == 2
        assert await _texts(session) == "rules u5 a5 u6"
        assert await session.undo() == [_user("u6")]
        assert await session.redo() == [_user("u6")]

    async def test_each_branch_keeps_its_own_last_turns(self, open_here: OpenStore, time: MovableClock) -> None:
        del time
        store = open_here()
        session = store.session("s")
        await _talk(session, 4)
        await session.branches.create("b")
        await session.branches.create("early", turn=2)
        for number in (5, 6, 7):
            await session.add_items([_user(f"u{number}")])
        await session.on_branch("b").add_items([_user("b5")])
        report = await store.retain(RetentionPolicy(keep_turns=2))
        # Turn 1 and 2 of "early"; turn 4 and b5 of "b"; of main, only 6 and 7 stay.
        assert await _texts(session.on_branch("early")) == "u1 a1"
        assert (await session.on_branch("b").get_items())[-3:] == [_user("u4"), _answer("a4"), _user("b5")]
        assert (await session.get_items())[-2:] == [_user("u6"), _user("u7")]
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
        await session.add_items([_user("u1 old")])
        await session.undo()
        await _talk(session, 3)
        await session.undo()
        await session.add_items([_user("u3 new")])
        await session.add_items([_user("u4")])
        await session.undo()
        assert (await store.retain(RetentionPolicy(keep_turns=2))).entries == 3
        assert await _texts(session) == "u2 a2 u3 new"
        assert [sibling.count for sibling in await session.siblings(3)] == [2, 2]
        await session.redo()
        assert await _texts(session) == "u2 a2 u3 new u4"
        await session.choose((await session.siblings(3))[0])
        assert await _texts(session) == "u2 a2 u3 a3"

    async def test_an_attempt_keeps_its_own_last_turns(self, open_here: OpenStore, time: MovableClock) -> None:
        del time
        store = open_here()
        session = store.session("s")
        await _talk(session, 5)
        async with session.attempt(turn=2) as attempt:
            await attempt.add_items([_user("u2 new")])
            # Turns 1 to 3 of main go; the attempt sees turn 1 and its own question.
            assert (await store.retain(RetentionPolicy(keep_turns=2))).entries == 4
            await attempt.add_items([_answer("a2 new")])
        assert await _texts(session) == "u1 a1 u2 new a2 new"

    async def test_a_summary_stays_with_its_own_turn(self, open_here: OpenStore, time: MovableClock) -> None:
        del time
        store = open_here()
        session = store.session("s")
        await _talk(session, 3)

        async def summarise(items: list[Any]) -> str:
            return f"summary of {len(items)}"

        await session.compact(summarise)
        await _talk(session, 1)
        assert (await store.retain(RetentionPolicy(keep_turns=2))).entries == 4
        assert await _texts(session) == "summary of 4 u3 a3 u1 a1"
        assert (await store.retain(RetentionPolicy(keep_turns=1))).entries == 3
        assert await _texts(session) == "u1 a1"

    async def test_turns_of_which_nothing_is_left_are_not_counted(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        store = open_here()
        session = store.session("s")
        for number in range(1, 7):
            await session.add_items([_user(f"u{number}")], ttl=5 if number in (4, 6) else None)
        time.move(5)
        await store.retain(RetentionPolicy(keep_turns=2))
        assert await _texts(session) == "u3 u5"

    async def test_a_title_that_was_made_of_a_removed_message_goes(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        """Fails without: log/lifetime/retain.py, `_forget_title`, or `is_elsewhere` in it."""
        del time
        store = open_here(title=lambda message: message["content"])
        for name in ("made", "given"):
            await _talk(store.session(name), 3)
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

    # --- What is spared --------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("keep_turns", [None, 1])
    @pytest.mark.parametrize("what", WAITING)
    async def test_what_waits_for_an_approval_is_spared(
        self, open_here: OpenStore, time: MovableClock, what: str, keep_turns: int | None
    ) -> None:
        store = open_here()
        session = store.session("s")
        await session.add_items([_user("1"), _answer("1")])
        await session.add_items([_user("2"), _answer("2")])
        await session.add_items([_user("3"), *WAITING[what]])
        await session.branches.create("b", turn=3)
        await session.branches.switch("b")
        before = await session.on_branch("main").get_items()
        time.move(10 * DAY)
        policy = RetentionPolicy(unchanged_for=DAY, keep_turns=keep_turns)
        (found,) = [found async for found in store.preview_retention(policy)]
        assert (found.spared, found.keep_turns) == ("pending", keep_turns)
        for dry_run in (True, False):
            report = await store.retain(policy, dry_run=dry_run)
            assert (report.pending_calls, report.erased, report.trimmed, report.entries) == (1, 0, 0, 0)
        assert await session.on_branch("main").get_items() == before
        abandoned = RetentionPolicy(unchanged_for=DAY, keep_turns=keep_turns, abandoned_after=10 * DAY + 1)
        assert (await store.retain(abandoned)).pending_calls == 1
        time.move(1)
        report = await store.retain(abandoned)
        assert (report.pending_calls, report.erased + report.trimmed) == (0, 1)

    @pytest.mark.parametrize("what", NOT_WAITING)
    async def test_what_waits_for_nothing_goes(self, open_here: OpenStore, time: MovableClock, what: str) -> None:
        store = open_here()
        await store.session("s").add_items([_user("1"), *NOT_WAITING[what]])
        time.move(DAY)
        assert (await store.retain(RetentionPolicy(unchanged_for=DAY))).erased == 1

    async def test_a_repaired_call_and_an_undone_one_wait_for_nothing(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        store = open_here()
        await store.session("repaired").add_items([_user("1"), _call("1")])
        await store.session("repaired").repair(apply=True)
        await store.session("undone").add_items([_user("1")])
        await store.session("undone").add_items([_user("2"), _call("1")])
        await store.session("undone").undo()
        time.move(DAY)
        report = await store.retain(RetentionPolicy(unchanged_for=DAY))
        assert (report.erased, report.pending_calls) == (2, 0)

    @pytest.mark.parametrize("keep_turns", [None, 1])
    async def test_a_leased_session_is_spared(
        self, open_here: OpenStore, time: MovableClock, keep_turns: int | None
    ) -> None:
        store = open_here()
        session = store.session("s")
        await _talk(session, 2)
        await session.branches.create("b")
        time.move(DAY)
        policy = RetentionPolicy(unchanged_for=DAY, keep_turns=keep_turns)
        async with session.on_branch("b").lease(ttl=60):
            for dry_run in (True, False):
                report = await store.retain(policy, dry_run=dry_run)
                assert (report.leased, report.erased, report.trimmed) == (1, 0, 0)
            time.move(60)
            # Its holder was stopped for too long, so it is free.
            assert (await store.retain(policy, dry_run=True)).leased == 0
            time.move(-60)
        report = await store.retain(policy)
        assert (report.leased, report.erased + report.trimmed) == (0, 1)

    # --- Arguments -------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("given", "error", "words"),
        [({}, ValueError, "erase every session"),
         ({"archived": False}, ValueError, "erase every session"),
         ({"owner": "ann"}, ValueError, "erase_owner"),
         ({"owner": None, "older_than": 1}, TypeError, "owner is None"),
         ({"below": None, "older_than": 1}, TypeError, "below is None"),
         ({"owner": "a", "below": "b", "older_than": 1}, ValueError, "cannot be combined"),
         ({"owner": "", "older_than": 1}, ValueError, "must not be empty"),
         ({"older_than": 0}, ValueError, "older_than must be a positive number"),
         ({"unchanged_for": "1"}, TypeError, "unchanged_for must be a number"),
         ({"abandoned_after": True, "keep_turns": 1}, TypeError, "abandoned_after must be a number"),
         ({"keep_turns": 0}, ValueError, "keep_turns must be at least 1"),
         ({"keep_turns": 1.5}, TypeError, "keep_turns must be an integer"),
         ({"archived": 1}, TypeError, "archived must be"),
         ({"empty": None}, TypeError, "empty must be"),
         ({"empty": True, "keep_turns": 1}, ValueError, "empty and keep_turns")],
    )  # fmt: skip
    def test_a_policy_that_cannot_be_meant_is_refused(
        self, given: dict[str, Any], error: type[Exception], words: str
    ) -> None:
        with pytest.raises(error, match=words) as raised:
            RetentionPolicy(**given)
        assert "Nothing was done" in str(raised.value)

    async def test_wrong_arguments_are_refused_and_change_nothing(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        store = open_here()
        await store.session("s", owner="ann").add_items([_user("1")])
        time.move(DAY)
        policy: Any = RetentionPolicy(older_than=1)
        wrong: list[tuple[type[Exception], str, Any]] = [
            (TypeError, "policy must be a RetentionPolicy", store.retain({"older_than": 1})),  # type: ignore[arg-type]
            (TypeError, "policy must be a RetentionPolicy", store.retain([policy, 1])),  # type: ignore[list-item]
            (ValueError, "empty list", store.retain([])),
            (ValueError, "batch must be at least 1", store.retain(policy, batch=0)),
            (ValueError, "actor must not be empty", store.retain(policy, actor="")),
            (TypeError, "actor must be a string", store.erase("s", actor=1)),  # type: ignore[arg-type]
            (TypeError, "owner is None", store.erase_owner(None)),  # type: ignore[arg-type]
            (TypeError, "owner must be a string or a tuple", store.erase_owner(1)),  # type: ignore[arg-type]
            (ValueError, "must not be empty", store.erase_owner("")),
            (ValueError, "at most 255 bytes", store.erase_owner("ann", actor="x" * 256)),
            (ValueError, "cursor of an audit row", store.audits(after="x")),
            (ValueError, "limit must be at least 1", store.audits(limit=0)),
            (ValueError, "cannot be combined", store.audits(session_id="s", owner="ann")),
            (TypeError, "owner is None", store.audits(owner=None)),  # type: ignore[arg-type]
        ]
        for error, words, attempt in wrong:
            with pytest.raises(error, match=words):
                await attempt
        assert await _ids(store) == {"s"}
        assert await store.audits() == []

    # --- Erasing an owner ------------------------------------------------------------------------------------------

    async def test_an_owner_is_erased_and_no_other(self, open_here: OpenStore, time: MovableClock) -> None:
        del time
        store = open_here()
        owners: dict[str, Any] = {
            "1": "ann",
            "2": "ann",
            "3": ("ann", "x"),
            "4": "anna",
            "5": "an",
            "6": ("bob", "ann"),
        }
        for name, owner in owners.items():
            session = store.session(name, owner=owner)
            await session.add_items([_user("1"), _call("1")], keys=["k", None])
            await session.usage.record(input_tokens=3)
        await store.session("7").add_items([_user("1")])
        async with store.session("1").lease(exclusive=True):
            receipt = await store.erase_owner("ann", actor="support")
        assert (receipt.owner, receipt.below, receipt.sessions) == ("ann", False, 2)
        rows = receipt.rows["log"]
        counts = {name: rows[name] for name in ("sessions", "entries", "usage", "item_keys", "sdk_rows")}
        assert counts == {"sessions": 2, "entries": 4, "usage": 2, "item_keys": 2, "sdk_rows": 0}
        assert await _ids(store) == {"3", "4", "5", "6", "7"}
        assert (await store.erase_owner("ann", scrub=False)).sessions == 0
        receipt = await store.erase_owner("ann", below=True, scrub=False)
        assert (receipt.sessions, "store.scrub()" in receipt.pending[0]) == (1, True)
        assert await _ids(store) == {"4", "5", "6", "7"}
        assert (await store.erase_owner(("bob", "ann"))).sessions == 1
        assert len(await store.find("k")) == 2

    async def test_many_sessions_of_an_owner(self, open_here: OpenStore, time: MovableClock) -> None:
        del time
        store = open_here()
        for number in range(70):
            await store.session(f"s{number}", owner=("ann", str(number))).add_items([_user("1")])
        await store.session("other", owner="bob").add_items([_user("1")])
        told: list[tuple[int, int]] = []

        def note(so_far: OwnerErasure) -> None:
            told.append((so_far.sessions, so_far.rows["log"]["entries"]))

        receipt = await store.erase_owner("ann", below=True, progress=note)
        assert (receipt.sessions, receipt.rows["log"]["entries"]) == (70, 70)
        assert told == [(32, 32), (64, 64), (70, 70)]
        assert await _ids(store) == {"other"}
        assert len(await store.audits(what="erase_owner", limit=1000)) == 71

    # --- The audit -------------------------------------------------------------------------------------------------

    async def test_each_removal_leaves_a_row_without_ids(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        for name in ("erased", "retained", "trimmed", "owned"):
            session = store.session(name, owner="ann") if name == "owned" else store.session(name)
            await _talk(session, 2)
        assert await store.audits() == []
        assert await store.erased_at("erased") is None
        await store.erase("erased", actor="support")
        time.move(1)
        await store.erase("erased")
        await store.erase("never there")
        await store.erase_owner("ann", actor="ann herself")
        time.move(1)
        await store.session("retained").set_info(archived=True)
        await store.retain([RetentionPolicy(archived=True), RetentionPolicy(keep_turns=1)], actor="nightly")
        rows = await store.audits()
        assert {(row.what, row.actor, row.counts.get("entries", row.counts.get("log.entries"))) for row in rows} == {
            ("erase", "support", 4),
            ("erase_owner", "ann herself", 4),
            ("retain", "nightly", 4),
            ("retain", "nightly", 2),
        }
        assert len(rows) == 5
        # A store may also keep idempotency keys for its own retries.
        assert rows[-1].counts.items() >= {"sessions": 1, "entries": 4, "branches": 1, "segments": 1}.items()
        assert rows[-1].at.timestamp() == time.seconds - 2
        shown = repr(rows)
        assert not any(f"'{name}'" in shown for name in ("erased", "retained", "trimmed", "owned", "ann"))
        assert len({row.subject for row in rows}) == 5
        assert await store.audits(session_id="erased") == [rows[-1]]
        assert [row.counts for row in await store.audits(owner="ann")] == [
            {f"log.{name}": count for name, count in rows[-2].counts.items()}
        ]
        times = {
            name: await store.erased_at(name) for name in ("erased", "retained", "owned", "trimmed", "never there")
        }
        seconds = {name: at and time.seconds - at.timestamp() for name, at in times.items()}
        assert seconds == {"erased": 2, "retained": 0, "owned": 1, "trimmed": None, "never there": None}

    async def test_the_audit_is_read_page_by_page(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        for number in range(5):
            await store.session(f"s{number}").add_items([_user("1")])
            await store.erase(f"s{number}", scrub=False)
            time.move(10)
        rows = await store.audits()
        pages, after = [], None
        while page := await store.audits(limit=2, after=after):
            pages.append(page)
            after = page[-1].cursor
        assert [len(page) for page in pages] == [2, 2, 1]
        assert [row for page in pages for row in page] == rows == sorted(rows, key=lambda row: row.at, reverse=True)
        assert await store.audits(since=rows[1].at) == rows[:2]
        assert await store.audits(what="retain") == []
        assert await store.audits(what="erase", session_id="s1") == [rows[3]]

    async def test_rows_of_the_audit_end(self, open_here: OpenStore, time: MovableClock) -> None:
        del time
        store = open_here(audit_ttl=0.001)
        await store.session("s").add_items([_user("1")])
        await store.erase("s", scrub=False)
        # By the database's clock, in whole seconds.
        while await store.audits():  # noqa: ASYNC110 - it waits for the clock of the database
            await asyncio.sleep(0.05)
        assert await store.erased_at("s") is None

    async def test_an_id_that_is_used_again(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        for _ in range(2):
            await store.session("s").add_items([_user("1")])
            await store.erase("s", scrub=False)
            time.move(10)
        await store.session("s").add_items([_user("1")])
        assert len({row.subject for row in await store.audits(session_id="s")}) == 1
        assert (erased := await store.erased_at("s")) is not None
        assert erased.timestamp() == time.seconds - 10


async def _changes(session: LogSession) -> Any:
    """Yield the changes of a session so far."""
    last = await session.version()
    async for change in session.watch(after=0):
        yield change
        if change.version >= last:
            return
