"""Upkeep looks for given-up forks while one is being finished, or is continued late: none loses a part of itself."""

from __future__ import annotations

import asyncio
from concurrent.futures import wait
from typing import TYPE_CHECKING, Any, Final

import pytest

from sessions.db.transaction import Statement
from sessions.db.upkeep import Upkeep
from sessions.log.lifetime.unfinished import collect_unfinished
from sessions.log.moving.target import Finish
from sessions.log.statements import unfinished as statements
from sessions.testing.copying import messages
from tests.another_loop import another_loop
from tests.sql.test_interleaving import InterruptedTransaction

from .opening import open_at
from .test_leftovers import break_off

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from sessions import Store
    from sessions.db.transaction import Row, Transaction

_BLOCKED_AFTER: Final = 0.3
"""Upkeep that has not ended by then waits for a lock."""

_END: Final = Statement("Their time has come.", "update {unfinished} set until = 1")
_UNTIL: Final = Statement("When they end.", "select until from {unfinished}")


class _AtTheEnd(InterruptedTransaction):
    """Interrupts a fork that has put its end off, before its session's row is made."""

    def __init__(self, tx: Transaction, interrupt: Callable[[], None]) -> None:
        super().__init__(tx, 1 << 30, interrupt)

    def one(self, statement: Statement, /, **values: Any) -> Row | None:
        if statement is statements.FINISH:
            self._interrupt()
        return super().one(statement, **values)


async def _opened(url: str) -> Store:
    store = open_at(url)
    assert await store.session("s").get_items() == messages(7)
    return store


def _late(text: Any) -> str:
    return str(text).replace("{clock}", "{clock} + 2 * life")


async def _collect(store: Store) -> None:
    while await store._backend.write(lambda tx: collect_unfinished(tx, 100), "the store"):
        pass


@pytest.mark.usefixtures("no_upkeep")
async def test_a_fork_that_is_being_finished_is_not_given_up(anywhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails without: log/statements/unfinished.py, `_LOCK_ENDED` (on MariaDB)."""
    with another_loop() as elsewhere:
        async with open_at(anywhere) as store:
            await store.session("s").add_items(messages(7))
            other = await asyncio.wrap_future(elsewhere(_opened(anywhere)))
            try:
                collecting: list[Future[None]] = []

                def collect() -> None:
                    if not collecting:
                        collecting.append(elsewhere(_collect(other)))
                        wait(collecting, _BLOCKED_AFTER)

                # For upkeep, the time that was committed last has come.
                ended = statements.ENDED
                variants = {name: _late(text) for name, text in ended.variants.items()}
                monkeypatch.setattr(statements, "ENDED", Statement(ended.purpose, _late(ended.sql), variants))
                finish = Finish.__call__
                monkeypatch.setattr(Finish, "__call__", lambda self, tx: finish(self, _AtTheEnd(tx, collect)))
                await store.fork("s", "new")
                await asyncio.wrap_future(collecting[0])
                assert await store.session("new").get_items() == messages(7)
            finally:
                await asyncio.wrap_future(elsewhere(other.close()))


@pytest.mark.usefixtures("no_upkeep")
async def test_nobody_goes_on_with_one_that_is_being_removed(anywhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a caller whose statement began in time, and waited for upkeep's lock.

    Fails without: log/lifetime/unfinished.py, `give_up` in `collect_unfinished`.
    """
    async with open_at(anywhere) as store:
        await store.session("s").add_items(messages(7))
        await break_off(store, monkeypatch)
        monkeypatch.setattr(Upkeep, "is_due", lambda *_: False)
        await store._backend.write(lambda tx: tx.run(_END), "the store")
        assert await store._backend.write(lambda tx: collect_unfinished(tx, 3), "the store")
        assert await store._backend.read(lambda tx: tx.all(_UNTIL), "the store") == [(0,)]
