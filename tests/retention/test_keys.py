"""Keys of encrypted sessions: what goes by policy or owner has its keys destroyed at a provider, and no other does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions import KeyRing, RetentionPolicy, generate_key, open_store
from sessions.store import erasing, retaining
from sessions.testing.expiry_model import MovableClock
from sessions.testing.list_model import user
from tests.encrypted.test_store import Drawer

if TYPE_CHECKING:
    from pathlib import Path

    from sessions import Store
    from sessions.log.lifetime.retain import Judged

DAY = 86_400
_CALL = {"type": "function_call", "call_id": "1", "name": "look", "arguments": "{}"}
_POLICY = RetentionPolicy(unchanged_for=DAY)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/s.db"


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> MovableClock:
    return MovableClock(monkeypatch)


def _kept(drawer: Drawer) -> set[str]:
    return {number.split(b"/")[1].decode() for number in drawer.kept}


async def _fill(store: Store, *names: str) -> None:
    for name in names:
        await store.session(name, owner="ann").add_items([user("1")])


@pytest.mark.parametrize("how", ["retain", "erase_owner"])
async def test_keys_of_what_goes_are_destroyed(url: str, time: MovableClock, how: str) -> None:
    """Fails without: store/erasing.py, `Destroying.finish`."""
    drawer = Drawer()
    async with open_store(url, encryption_key=drawer) as store:
        await _fill(store, "a", "b")
        time.move(DAY)
        await store.session("new").add_items([user("1")])
        await (store.retain(_POLICY) if how == "retain" else store.erase_owner("ann"))
        assert _kept(drawer) == {"new"}
        assert await store.session("new").get_items() == [user("1")]


async def test_a_session_that_is_spared_keeps_its_keys(
    url: str, time: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is used between the look and the removal. Fails without: `note_undestroyed` behind `_is_as_judged`."""
    drawer, judge = Drawer(), retaining._judge
    async with open_store(url, encryption_key=drawer) as store:
        await _fill(store, "used")
        time.move(DAY)

        async def judge_then_use(*arguments: Any) -> Judged | None:
            judged = await judge(*arguments)
            await store.session("used").add_items([user("2")])
            return judged

        monkeypatch.setattr(retaining, "_judge", judge_then_use)
        assert (await store.retain(_POLICY)).changed == 1
    async with open_store(url, encryption_key=drawer) as store:
        assert await store.session("used").get_items() == [user("1"), user("2")]


@pytest.mark.parametrize("finish", ["retain", "erase_owner"])
async def test_a_provider_that_fails_is_asked_again_by_the_next_call(
    url: str, time: MovableClock, monkeypatch: pytest.MonkeyPatch, finish: str
) -> None:
    """Fails without: log/lifetime/undestroyed.py, `note_undestroyed`, or `finish` before the first removal."""
    drawer = Drawer()

    async def fail(**_: object) -> None:
        raise OSError("the service is away")

    async with open_store(url, encryption_key=drawer) as store:
        await _fill(store, "a", "b")
        time.move(DAY)
        monkeypatch.setattr(drawer, "destroy", fail)
        with pytest.raises(OSError, match="away"):
            await store.retain(_POLICY)
        assert await store.count() == 0
        monkeypatch.undo()
    assert _kept(drawer) == {"a", "b"}
    async with open_store(url, encryption_key=drawer) as store:
        await (store.retain(_POLICY) if finish == "retain" else store.erase_owner("nobody"))
        assert _kept(drawer) == set()


async def test_keys_of_a_session_that_was_started_again_are_not_destroyed_with_the_former_ones(
    url: str, time: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails without: store/erasing.py, `is_back`."""
    drawer = Drawer()
    async with open_store(url, encryption_key=drawer) as store:
        await _fill(store, "a", "b")
        time.move(DAY)
        finish = erasing.Destroying.finish

        async def start_again(self: erasing.Destroying) -> None:
            if await store.count() == 0:
                await store.session("a").add_items([user("again")])
            await finish(self)

        monkeypatch.setattr(erasing.Destroying, "finish", start_again)
        report = await store.retain(_POLICY)
        (pending,) = report.pending
        assert "session 'a' was started again" in pending
        assert _kept(drawer) == {"a"}
    async with open_store(url, encryption_key=drawer) as store:
        assert await store.session("a").get_items() == [user("again")]
        await store.erase("a")
        assert _kept(drawer) == set()
        assert (await store.retain(_POLICY)).pending == ()


async def test_without_a_key_sessions_with_calls_are_spared_unless_these_count_as_abandoned(
    anywhere: str, time: MovableClock
) -> None:
    """Fails without: log/lifetime/retain.py, `_UNREADABLE`."""
    options: dict[str, Any] = {} if anywhere.startswith("sqlite:") else {"create_tables": True}
    async with open_store(anywhere, encryption_key=generate_key(), **options) as store:
        await _fill(store, "plain")
        await store.session("calls").add_items([user("1"), _CALL, {**_CALL, "call_id": "2"}])
        for number in range(3):
            await store.session("long").add_items([user(str(number))])
    time.move(DAY)
    for key in ({}, {"encryption_key": generate_key()}):
        async with open_store(anywhere, **(options | key)) as store:
            said = await store.retain(_POLICY, dry_run=True)
            assert (said.erased, said.unreadable, set(said.session_ids)) == (2, 1, {"plain", "long"})
            found = {one.session_id: one.spared async for one in store.preview_retention(_POLICY)}
            assert found == {"plain": None, "calls": "unreadable", "long": None}
    async with open_store(anywhere, **options) as store:
        assert (await store.retain(RetentionPolicy(keep_turns=1), scrub=False)).entries == 2
        report = await store.retain(RetentionPolicy(unchanged_for=DAY, abandoned_after=DAY), scrub=False)
        assert (report.erased, report.unreadable) == (3, 0)


async def test_rotating_keys_is_no_change(anywhere: str, time: MovableClock) -> None:
    """Fails without: log/lifetime/reencrypt.py, `updated_at` in `replace_wrapped_keys`."""
    options: dict[str, Any] = {} if anywhere.startswith("sqlite:") else {"create_tables": True}
    old, new = generate_key(), generate_key()
    async with open_store(anywhere, encryption_key=old, **options) as store:
        await _fill(store, "s")
    time.move(DAY)
    async with open_store(anywhere, encryption_key=KeyRing({"old": old, "new": new}), **options) as store:
        (before,) = await store.sessions()
        version = await store.session("s").version()
        await store.rotate()
        await store.rotate(reencrypt=True)
        (after,) = await store.sessions()
        assert after.updated_at == before.updated_at
        assert await store.session("s").version() > version
        assert (await store.retain(_POLICY, dry_run=True)).erased == 1
