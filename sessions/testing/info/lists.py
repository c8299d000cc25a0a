"""Info: lists of sessions, page by page."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pytest

from sessions.errors import ItemKeyConflictError
from sessions.testing.info.shared import user

if TYPE_CHECKING:
    from sessions.store.store import Store
    from sessions.testing.expiry_model import MovableClock, OpenStore

BAD_FILTERS: Final[list[tuple[dict[str, Any], type[Exception]]]] = [
    ({"owner": ""}, ValueError),
    ({"owner": 1}, TypeError),
    ({"below": ()}, ValueError),
    ({"owner": "a", "below": "a"}, ValueError),
    ({"archived": 1}, TypeError),
    ({"since": datetime(2026, 1, 1)}, ValueError),  # noqa: DTZ001 - that is the mistake
    ({"since": 5}, TypeError),
    ({"order": "name"}, ValueError),
    ({"order": ["active"]}, ValueError),
    ({"limit": 0}, ValueError),
    ({"limit": "1"}, TypeError),
]
"""What `sessions` and `count` refuse."""


class Lists:
    """Lists miss no idle session."""

    encrypted: ClassVar[bool] = False
    """Whether the store encrypts its sessions: their tags are in no index."""

    async def test_an_idle_session_is_never_missed_while_others_are_active(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        store = open_here()
        for number in range(12):
            await store.session(f"s{number}", owner="ann").add_items([user("1")])
            time.move(1)
        busy = {"s3", "s7"}
        seen: list[str] = []
        cursor = None
        while page := await store.sessions(owner="ann", limit=2, after=cursor):
            seen += [one.session_id for one in page]
            cursor = page[-1].cursor
            time.move(61)
            await asyncio.gather(*(store.session(name).add_items([user("2")]) for name in busy))
            await store.session(f"new {len(seen)}", owner="ann").add_items([user("1")])
        idle = [name for name in seen if name not in busy]
        assert idle == [f"s{number}" for number in range(11, -1, -1) if f"s{number}" not in busy]

    async def test_a_session_moves_at_most_once_a_minute(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        session = store.session("s")
        begun = datetime.fromtimestamp(time.seconds, UTC)
        seen = []
        for _ in range(5):
            await session.add_items([user("1")])
            found = await store.get("s")
            assert found is not None
            seen.append(((found.active_at - begun).seconds, (found.updated_at - begun).seconds))
            time.move(29)
        assert seen == [(0, 0), (0, 29), (0, 58), (87, 87), (87, 116)]

    async def test_a_change_that_is_no_activity_is_a_change(self, open_here: OpenStore, time: MovableClock) -> None:
        """Fails without: log/statements/listing.py, `s.updated_at >= :since` alone, without a bound on `active_at`."""
        store = open_here()
        for name in ("old", "renamed", "undone"):
            await store.session(name).add_items([user("1")])
        time.move(3600)
        since = datetime.fromtimestamp(time.seconds, UTC)
        await store.session("renamed").set_info(title="Rome")
        await store.session("undone").undo()
        assert {one.session_id for one in await store.sessions(since=since)} == {"renamed", "undone"}
        assert await store.count(since=since) == 2

    async def test_appends_at_once_in_a_new_minute(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        for name in "abc":
            await store.session(name).add_items([user("1")])
            time.move(1)
        await store.session("a").set_info(tags=None if self.encrypted else ["t"])
        time.move(100)
        await asyncio.gather(*(store.session("a").add_items([user(str(n))]) for n in range(20)))
        assert [one.session_id for one in await store.sessions()] == ["a", "c", "b"]
        assert [one.session_id for one in await store.sessions(order="created")] == ["c", "b", "a"]
        if not self.encrypted:
            (found,) = await store.sessions(tag="t")
            assert found.active_at == datetime.fromtimestamp(time.seconds, UTC)
            assert found.item_count == 21

    @pytest.mark.parametrize("what", ["nothing", "dropped", "kept", "popped", "usage", "info", "another's item"])
    async def test_a_failed_attempt_on_a_new_id_is_in_no_list(self, open_here: OpenStore, what: str) -> None:
        """Unless something stays. Fails without: session/attempts.py, `_forget_unbegun` in `end`."""
        store = open_here()
        session = store.session("s", owner="ann")
        with suppress(ZeroDivisionError):
            async with session.attempt(on_failure="keep" if what == "kept" else "drop") as tried:
                if what != "nothing":
                    await tried.add_items([user("1")], keys=["a"])
                if what == "popped":
                    await tried.pop_item()
                elif what == "usage":
                    await tried.usage.record(input_tokens=1)
                elif what == "info":
                    await store.session("s").set_info(title="mine")
                elif what == "another's item":
                    await store.session("s").add_items([user("2")], keys=["b"])
                    await store.session("s").pop_item()
                raise ZeroDivisionError
        stays = what not in {"nothing", "dropped"}
        assert [one.session_id for one in await store.sessions()] == ["s"] * stays
        assert await store.count() == stays
        assert (await store.get("s") is not None) == stays
        assert (await session.version() > 0) == stays
        # Without a trace: it may become another owner's, and no key is known.
        other = store.session("s", owner="ann" if stays else "bob")
        await other.add_items([user("1"), user("b")], keys=["a", "c"])
        assert await other.get_items() == [user("1"), user("b")]
        with pytest.raises(ItemKeyConflictError):
            await other.add_items([user("other")], keys=["a"])

    async def test_an_attempt_on_a_new_id_that_adds_nothing_is_in_no_list(self, open_here: OpenStore) -> None:
        """Fails without: session/attempts.py, `_forget_unbegun` in `commit`."""
        store = open_here()
        async with store.session("s").attempt():
            assert await store.session("s").get_items() == []
        assert await store.sessions() == []
        async with store.session("s").attempt() as tried:
            await tried.add_items([user("1")])
        assert [one.item_count for one in await store.sessions()] == [1]
        async with store.session("s").attempt(1):
            pass
        assert [one.item_count for one in await store.sessions()] == [0]

    async def test_what_is_no_cursor_is_refused(self, open_here: OpenStore) -> None:
        store = open_here()
        cursors: list[Any] = ["", "x", "a1", "a1.", "1.1", "a1.1.1", "a" + "9" * 30 + ".1", "a1.\u0661", "a1.1;", 1]
        for cursor in cursors:
            with pytest.raises(ValueError, match=r"after .* the cursor"):
                await store.sessions(after=cursor)

    async def test_a_cursor_of_another_order_is_refused(self, open_here: OpenStore) -> None:
        store = open_here()
        await store.session("s").add_items([user("1")])
        for order, other in (("active", "created"), ("created", "active")):
            (one,) = await store.sessions(order=order)  # type: ignore[arg-type]
            with pytest.raises(ValueError, match=f"order='{order}'"):
                await store.sessions(order=other, after=one.cursor)  # type: ignore[arg-type]

    async def test_filters_that_mean_nothing_are_refused(self, open_here: OpenStore) -> None:
        store = open_here()
        for filters, error in BAD_FILTERS:
            with pytest.raises(error):
                await store.sessions(**filters)
            if not filters.keys() & {"order", "limit"}:
                with pytest.raises(error):
                    await store.count(**filters)

    async def test_tags(self, open_here: OpenStore) -> None:
        store = open_here()
        if self.encrypted:
            for call in (store.sessions, store.count):
                with pytest.raises(ValueError, match="encrypts its sessions"):
                    await call(tag="a")
            return
        await self._tagged(store)
        for tag in ("", "a\0", "é" * 128):
            with pytest.raises(ValueError, match="tag"):
                await store.sessions(tag=tag)

    async def _tagged(self, store: Store) -> None:
        await store.session("1", owner="ann").set_info(tags=["a", "A"])
        await store.session("2", owner="bob").set_info(tags=["a", "a "])
        await store.session("3", owner=("ann", "x")).set_info(tags=["a"], archived=True)

        async def names(**filters: Any) -> str:
            return " ".join(sorted(one.session_id for one in await store.sessions(**filters)))

        assert await names(tag="a") == "1 2 3"
        assert (await names(tag="A"), await names(tag="a "), await names(tag="b")) == ("1", "2", "")
        assert await names(tag="a", owner="ann") == "1"
        assert await names(tag="a", below="ann") == "1 3"
        assert await names(tag="a", archived=False) == "1 2"
        await store.session("1").set_info(tags=["A"])
        await store.delete("2")
        assert await names(tag="a") == "3"
        assert await store.count(tag="a") == 1
