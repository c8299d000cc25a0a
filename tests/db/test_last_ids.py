"""A component that runs out of numbers for owners, or of positions of one owner, gets an error and writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions.db.dialect import MARIADB, POSTGRES
from sessions.db.ids import MAX_OWNER, MAX_POSITION
from sessions.db.transaction import Statement
from sessions.errors import StoreFullError

from .lists import Elements, Push

if TYPE_CHECKING:
    from sessions.db import Backend
    from sessions.db.transaction import Transaction

    from .conftest import Place

_SUBJECT = "a list"
_LAST_OWNER = Statement(
    "Give the last number away next.",
    f"insert into sqlite_sequence (name, seq) values ('agent_lists_lists', {MAX_OWNER - 1})",  # noqa: S608
    {
        POSTGRES: f"alter table {{lists}} alter column id restart with {MAX_OWNER}",
        MARIADB: f"alter table {{lists}} auto_increment = {MAX_OWNER}",
    },
)
_FORGET = Statement("Forget the sequence.", "delete from sqlite_sequence", {POSTGRES: "select 1", MARIADB: "select 1"})
_NO_NUMBER = Statement(
    "Let no number be left at all.",
    f"update sqlite_sequence set seq = {(1 << 63) - 1}",  # noqa: S608
    {
        POSTGRES: f"alter table {{lists}} alter column id restart with {(1 << 63) - 1}",
        MARIADB: f"alter table {{lists}} auto_increment = {(1 << 64) - 1}",
    },
)
_GROWN = Statement("Be nearly full.", f"update {{lists}} set size = {MAX_POSITION - 1}")  # noqa: S608
_ALL = Statement("Everything.", "select id, name, size from {lists} order by id")
_COUNT = Statement("Elements.", "select count(*) from {elements}")


@pytest.fixture
def backend(place_of_lists: Place) -> Backend:
    return place_of_lists.backend()


async def _do(backend: Backend, *statements: Statement) -> None:
    def do(tx: Transaction) -> None:
        for statement in statements:
            tx.run(statement)

    await backend.write(do, _SUBJECT)


async def _everything(backend: Backend) -> list[Any]:
    def read(tx: Transaction) -> list[Any]:
        return [*map(tuple, tx.all(_ALL)), tx.the(_COUNT)[0]]

    return await backend.read(read, _SUBJECT)


async def test_the_last_number_of_an_owner_is_given_and_no_other(backend: Backend) -> None:
    """Fails without: db/ids.py, `if owner > most`."""
    await backend.write(Push("first", b"1"), _SUBJECT)
    await _do(backend, _FORGET, _LAST_OWNER)
    assert await backend.write(Push("last", b"1"), _SUBJECT) == 1
    assert await backend.write(Push("last", b"2"), _SUBJECT) == 2
    before = await _everything(backend)
    assert before[-2][0] == MAX_OWNER
    for _ in range(2):
        with pytest.raises(StoreFullError, match=r"list 'more': this database has used all 34,359,738,367 numbers"):
            await backend.write(Push("more", b"1"), _SUBJECT)
    assert await _everything(backend) == before
    assert await backend.read(Elements("last"), _SUBJECT) == [b"1", b"2"]
    assert await backend.write(Push("first", b"2"), _SUBJECT) == 2
    await backend.aclose()


async def test_the_last_position_of_an_owner_is_given_and_no_other(backend: Backend) -> None:
    """Fails without: db/ids.py, `if position > MAX_POSITION`."""
    await backend.write(Push("a", b"1"), _SUBJECT)
    await backend.write(Push("b", b"1"), _SUBJECT)
    await _do(backend, _GROWN)
    assert await backend.write(Push("a", b"last"), _SUBJECT) == MAX_POSITION
    before = await _everything(backend)
    for _ in range(2):
        with pytest.raises(StoreFullError, match=r"list 'a' cannot hold more than 268,435,454 values\. Nothing was"):
            await backend.write(Push("a", b"more"), _SUBJECT)
    assert await _everything(backend) == before
    assert await backend.read(Elements("a"), _SUBJECT) == [b"1", b"last"]
    assert await backend.read(Elements("b"), _SUBJECT) == [b"1"]
    await backend.aclose()


async def test_a_database_without_any_number_left_says_so(backend: Backend) -> None:
    """Fails without: db/sqlalchemy/errors.py, `"2200H"` and `1467`."""
    await backend.write(Push("first", b"1"), _SUBJECT)
    await _do(backend, _NO_NUMBER)
    for name in ("one", "two"):
        with pytest.raises(StoreFullError):
            await backend.write(Push(name, b"1"), _SUBJECT)
    assert await backend.read(Elements("first"), _SUBJECT) == [b"1"]
    await backend.aclose()
