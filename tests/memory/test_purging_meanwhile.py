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
