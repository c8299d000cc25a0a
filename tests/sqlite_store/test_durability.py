"""Who asks for full durability gets a sync at each commit, whatever others on the file ask for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sessions import AsyncSQLiteSession, SQLiteSession, StoreError, open_store

from .inside import locked, taken, trace, user

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sessions import LogSession

    Ours = Callable[..., SQLiteSession]

FULL, NORMAL = 2, 1


async def synchronous(session: LogSession) -> int:
    """Return the setting under which the session's own transactions commit."""

    def ask(tx: Any) -> Any:
        return tx._execute("pragma synchronous").fetchone()[0]

    return int(await session._handle.backend.write(ask, "the setting"))


# Fails without: db/sqlite/database.py, `self._set_durability(connection, full=any(job.full for job in jobs))`
async def test_each_commits_as_it_asked(ours: Ours) -> None:
    sessions = [(ours(), FULL), (ours(durability="normal"), NORMAL), (ours(durability="full"), FULL)]

    for session, setting in [*sessions, *reversed(sessions), *sessions[1:]]:
        await session.add_items([user("a")])
        assert await synchronous(session) == setting


async def test_every_other_constructor_passes_it_on(path: Path) -> None:
    normal = AsyncSQLiteSession("s", path, durability="normal")
    assert await synchronous(normal) == NORMAL
    await normal.close()
    async with open_store(f"sqlite:///{path}", durability="normal") as store:
        assert await synchronous(store.session("s")) == NORMAL
    async with open_store(f"sqlite:///{path}") as store:
        assert await synchronous(store.session("s")) == FULL


# Fails without: db/sqlite/database.py, `any(job.full for job in jobs)`
@pytest.mark.parametrize("place", [0, 1, 2])
async def test_one_that_asks_for_it_makes_its_whole_group_sync(path: Path, ours: Ours, place: int) -> None:
    durabilities = ["normal", "normal", "normal"]
    durabilities[place] = "full"
    normal = ours(durability="normal")
    await normal.add_items([user("a")])
    statements = await trace(normal)
    with locked(path):
        first = asyncio.ensure_future(normal.add_items([user("b")]))
        await asyncio.sleep(0)
        await taken(path)
        group = [ours(durability=durability).add_items([user("c")]) for durability in durabilities]
        waiting = [asyncio.ensure_future(each) for each in group]
        await asyncio.sleep(0)
        statements.clear()
    await asyncio.gather(first, *waiting)

    spoken = [text.lower() for text in statements]
    kinds = ("pragma synchronous", "begin", "insert into", "commit")
    assert [kind for text in spoken for kind in kinds if text.strip().startswith(kind)][-6:] == [
        "pragma synchronous", "begin", *["insert into"] * 3, "commit"
    ]  # fmt: skip
    assert [text for text in spoken if text.startswith("pragma")][-1] == "pragma synchronous = full"


# Fails without: db/sqlite/opening.py, each line of `_SETTINGS` that is not the build's default already
@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("secure_delete", 1), ("journal_size_limit", 64 * 1024**2), ("trusted_schema", 0)],
)
@pytest.mark.parametrize("lane", ["read", "write"])
async def test_every_connection_has_the_settings(session: SQLiteSession, lane: str, pragma: str, value: object) -> None:
    def ask(tx: Any) -> Any:
        return tx._execute(f"pragma {pragma}").fetchone()[0]

    assert await getattr(session._handle.backend, lane)(ask, "the setting") == value


# Fails without: db/sqlite/opening.py, `pragma query_only = on`
async def test_the_reading_connection_cannot_write(session: SQLiteSession) -> None:
    with pytest.raises(StoreError):
        await session._handle.backend.read(lambda tx: tx._execute("create table t (x)"), "a writer in disguise")  # type: ignore[attr-defined]


# Fails without: db/sqlite/opening.py, `pragma secure_delete = on` (where it is not the build's default)
async def test_what_was_removed_is_not_left_readable_in_the_file(path: Path) -> None:
    canary = "canary-31d9" * 20
    session = SQLiteSession("s", path)
    await session.add_items([user("a"), user(canary)])
    await session.pop_item()
    session.close()

    assert canary.encode() not in path.read_bytes()
