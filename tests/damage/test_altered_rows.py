"""Every column of every table is altered: what cannot be true is told, and nothing hangs.

Fails without: log/words.py, `_INTACT`; log/statements/branches.py, `g.id < l.segment`; log/core/damage.py; handle.py,
`_explain`. On servers, and encrypted, some columns get three of the values, in all rows or in the last one by turns, as
the checks are the same code; with ``--everything`` each column gets each value in both, everywhere.
"""

from __future__ import annotations

import shutil
from itertools import cycle
from typing import TYPE_CHECKING

import pytest

from sessions import open_store
from sessions.db.ids import MAX_OWNER

from .altering import _KEYS, CHANGES, COLUMNS, READS, REFERENCES, Alteration, Damaged

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sql.servers import MariaDB, Postgres

_ALL = [(table, column) for table, columns in COLUMNS.items() for column in columns]
_SOME = [
    ("sessions", "version"), ("sessions", "created_at"), ("segments", "id"), ("segments", "parent"),
    ("segments", "fork_position"), ("branches", "segment"), ("branches", "tip"), ("branches", "turn"),
    ("branches", "lease_until"), ("entries", "id"), ("entries", "turn"), ("entries", "version"),
    ("entries", "created_at"), ("entries", "payload"), ("usage", "input_tokens"),
]  # fmt: skip
_everything = pytest.mark.everything
_ON_SQLITE = [(*column, False) for column in _ALL] + [
    pytest.param(*column, True, marks=[] if column in _SOME else _everything) for column in _ALL
]
_ON_SERVERS = [
    pytest.param(*column, encrypted, marks=[] if column in _SOME and not encrypted else _everything)
    for encrypted in (False, True)
    for column in _ALL
]

encrypted_or_not = pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
encrypted_with_everything = pytest.mark.parametrize(
    "encrypted", [False, pytest.param(True, marks=_everything)], ids=["plain", "encrypted"]
)


@pytest.fixture
def all_values(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("everything"))


def _alterations(table: str, column: str, *, all_values: bool) -> list[Alteration]:
    listed = COLUMNS[table][column]
    values = (*(listed if all_values else (listed[0], listed[len(listed) // 2], listed[-1])), None)
    both = [False, True] if table in _KEYS else [False]
    if all_values:
        return [Alteration(table, column, value, last_only=last) for last in both for value in values]
    return [Alteration(table, column, value, last_only=last) for value, last in zip(values, cycle(both), strict=False)]


_whole: dict[bool, tuple[Path, list[str]]] = {}


@pytest.fixture
async def whole(tmp_path_factory: pytest.TempPathFactory, *, encrypted: bool) -> tuple[Path, list[str]]:
    """Return a whole file and the items of the session that is altered, which a worker's first test makes for all."""
    if encrypted not in _whole:
        path = tmp_path_factory.mktemp("whole") / "whole.db"
        async with open_store(f"sqlite:///{path}", durability="normal") as store:
            damaged = Damaged(store, encrypted=encrypted)
            await damaged.fill()
        _whole[encrypted] = path, damaged.expected
    return _whole[encrypted]


@pytest.mark.parametrize(("table", "column", "encrypted"), _ON_SQLITE, ids=str)
async def test_a_column_on_sqlite(
    whole: tuple[Path, list[str]], tmp_path: Path, table: str, column: str, *, encrypted: bool, all_values: bool
) -> None:
    file, expected = whole
    for number, alteration in enumerate(_alterations(table, column, all_values=all_values or not encrypted)):
        path = tmp_path / f"{number}.db"
        shutil.copy(file, path)
        async with open_store(f"sqlite:///{path}", durability="normal") as store:
            one = Damaged(store, encrypted=encrypted)
            one.expected = expected
            if await one.alter(alteration.statement(), value=alteration.value):
                await one.check(f"{alteration}", READS)
                await one.check(f"{alteration}", CHANGES)
        path.unlink()


@encrypted_or_not
@pytest.mark.parametrize("name", REFERENCES)
async def test_rows_that_point_where_they_must_not_on_sqlite(tmp_path: Path, name: str, *, encrypted: bool) -> None:
    async with open_store(f"sqlite:///{tmp_path}/s.db") as store:
        await _refer(Damaged(store, encrypted=encrypted), name)


async def _refer(damaged: Damaged, name: str) -> None:
    await damaged.fill()
    if await damaged.reference(name):
        await damaged.check(name, READS)
        await damaged.check(name, CHANGES)


@pytest.fixture(params=["postgres", "mariadb"])
def server(request: pytest.FixtureRequest) -> str:
    started: Postgres | MariaDB = request.getfixturevalue(request.param)
    return started.new_database()


@encrypted_with_everything
@pytest.mark.parametrize("name", REFERENCES)
async def test_rows_that_point_where_they_must_not_on_servers(server: str, name: str, *, encrypted: bool) -> None:
    async with open_store(server, create_tables=True) as store:
        await _refer(Damaged(store, encrypted=encrypted), name)


@pytest.mark.parametrize(("table", "column", "encrypted"), _ON_SERVERS, ids=str)
async def test_a_column_on_servers(server: str, table: str, column: str, *, encrypted: bool, all_values: bool) -> None:
    await _alter_each(server, _alterations(table, column, all_values=all_values), encrypted=encrypted)


def _uses_up_the_ids(server: str, alteration: Alteration) -> bool:
    """MariaDB goes on from the highest id that a row ever had; after an impossible one, it has none to give."""
    is_id = (alteration.table, alteration.column) == ("segments", "id")
    return is_id and server.startswith("mysql") and isinstance(alteration.value, int) and alteration.value > MAX_OWNER


async def _alter_each(server: str, alterations: list[Alteration], *, encrypted: bool) -> None:
    async with open_store(server, create_tables=True) as store:
        for alteration in alterations:
            if _uses_up_the_ids(server, alteration):
                continue
            damaged = Damaged(store, encrypted=encrypted)
            await damaged.fill()
            if await damaged.alter(alteration.statement(), value=alteration.value):
                await damaged.check(f"{alteration}", READS)
                await damaged.check(f"{alteration}", CHANGES)
            for name in ("damaged", "other"):
                await store.erase(name, scrub=False)
