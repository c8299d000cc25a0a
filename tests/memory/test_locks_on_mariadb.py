"""A change of memories locks a namespace's row, and not its entry in the index of paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import open_store
from sessions.db.dialect import MARIADB
from sessions.db.words import words
from sessions.memory.schema import MEMORY
from sessions.memory.statements.spaces import LOCK_PATH

if TYPE_CHECKING:
    from tests.sql.servers import MariaDB

_PATH: Final = b"users\x01ann\x01"


async def test_an_entry_of_the_index_stays_unlocked(mariadb: MariaDB) -> None:
    """
    An erasure holds the row, and then locks the entry: with both in the other order, a put and it would deadlock.
    Fails without: memory/statements/spaces.py, the inner `select` of `LOCK_PATH`
    """
    url = mariadb.new_database()
    async with open_store(url, create_tables=True) as store:
        await store.memories.put(("users", "ann"), "style", {"text": "short"})
    names = words([MEMORY], MARIADB)
    (lock,) = LOCK_PATH.render(MARIADB, names)
    entry = "select id from {spaces} where path = :path lock in share mode nowait".format_map(names)
    engine = create_async_engine(url, isolation_level="READ COMMITTED")
    async with engine.connect() as put, engine.connect() as erasure:
        locked = (await put.execute(text(lock), {"path": _PATH})).all()
        entries = (await erasure.execute(text(entry), {"path": _PATH})).all()
        assert [row.id for row in locked] == [row.id for row in entries]
    await engine.dispose()
