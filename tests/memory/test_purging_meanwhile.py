"""A purge begins while a read refreshes a memory: what is refreshed stays."""

from __future__ import annotations

import asyncio
from concurrent.futures import wait
from typing import TYPE_CHECKING, Any, Final

import pytest

from sessions import open_store
from sessions.memory.purge import purge_some
from sessions.testing.expiry_model import MovableClock
from tests.another_loop import another_loop

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from sessions import Store
    from sessions.db.transaction import Transaction

_BLOCKED_AFTER: Final = 0.3
"""A purge that has not ended by then waits for a lock; on Postgres, none waits for half a second."""


async def _opened(url: str) -> Store:
    store = open_store(url)
    assert await store.memories.count() == 1
    return store


async def _purge(store: Store) -> None:
    await store.memories.purge_expired()


async def _keep_up(store: Store) -> None:
    await store.memories._hold.common.backend.write(lambda tx: purge_some(tx, 10), "test")


@pytest.mark.parametrize("purge", [_purge, _keep_up])
@pytest.mark.usefixtures("no_upkeep")
async def test_a_memory_that_is_being_refreshed_stays(
    anywhere: str, monkeypatch: pytest.MonkeyPatch, purge: Any
) -> None:
    """
    Fails without: memory/statements/purging.py, `{for_update}` in `LOCK_EXPIRED`, or `skip locked` (on servers).
    """
    time = MovableClock(monkeypatch)
    # The database's clock counts, too, so the time is before its own.
    time.move(-200_000_000)
    options: dict[str, Any] = {} if anywhere.startswith("sqlite:") else {"create_tables": True}
    with another_loop() as elsewhere:
        async with open_store(anywhere, **options) as store:
            await store.memories.put(("a",), "k", {}, ttl=10)
            other = await asyncio.wrap_future(elsewhere(_opened(anywhere)))
            try:
                purging: list[Future[None]] = []
                backend = store.memories._hold.common.backend
                write = backend.write

                def interrupted(work: Callable[[Transaction], Any], subject: str) -> Any:
                    def refresh(tx: Transaction) -> Any:
                        result = work(tx)
                        if not purging:
                            # The memory's time comes before the refresh is committed.
                            time.move(2)
                            purging.append(elsewhere(purge(other)))
                            wait(purging, _BLOCKED_AFTER)
                        return result

                    return write(refresh, subject)

                time.move(9)
                with monkeypatch.context() as patched:
                    patched.setattr(backend, "write", interrupted)
                    assert await store.memories.get(("a",), "k", refresh=True) is not None
                await asyncio.wrap_future(purging[0])
                assert await store.memories.get(("a",), "k") is not None
                # Unless it is refreshed, it goes.
                time.move(20)
                await asyncio.wrap_future(elsewhere(purge(other)))
                time.move(-20)
                assert await store.memories.get(("a",), "k") is None
            finally:
                await asyncio.wrap_future(elsewhere(other.close()))


@pytest.mark.usefixtures("no_upkeep")
async def test_a_memory_that_was_purged_before_its_refresh_is_not_said_to_live_on(
    anywhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Fails without: memory/read.py, the result of `Refresh`.
    """
    time = MovableClock(monkeypatch)
    time.move(-200_000_000)
    options: dict[str, Any] = {} if anywhere.startswith("sqlite:") else {"create_tables": True}
    async with open_store(anywhere, **options) as store:
        await store.memories.put(("a",), "gone", {}, ttl=10)
        await store.memories.put(("a",), "changed", {}, ttl=10)
        kept = await store.memories.put(("a",), "kept", {}, ttl=20)
        backend = store.memories._hold.common.backend
        write = backend.write

        async def late(work: Callable[[Transaction], Any], subject: str) -> Any:
            monkeypatch.setattr(backend, "write", write)
            await store.memories.put(("a",), "changed", {"n": 1}, ttl=5)
            time.move(2)
            assert await store.memories.purge_expired() == 1
            return await write(work, subject)

        time.move(9)
        monkeypatch.setattr(backend, "write", late)
        found = await store.memories.get_many([(("a",), key) for key in ("gone", "changed", "kept")], refresh=True)
        ends = [one.expires_at for one in found if one is not None and one.expires_at is not None]
        assert kept.expires_at is not None
        # Only the last one lives on; the others are as they were read.
        assert [end < kept.expires_at for end in ends] == [True, True, False]
        assert ends[2] > kept.expires_at
        assert [(one.key, one.value) for one in await store.memories.list()] == [("changed", {"n": 1}), ("kept", {})]
