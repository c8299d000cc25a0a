"""Retention: what is spared, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions.testing.retention.shared import DAY, NOT_WAITING, WAITING, answer, call, ids_of, talk, user
from sessions.types.retention import RetentionPolicy

if TYPE_CHECKING:
    from sessions.testing.expiry_model import MovableClock, OpenStore


class Spared:
    """What somebody waits for or works on is spared; a policy that cannot be meant does nothing."""

    @pytest.mark.parametrize("keep_turns", [None, 1])
    @pytest.mark.parametrize("what", WAITING)
    async def test_what_waits_for_an_approval_is_spared(
        self, open_here: OpenStore, time: MovableClock, what: str, keep_turns: int | None
    ) -> None:
        store = open_here()
        session = store.session("s")
        await session.add_items([user("1"), answer("1")])
        await session.add_items([user("2"), answer("2")])
        await session.add_items([user("3"), *WAITING[what]])
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
        await store.session("s").add_items([user("1"), *NOT_WAITING[what]])
        time.move(DAY)
        assert (await store.retain(RetentionPolicy(unchanged_for=DAY))).erased == 1

    async def test_a_repaired_call_and_an_undone_one_wait_for_nothing(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        store = open_here()
        await store.session("repaired").add_items([user("1"), call("1")])
        await store.session("repaired").repair(apply=True)
        await store.session("undone").add_items([user("1")])
        await store.session("undone").add_items([user("2"), call("1")])
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
        await talk(session, 2)
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
        await store.session("s", owner="ann").add_items([user("1")])
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
        assert await ids_of(store) == {"s"}
        assert await store.audits() == []
