"""What has expired is deleted beside later changes of the same database, and when that is closed.

Fails without: log/lifetime/upkeep.py, `purge_some`; db/upkeep.py, `_WHERE_ITEMS_EXPIRE`; `tidy` of the databases.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sessions import EncryptedSession, SQLiteSession, generate_key, open_store
from sessions.db.transaction import Statement
from sessions.encrypted import handle_of
from sessions.testing.encrypted.rows import Rows
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sql.servers import MariaDB, Postgres

KEY = generate_key()

_END_MADE_KEYS = Statement(
    "Servers note a key for each append, which is known for a quarter of an hour.",
    "update {appends} set until = 0 where idempotency_key < ' '",
)


@pytest.fixture(params=["sqlite", "sqlite on SQLAlchemy", "postgres", "mariadb"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param.startswith("sqlite"):
        return f"sqlite{'+aiosqlite' * (request.param != 'sqlite')}:///{tmp_path}/sessions.db"
    server: Postgres | MariaDB = request.getfixturevalue(request.param)
    return str(request.getfixturevalue("lend")(server))


async def _ids(store: Any, name: str) -> list[int]:
    return [row.id for row in await Rows(store.session("reader")).entries(name)]


async def _change_until_gone(store: Any, writer: Any, name: str) -> None:
    """Append until nothing of a session is stored; the test's own timeout ends it."""
    while await _ids(store, name):
        await asyncio.sleep(0.05)
        await writer.add_items([item("u")])


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
async def test_beside_later_changes(anywhere: str, *, encrypted: bool) -> None:
    async with open_store(anywhere, create_tables=True) as store:
        expiring = store.session("expiring", ttl=1)
        if encrypted:
            expiring = EncryptedSession("expiring", store.session("expiring"), KEY, ttl=1)
        for number in range(10):
            await expiring.add_items([item(f"u{number}")])
        kept = store.session("kept")
        await kept.add_items([item("u1")])
        version = await expiring.version()
        # By a session without a key, and without a time to live.
        await _change_until_gone(store, kept, "expiring")
        assert await expiring.get_items() == []
        assert await expiring.version() == version
        await expiring.add_items([item("u10")], expected_version=version)
        assert await expiring.get_items() == [item("u10")]
        assert len(await _ids(store, "kept")) == len(await kept.get_items())


async def test_when_the_database_is_closed(anywhere: str) -> None:
    async with open_store(anywhere, create_tables=True) as store:
        await store.session("expiring", ttl=1).add_items([item(f"u{number}") for number in range(600)])
        await store.session("kept").add_items([item("u1")])
        await asyncio.sleep(2.1)  # The database's clock counts whole seconds.
    async with open_store(anywhere) as store:
        assert await _ids(store, "expiring") == []
        assert len(await _ids(store, "kept")) == 1


async def test_bytes_are_gone_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    session = SQLiteSession("s", path, ttl=1)
    await session.add_items([item("u the secret")])
    assert _holds(path, b"the secret")
    await asyncio.sleep(2.1)
    session.close()
    assert not _holds(path, b"the secret")


def _holds(path: Path, text: bytes) -> bool:
    return any(text in one.read_bytes() for one in path.parent.iterdir())


async def test_an_entry_that_a_session_keeps_is_not_touched(anywhere: str) -> None:
    """By age alone, nothing goes by itself: that is for whoever says the age."""
    async with open_store(anywhere, create_tables=True) as store:
        await store.session("s").add_items([item("u1")])
        reader = store.session("s", ttl=1)
        await asyncio.sleep(2.1)
        assert await reader.get_items() == []
        await reader.add_items([item("u2")])
        await store.session("other", ttl=1).add_items([item("u")])
        assert await store.session("s").get_items() == [item("u1"), item("u2")]


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
async def test_sessions_of_which_nothing_is_left_go_if_asked_for(anywhere: str, *, encrypted: bool) -> None:
    """Fails without: log/lifetime/remove.py, `delete_left_empty`."""
    async with open_store(anywhere, create_tables=True) as store:

        def session(name: str, ttl: float | None) -> Any:
            plain = store.session(name, ttl=ttl)
            return EncryptedSession(name, plain, KEY, ttl=ttl) if encrypted else plain

        for name in ("gone", "gone, too", "leased"):
            await session(name, 1).add_items([item("u1"), item("a1")])
        await session("gone, too", 1).branches.create("b", turn=1)
        await session("key", 1).add_items([item("u1")], idempotency_key="known")
        await session("kept", None).add_items([item("u1")])
        await session("in part", 1).add_items([item("u1")])
        await session("in part", None).add_items([item("u2")])
        async with session("leased", 1).lease():
            await asyncio.sleep(2.1)
            await store.purge_expired()
            everything = {"gone", "gone, too", "leased", "key", "kept", "in part"}
            assert {found.session_id for found in await store.sessions()} == everything
            await handle_of(store.session("reader")).backend.write(lambda tx: tx.run(_END_MADE_KEYS), "test")
            await store.purge_expired(empty_sessions=True)
        there = {found.session_id for found in await store.sessions()}
        assert there == {"leased", "key", "kept", "in part"}
        assert await session("kept", None).get_items() == [item("u1")]
        await session("gone", 60).add_items([item("u2")])
        assert await session("gone", 60).get_items() == [item("u2")]
