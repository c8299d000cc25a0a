"""Erasing an owner, and the audit of removals."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sessions.testing.retention.shared import call, ids_of, talk, user
from sessions.types.retention import RetentionPolicy

if TYPE_CHECKING:
    from sessions.testing.expiry_model import MovableClock, OpenStore
    from sessions.types.retention import OwnerErasure


class OwnersAndAudit:
    """An owner is erased with all that is theirs; each removal leaves a row."""

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
            await session.add_items([user("1"), call("1")], keys=["k", None])
            await session.usage.record(input_tokens=3)
        await store.session("7").add_items([user("1")])
        async with store.session("1").lease(exclusive=True):
            receipt = await store.erase_owner("ann", actor="support")
        assert (receipt.owner, receipt.below, receipt.sessions) == ("ann", False, 2)
        rows = receipt.rows["log"]
        counts = {name: rows[name] for name in ("sessions", "entries", "usage", "item_keys", "sdk_rows")}
        assert counts == {"sessions": 2, "entries": 4, "usage": 2, "item_keys": 2, "sdk_rows": 0}
        assert await ids_of(store) == {"3", "4", "5", "6", "7"}
        assert (await store.erase_owner("ann", scrub=False)).sessions == 0
        receipt = await store.erase_owner("ann", below=True, scrub=False)
        assert (receipt.sessions, "store.scrub()" in receipt.pending[0]) == (1, True)
        assert await ids_of(store) == {"4", "5", "6", "7"}
        assert (await store.erase_owner(("bob", "ann"))).sessions == 1
        assert len(await store.find("k")) == 2

    async def test_many_sessions_of_an_owner(self, open_here: OpenStore, time: MovableClock) -> None:
        del time
        store = open_here()
        for number in range(70):
            await store.session(f"s{number}", owner=("ann", str(number))).add_items([user("1")])
        await store.session("other", owner="bob").add_items([user("1")])
        told: list[tuple[int, int]] = []

        def note(so_far: OwnerErasure) -> None:
            told.append((so_far.sessions, so_far.rows["log"]["entries"]))

        receipt = await store.erase_owner("ann", below=True, progress=note)
        assert (receipt.sessions, receipt.rows["log"]["entries"]) == (70, 70)
        assert told == [(32, 32), (64, 64), (70, 70)]
        assert await ids_of(store) == {"other"}
        assert len(await store.audits(what="erase_owner", limit=1000)) == 71

    async def test_each_removal_leaves_a_row_without_ids(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        for name in ("erased", "retained", "trimmed", "owned"):
            session = store.session(name, owner="ann") if name == "owned" else store.session(name)
            await talk(session, 2)
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
            await store.session(f"s{number}").add_items([user("1")])
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
        await store.session("s").add_items([user("1")])
        await store.erase("s", scrub=False)
        # By the database's clock, in whole seconds.
        while await store.audits():  # noqa: ASYNC110 - it waits for the clock of the database
            await asyncio.sleep(0.05)
        assert await store.erased_at("s") is None

    async def test_an_id_that_is_used_again(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        for _ in range(2):
            await store.session("s").add_items([user("1")])
            await store.erase("s", scrub=False)
            time.move(10)
        await store.session("s").add_items([user("1")])
        assert len({row.subject for row in await store.audits(session_id="s")}) == 1
        assert (erased := await store.erased_at("s")) is not None
        assert erased.timestamp() == time.seconds - 10
