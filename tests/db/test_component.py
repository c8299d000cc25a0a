"""What a component gets of every database, without a line of its own for it."""

from __future__ import annotations

import asyncio
import os
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import inspect
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import open_store
from sessions.db.sqlalchemy.database import Database
from sessions.db.sqlalchemy.retry import FailedError
from sessions.db.transaction import Statement
from sessions.db.words import all_table_names
from sessions.errors import OutcomeUnknownError, SessionClosedError, StoreError
from sessions.log.schema import LOG

from .key_values import Get, Put, topic

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.db import Backend
    from sessions.db.transaction import Transaction

    from .conftest import Place

_SUBJECT = "a value"
_SLEEP = {
    "postgres": Statement("Take long.", "select pg_sleep(3600)"),
    "mariadb": Statement("Take long.", "select sleep(3600)"),
}


class Noting(Put, frozen=True, eq=False):
    """Notes in which transactions it was done, and does something else first."""

    done_in: list[Transaction] = []  # noqa: RUF012 - each `Struct` has its own
    first: Callable[[], object] | None = None

    def __call__(self, tx: Transaction) -> None:
        self.done_in.append(tx)
        if self.first is not None:
            self.first()
        super().__call__(tx)


def _refuse() -> None:
    raise LookupError("refused")


async def _value(backend: Backend, name: str) -> bytes | None:
    return await backend.read(Get(name), _SUBJECT)


async def test_values_are_kept(place: Place) -> None:
    backend = place.backend()
    assert await _value(backend, "a") is None
    await backend.write(Put("a", b"1"), _SUBJECT)
    await backend.write(Put("a", b"2"), _SUBJECT)
    await backend.aclose()
    with pytest.raises(SessionClosedError):
        await _value(backend, "a")
    again = place.backend()
    assert await _value(again, "a") == b"2"
    await again.aclose()


async def _tables(place: Place) -> set[str]:
    engine = create_async_engine(place.url)
    async with engine.connect() as connection:
        found = await connection.run_sync(lambda c: set(inspect(c).get_table_names()))
    await engine.dispose()
    return found


async def test_each_component_has_its_tables_made_when_it_is_used_first(place: Place) -> None:
    """Fails without: db/sqlite/tables.py and db/sqlalchemy/database.py, `one.schema for one in components`."""
    backend = place.backend()
    await backend.write(Put("a", b"1"), _SUBJECT)
    ours = {"agent_log_schema", "agent_store_settings", "agent_values_pairs"}
    assert await _tables(place) == ours
    async with open_store(place.url, create_tables=True) as store:
        await store.session("s").add_items([{"role": "user", "content": "1"}])
        assert await _value(backend, "a") == b"1"
        await backend.write(Put("a", b"2"), _SUBJECT)
        assert len(await store.session("s").get_items()) == 1
    assert await _tables(place) == {*ours, *all_table_names((LOG,))}
    await backend.aclose()


async def test_a_change_that_fails_takes_none_along_of_those_at_once(place: Place) -> None:
    """On SQLite they share transactions.

    Fails without: db/sqlite/group_commit.py, `_write_with_savepoints` in `write_group`.
    """
    backend = place.backend()
    await backend.write(Put("before", b""), _SUBJECT)
    done_in: list[Transaction] = []
    puts = [Noting(f"{number}", b"%d" % number, None, None, done_in) for number in range(60)]
    await asyncio.gather(*(backend.write(put, _SUBJECT) for put in puts))
    if place.server is None:
        assert len({id(tx) for tx in done_in}) < 10
    assert [await _value(backend, put.name) for put in puts] == [put.value for put in puts]

    puts = [Noting(f"new {number}", b"", None, None, [], _refuse if number == 7 else None) for number in range(20)]
    outcomes = await asyncio.gather(*(backend.write(put, _SUBJECT) for put in puts), return_exceptions=True)
    assert [number for number, outcome in enumerate(outcomes) if outcome is not None] == [7]
    assert isinstance(outcomes[7], LookupError)
    assert [put.name for put in puts if await _value(backend, put.name) is None] == ["new 7"]
    await backend.aclose()


@pytest.mark.parametrize("together", [1, 5])
async def test_a_change_whose_connection_is_lost_is_done_again(place_on_server: Place, together: int) -> None:
    """Fails without: db/sqlalchemy/retry.py, `_repeat`."""
    place, server = place_on_server, place_on_server.server
    assert server is not None
    ended: list[None] = []

    def end_once() -> None:
        if not ended:
            ended.append(None)
            server.end_connections(str(make_url(place.where).database))

    backend = place.backend()
    await backend.write(Put("before", b""), _SUBJECT)
    done_in: list[Transaction] = []
    puts = [Noting(f"{number}", b"x", None, None, done_in, end_once) for number in range(together)]
    await asyncio.gather(*(backend.write(put, _SUBJECT) for put in puts))
    assert ended
    assert len(done_in) > together
    assert [await _value(backend, put.name) for put in puts] == [b"x"] * together
    await backend.aclose()


@pytest.mark.parametrize("together", [1, 5])
async def test_a_change_whose_answer_is_lost_is_done_again(
    place_on_server: Place, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails without: db/sqlalchemy/database.py, `command_of(work).repeatable`."""
    lost: list[None] = []
    attempt = Database.attempt

    async def losing(self: Database, work: Callable[[Transaction], Any]) -> Any:
        result = await attempt(self, work)
        if len(lost) < 3:
            lost.append(None)
            raise FailedError(ConnectionError(), outcome_known=False)
        return result

    backend = place_on_server.backend()
    await backend.write(Put("before", b""), _SUBJECT)
    monkeypatch.setattr(Database, "attempt", losing)
    puts = [Put(f"{number}", b"x") for number in range(together)]
    await asyncio.gather(*(backend.write(put, _SUBJECT) for put in puts))
    assert len(lost) == 3
    assert [await _value(backend, put.name) for put in puts] == [b"x"] * together
    lost.clear()

    def once(tx: Transaction) -> None:
        Put("a", b"1")(tx)

    with pytest.raises(OutcomeUnknownError):
        await backend.write(once, _SUBJECT)
    await backend.aclose()


async def test_an_attempt_has_a_deadline(place_on_server: Place) -> None:
    """Fails without: db/sqlalchemy/deadline.py, `_expire` (never ends)."""
    place = place_on_server
    backend = place.backend(attempt_timeout=1.0, retry_timeout=0.0)
    await backend.write(Put("a", b"1"), _SUBJECT)

    def sleep(tx: Transaction) -> None:
        tx.all(_SLEEP[place.kind])

    with pytest.raises(StoreError, match="a value: ") as raised:
        await backend.write(sleep, _SUBJECT)
    assert not isinstance(raised.value, OutcomeUnknownError)
    assert await _value(backend, "a") == b"1"
    await backend.aclose()


async def test_who_watches_a_topic_is_woken_by_its_changes(place: Place) -> None:
    """Fails without: db/sqlalchemy/polling.py, `look(tx, …)`; on Postgres, `telling('name')` of the component."""
    backend, other = place.backend(), place.backend()
    await other.write(Put("a", b"1"), _SUBJECT)
    waker = backend.waker(topic("a"), _SUBJECT)
    for number in range(5):
        waiting = asyncio.create_task(_until(waker.wait, backend, b"%d" % number))
        await asyncio.sleep(0.05)
        await other.write(Put("a", b"%d" % number), _SUBJECT)
        async with asyncio.timeout(60):
            await waiting
    await waker.aclose()
    await backend.aclose()
    await other.aclose()


async def _until(wait: Callable[[], object], backend: Backend, wanted: bytes) -> None:
    while await _value(backend, "a") != wanted:
        await wait()  # type: ignore[misc]


async def test_what_has_expired_goes_beside_a_change_and_at_the_end(place: Place) -> None:
    """
    Fails without: db/sqlite/database.py, `self._keep_up(…)` in `_do_changes` or `_tidy`; db/sqlalchemy/beside.py,
    `self._upkeep.do` or `self._upkeep.do_at_the_end`.
    """
    backend = place.backend()
    # Beside the first change of a process, and then one of many.
    await backend.write(Put("a", b"1", until=1), _SUBJECT)
    assert await _value(backend, "a") is None
    await backend.write(Put("b", b"1", until=1), _SUBJECT)
    await backend.write(Put("c", b"1"), _SUBJECT)
    await backend.aclose()
    again = place.backend()
    assert [await _value(again, name) for name in "bc"] == [None, b"1"]
    await again.aclose()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_has_connections_of_its_own(place: Place) -> None:
    """Fails without: db/sqlite/registry.py, `_files.clear()`; db/engines/databases.py, `_databases.clear()`."""
    backend = place.backend()
    asyncio.run(backend.write(Put("a", b"1"), _SUBJECT))
    child = os.fork()
    if not child:
        try:
            for _ in range(5):
                asyncio.run(backend.write(Put("child", b"1"), _SUBJECT))
            assert asyncio.run(_value(backend, "a")) == b"1"
        except BaseException:  # noqa: BLE001 - pytest must not go on in the child
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    for _ in range(5):
        asyncio.run(backend.write(Put("parent", b"1"), _SUBJECT))
    assert os.waitpid(child, 0)[1] == 0
    assert [asyncio.run(_value(backend, name)) for name in ("a", "child", "parent")] == [b"1"] * 3
    asyncio.run(backend.aclose())
