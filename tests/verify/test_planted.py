"""Planted damages of the schema are found by their codes; they need a database of their own.

`VerifyContract` finds all the others, of more than fifty.

Fails without: log/verify/, db/verification.py, db/verify_schema.py.
"""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import pytest

from sessions import generate_key, open_store
from sessions.db.dialect import MARIADB, POSTGRES, SQLITE
from sessions.testing.planting import DAMAGES, damages, fill
from sessions.testing.verifying import check_found, findings_of
from sessions.types.verify import MEANINGS

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from tests.sql.servers import MariaDB, Postgres

_KEY = generate_key()


def _options(*, encrypted: bool) -> dict[str, Any]:
    return {"encryption_key": _KEY} if encrypted else {}


def test_there_are_more_than_fifty() -> None:
    assert len(damages(SQLITE, encrypted=False)) > 50
    assert len(damages(SQLITE, encrypted=True)) > 50
    assert {damage.code for damage in DAMAGES.values()} <= set(MEANINGS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """Healthy files: one in the clear, and one that is encrypted."""
    files = {kind: tmp_path_factory.mktemp("whole") / "whole.db" for kind in (False, True)}
    for encrypted, path in files.items():
        asyncio.run(_make(path, encrypted=encrypted))
    return files


async def _make(path: Path, *, encrypted: bool) -> None:
    async with open_store(f"sqlite:///{path}", **_options(encrypted=encrypted)) as store:
        await fill(store)
        assert await findings_of(store.verify()) == []


@pytest.mark.parametrize(
    ("name", "encrypted"),
    [(name, kind) for kind in (False, True) for name in damages(SQLITE, encrypted=kind) if DAMAGES[name].is_of_schema],
)
async def test_damage_of_the_schema_is_found_on_sqlite(
    whole: dict[bool, Path], tmp_path: Path, name: str, *, encrypted: bool
) -> None:
    shutil.copy(whole[encrypted], tmp_path / "copy.db")
    async with open_store(f"sqlite:///{tmp_path}/copy.db", **_options(encrypted=encrypted)) as store:
        await check_found(store, name)


@pytest.mark.parametrize(
    ("database", "name"),
    [
        (database, name)
        for database in (POSTGRES, MARIADB)
        for name in damages(database, encrypted=False)
        if DAMAGES[name].is_of_schema
    ],
)
async def test_damage_of_the_schema_is_found_on_servers(
    request: pytest.FixtureRequest, database: str, name: str
) -> None:
    server: Postgres | MariaDB = request.getfixturevalue("postgres" if database == POSTGRES else "mariadb")
    async with open_store(server.new_database(), create_tables=True) as store:
        await fill(store)
        assert await findings_of(store.verify()) == []
        await check_found(store, name)
