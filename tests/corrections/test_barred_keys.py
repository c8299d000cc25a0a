"""Keys of corrected entries: a second correction bars them for thirty days again, also while upkeep is under way."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import wait
from typing import TYPE_CHECKING, Any, Final

import pytest

from sessions import open_store
from sessions.db.transaction import Statement
from sessions.log.core.item_keys import forget_ended_item_keys
from tests.another_loop import another_loop
from tests.sql.test_interleaving import InterruptedTransaction

if TYPE_CHECKING:
    from concurrent.futures import Future

    from sessions import Store
    from sessions.db.transaction import Transaction

_DAY: Final = 86_400_000_000
_AGE: Final = Statement(
    "Have all keys be older, by the database's time.",
    "update {item_keys} set until = until - :age, due = due - :age",
)
_ITEM: Final = {"role": "user", "content": "secret"}

_BLOCKED_AFTER: Final = 0.3
"""A removal that has not ended by then waits for a lock."""


def _open(url: str) -> Store:
    return open_store(url) if url.startswith("sqlite:") else open_store(url, create_tables=True)


async def _age(store: Store, days: int) -> None:
    await store._backend.write(lambda tx: tx.run(_AGE, age=days * _DAY), "the store")


async def _begin(store: Store) -> None:
    session = store.session("s")
    await session.add_items([_ITEM], keys=["k"])
    await session.add_items([{"role": "user", "content": "other"}])
    await session.redact(1)


async def _check(store: Store, days: int) -> None:
    """Check that the key is barred for so many days more, and no longer."""
    session = store.session("s")
    await _age(store, days - 1)
    await session.add_items([_ITEM], keys=["k"])
    assert len(await session.get_items()) == 1
    await _age(store, 2)
    await session.add_items([_ITEM], keys=["k"])
    assert len(await session.get_items()) == 2


@pytest.mark.parametrize("days", [29, 31])
@pytest.mark.usefixtures("no_upkeep")
async def test_a_removal_after_a_redaction_bars_a_key_again(anywhere: str, days: int) -> None:
    """Fails without: log/core/item_keys.py, `PROLONG_BARS`."""
    async with _open(anywhere) as store:
        await _begin(store)
        await _age(store, days)
        await store.session("s").remove(1)
        await _check(store, 30)


@pytest.mark.usefixtures("no_upkeep")
async def test_a_key_that_is_barred_again_while_upkeep_looks_at_it_stays(anywhere: str) -> None:
    """Fails without: log/statements/item_keys.py, `due <=` in `FORGET_KEY` (on MariaDB)."""
    with another_loop() as elsewhere:
        async with _open(anywhere) as store:
            await _begin(store)
            await _age(store, 31)
            removing: list[Future[Any]] = []

            async def remove() -> None:
                async with open_store(anywhere) as other:
                    assert len(await other.session("s").get_items()) == 2
                    ready.set()
                    await asyncio.to_thread(interrupted.wait, 30)
                    await other.session("s").remove(1)

            def interrupt() -> None:
                if not interrupted.is_set():
                    interrupted.set()
                    wait(removing, _BLOCKED_AFTER)

            def upkeep(tx: Transaction) -> None:
                forget_ended_item_keys(InterruptedTransaction(tx, 2, interrupt), 100)

            ready, interrupted = threading.Event(), threading.Event()
            removing.append(elsewhere(remove()))
            await asyncio.to_thread(ready.wait, 30)
            await store._backend.write(upkeep, "the store")
            await asyncio.wrap_future(removing[0])
            await _check(store, 30)
