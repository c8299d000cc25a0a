"""Retention: which whole sessions go."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sessions.testing.retention.shared import DAY, ids_of, texts_of, user
from sessions.types.retention import RetentionPolicy

if TYPE_CHECKING:
    from sessions.testing.expiry_model import MovableClock, OpenStore


class WholeSessions:
    """Sessions go by their age, their last change, their archive, and their owner."""

    async def test_sessions_go_by_age_and_by_their_last_change(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        await store.session("old").add_items([user("1")])
        await store.session("used").add_items([user("1")])
        time.move(10 * DAY)
        await store.session("used").add_items([user("2")])
        await store.session("new").add_items([user("1")])
        by_change, by_age = RetentionPolicy(unchanged_for=10 * DAY), RetentionPolicy(older_than=timedelta(days=10))
        assert (await store.retain(RetentionPolicy(unchanged_for=10 * DAY + 0.001))).erased == 0
        said = await store.retain(by_change, dry_run=True)
        assert (said.dry_run, said.erased, said.entries, said.session_ids) == (True, 1, 1, ("old",))
        assert (await store.retain(by_age, dry_run=True)).session_ids == ("old", "used")
        both = RetentionPolicy(older_than=5 * DAY, unchanged_for=DAY)
        assert [found.session_id async for found in store.preview_retention(both)] == ["old"]
        assert await ids_of(store) == {"old", "used", "new"}
        report = await store.retain(by_change)
        assert (report.dry_run, report.erased, report.entries, report.session_ids) == (False, 1, 1, ("old",))
        assert await ids_of(store) == {"used", "new"}
        assert (await store.retain(by_age)).erased == 1
        assert await ids_of(store) == {"new"}
        assert (await store.retain([by_change, by_age])).erased == 0

    async def test_a_session_goes_with_all_that_it_has(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        session = store.session("s", owner="ann")
        await session.add_items([user("1")], keys=["k"], idempotency_key="i")
        await session.usage.record(input_tokens=3)
        await session.set_info(title="t", tags=["x"])
        time.move(DAY)
        assert (await store.retain(RetentionPolicy(unchanged_for=DAY))).erased == 1
        assert (await store.erase("s", scrub=False)).existed is False
        assert (await session.usage.total()).requests == 0
        assert await store.find("k") == []
        await session.add_items([user("1")], idempotency_key="i")
        assert await texts_of(session) == "1"

    async def test_only_archived_sessions(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        for name in ("a", "b"):
            await store.session(name).add_items([user("1")])
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
        await store.session("full").add_items([user("1")])
        await store.session("keyed").add_items([user("1")], idempotency_key="k")
        await store.session("keyed").pop_item()
        time.move(100)
        policy = RetentionPolicy(empty=True, unchanged_for=100)
        wanted = {"info", "tagged"}
        assert {found.session_id async for found in store.preview_retention(policy)} == wanted
        assert set((await store.retain(policy)).session_ids) == wanted
        assert await ids_of(store) == {"full", "keyed"}

    async def test_a_clock_that_was_ahead_and_is_set_back(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        time.move(100 * DAY)
        await store.session("s").add_items([user("1")])
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
            await store.session(f"s{number}").add_items([user("1")])
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
            await session.add_items([user("1")])
        time.move(50 * DAY)
        policies = [
            RetentionPolicy(unchanged_for=10 * DAY),
            RetentionPolicy(unchanged_for=100 * DAY, below="acme"),
            RetentionPolicy(unchanged_for=20 * DAY, owner=("acme", "ann")),
        ]
        assert (await store.retain(policies[2])).session_ids == ("ann",)
        await store.session("ann", owner=("acme", "ann")).add_items([user("1")])
        assert set((await store.retain(policies)).session_ids) == {"none", "other"}
        time.move(50 * DAY)
        assert set((await store.retain(policies[1:])).session_ids) == {"acme", "bob", "ann"}
