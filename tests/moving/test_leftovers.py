"""What a fork or a copy leaves that was killed: nobody sees it, upkeep removes it, and nothing outlives its source."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest

from sessions import ConflictError, RetentionPolicy, UnknownEntryError, UnknownSessionError, open_store
from sessions.db.component import OwnersErased
from sessions.db.transaction import Statement
from sessions.db.upkeep import Upkeep
from sessions.labels import encode_owner
from sessions.log.adopt.sdk import SDKSessions
from sessions.log.conversation import ForeignTables
from sessions.log.lifetime import unfinished
from sessions.log.lifetime.erase_owners import erase_owners
from sessions.log.schema import LOG
from sessions.testing.copying import messages
from sessions.testing.forking import Between, filled
from sessions.types.retention import one_owner

from .opening import open_at

if TYPE_CHECKING:
    from pathlib import Path

    from sessions import Store

_COUNTS: Final = {
    table.name: Statement("Its rows.", f"select count(*) from {{{table.name}}}")  # noqa: S608 - our tables
    for table in LOG.tables
}
_END: Final = Statement("End them.", "update {unfinished} set until = 0")


async def rows_of(store: Store) -> dict[str, int]:
    """Return how many rows each table of a store has."""
    return await store._backend.read(
        lambda tx: {name: int(tx.the(statement)[0]) for name, statement in _COUNTS.items()}, "the store"
    )


async def break_off(store: Store, monkeypatch: pytest.MonkeyPatch, target: Any = None) -> None:
    """Leave what a killed process leaves of a fork to ``new``, or of a copy, after two pages."""
    reached = asyncio.Event()

    async def stop(page: int) -> None:
        if page == 2:
            reached.set()
            await asyncio.sleep(60)

    Between(monkeypatch, stop)
    moving: Any = store.fork("s", "new") if target is None else store.copy("s", target)
    task = asyncio.create_task(moving)
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    monkeypatch.undo()


@pytest.mark.usefixtures("no_upkeep")
async def test_upkeep_removes_it(anywhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails without: log/lifetime/upkeep.py, `collect_unfinished`."""
    async with open_at(anywhere) as store:
        await filled(store)
        before = await rows_of(store)
        await break_off(store, monkeypatch)
        monkeypatch.setattr(Upkeep, "is_due", lambda *_: False)
        left = await rows_of(store)
        assert left["entries"] == before["entries"] + 4
        assert (left["unfinished"], left["sessions"], left["segments"]) == (1, 1, before["segments"] + 1)
        # Its time has not come: its process may be alive.
        await store.purge_expired()
        assert await rows_of(store) == left
        await store._backend.write(lambda tx: tx.run(_END), "the store")
        assert await store._backend.write(lambda tx: unfinished.collect_unfinished(tx, 3), "the store")
        assert (await rows_of(store))["entries"] == before["entries"] + 1
        await store.purge_expired()
        after = await rows_of(store)
        assert {**after, "appends": 0} == {**before, "appends": 0}
        await store.fork("s", "new")


@pytest.mark.usefixtures("no_upkeep")
@pytest.mark.parametrize("way", ["clear", "delete", "erase", "erase_owner"])
@pytest.mark.parametrize("moving", ["fork", "copy", "copy by another store"])
async def test_nothing_outlives_its_source(
    anywhere: str, monkeypatch: pytest.MonkeyPatch, moving: str, way: str
) -> None:
    """
    Fails without: log/lifetime/remove.py, `remove_copies` in `_remove_content`; log/moving/target.py, `_lock_source`.
    """
    async with open_at(anywhere) as store, open_at(anywhere) as another:
        session = store.session("s", owner="ann")
        await session.add_items(messages(7))
        target = {"fork": None, "copy": store.session("new")}.get(moving, another.session("new"))
        await break_off(store, monkeypatch, target)
        monkeypatch.setattr(Upkeep, "is_due", lambda *_: False)
        assert (await rows_of(store))["entries"] == 11
        if way == "clear":
            await session.clear_session()
        elif way == "delete":
            await store.delete("s")
        elif way == "erase":
            receipt = await store.erase("s", scrub=False)
            assert receipt.entries == 7
        else:
            assert (await store.erase_owner("ann", scrub=False)).sessions == 1
        left = await rows_of(store)
        assert (left["entries"], left["unfinished"], left["segments"], left["item_keys"]) == (0, 0, 0, 0)


@pytest.mark.usefixtures("no_upkeep")
@pytest.mark.parametrize("way", ["redact", "remove", "retain"])
@pytest.mark.parametrize("moving", ["fork", "copy"])
async def test_a_correction_reaches_what_was_broken_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moving: str, way: str
) -> None:
    """Fails without: log/moving/target.py, `_lock_source`."""
    async with open_store(f"sqlite:///{tmp_path}/chat.db") as store:
        session = store.session("s")
        await session.add_items([{"role": "user", "content": f"whatnobodysays {n}"} for n in range(7)])
        await break_off(store, monkeypatch, None if moving == "fork" else store.session("new"))
        monkeypatch.setattr(Upkeep, "is_due", lambda *_: False)
        if way == "retain":
            await store.retain(RetentionPolicy(keep_turns=1))
        else:
            for number in range(1, 7):
                assert (await getattr(session, way)(number)).pending == ()
        text = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert b"whatnobodysays 0" not in text
        assert b"whatnobodysays 6" in text
        # The next copy is whole, of what is left.
        await (store.fork("s", "new") if moving == "fork" else store.copy("s", store.session("new")))
        assert await store.session("new").get_items() == await session.get_items()


async def test_a_fork_whose_source_goes_before_its_end_fails(anywhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_at(anywhere) as store:
        await store.session("s").add_items(messages(4))

        async def delete(page: int) -> None:
            if page == 2:
                await store.delete("s")

        Between(monkeypatch, delete)
        with pytest.raises((ConflictError, UnknownSessionError)):
            await store.fork("s", "new")
        assert await store.count() == 0
        assert (await rows_of(store))["entries"] == 0


@pytest.mark.parametrize("way", ["erase", "erase_owner"])
async def test_erasing_a_target_removes_what_a_killed_copy_left(
    anywhere: str, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Fails without: log/lifetime/remove.py, `NAMED` in `delete`; log/lifetime/erase_owners.py, the unfinished ones."""
    async with (
        open_at(anywhere) as store,
        open_at(anywhere, table_prefix="other_") as other,
    ):
        await store.session("s", owner="ann").add_items(messages(6))
        await break_off(store, monkeypatch, other.session("new"))
        assert (await rows_of(other))["entries"] == 4
        if way == "erase":
            assert not (await other.erase("new", scrub=False)).existed
        else:
            assert (await other.erase_owner("ann", scrub=False)).sessions == 0
        left = await rows_of(other)
        assert (left["entries"], left["unfinished"], left["segments"]) == (0, 0, 0)
        assert (await store.copy("s", other.session("new"))).already == 0


async def test_a_process_that_slept_for_too_long_begins_again(anywhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails without: log/statements/unfinished.py, `and until > {clock}` in `_RENEW` (entries would be missing)."""
    async with open_at(anywhere) as store:
        await store.session("s").add_items(messages(8))

        async def sleep(page: int) -> None:
            if page == 2:
                await store._backend.write(lambda tx: tx.run(_END), "the store")
                await store._backend.write(lambda tx: unfinished.collect_unfinished(tx, 3), "the store")

        Between(monkeypatch, sleep)
        await store.fork("s", "new")
        assert await store.session("new").get_items() == messages(8)
        await store.purge_expired()
        assert (await rows_of(store))["entries"] == 16


async def test_a_killed_fork_leaves_no_bytes_of_an_erased_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_store(f"sqlite:///{tmp_path}/chat.db") as store:
        await store.session("s").add_items([{"role": "user", "content": f"whatnobodysays {n}"} for n in range(9)])
        await break_off(store, monkeypatch)
        receipt = await store.erase("s")
        assert receipt.pending == ()
        assert not any(b"whatnobodysays" in path.read_bytes() for path in tmp_path.iterdir())


async def test_forks_of_forks_are_found(anywhere: str) -> None:
    """Fails without: log/lifetime/remove.py, `FORKS_PASS_ON`."""
    async with open_at(anywhere) as store:
        await store.session("s").add_items(messages(4))
        for source, new in (("s", "a"), ("a", "b"), ("b", "c"), ("s", "d")):
            await store.fork(source, new, at=3)

        assert await store.forks("s") == ["a", "d", "b", "c"]
        assert await store.forks("b") == ["c"]
        await store.delete("b")
        assert await store.forks("s") == ["a", "d", "c"]
        assert await store.forks("b") == await store.forks("missing") == []
        await store.delete("a")
        assert await store.forks("s") == ["c", "d"]
        await store.erase("s", scrub=False)
        assert await store.forks("c") == await store.forks("d") == []
        with pytest.raises(UnknownEntryError):
            await store.fork("c", "e", at=4)


@pytest.mark.usefixtures("no_upkeep")
async def test_erasing_an_owner_locks_unfinished_sessions_apart_from_whole_ones(
    anywhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A correction locks a session and then its unfinished forks; in the other order, each could wait for the other.

    Fails without: log/lifetime/erase_owners.py, the first `return`.
    """
    async with open_at(anywhere) as store:
        await store.session("s", owner="ann").add_items(messages(7))
        await break_off(store, monkeypatch)
        monkeypatch.setattr(Upkeep, "is_due", lambda *_: False)
        low, high = one_owner(encode_owner("ann"))
        owners = OwnersErased(low, high, 1)
        work = partial(erase_owners, owners=owners, count=32, elsewhere=SDKSessions(ForeignTables()))
        part = await store._backend.write(work, "the store")
        assert (part.subjects, part.more, (await rows_of(store))["unfinished"]) == ((), True, 0)
        part = await store._backend.write(work, "the store")
        assert ([one.subject.name for one in part.subjects], part.more) == (["s"], False)
