"""Appends that wait at the same moment travel in groups of a bounded size; one that is larger alone goes alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import EncryptedSession, SQLAlchemySession, SQLiteSession, generate_key
from sessions.db import jobs
from sessions.db.command import Command, command_of
from sessions.db.jobs import Jobs
from sessions.db.sqlite.transaction import About, texts_of

if TYPE_CHECKING:
    from pathlib import Path

    from .servers import Postgres

_KIB = 1024
_BOUND = 256 * _KIB


@pytest.fixture(autouse=True)
def _small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the bound be one that a test reaches at once."""
    monkeypatch.setattr(jobs, "MAX_GROUP_BYTES", _BOUND)


def _message(kib: int, content: str = "x") -> dict[str, Any]:
    return {"role": "user", "content": content * (kib * _KIB)}


@pytest.mark.parametrize("kind", ["plain", "encrypted"])
async def test_groups_on_postgres_have_a_size(postgres: Postgres, kind: str) -> None:
    """
    As the server saw them: what was added in one transaction.

    Fails without: db/jobs.py, `size > MAX_GROUP_BYTES`.
    """
    url, key = postgres.new_database(), generate_key()

    def session(name: str) -> Any:
        made = SQLAlchemySession.from_url(name, url=url, create_tables=True)
        return made if kind == "plain" else EncryptedSession(name, made, key, ttl=None)

    for number in range(24):
        await session(f"s{number}").add_items([_message(1)])
    await asyncio.gather(
        *(session(f"s{number}").add_items([_message(100)]) for number in range(24)),
        session("s0").add_items([_message(1000), _message(1000)]),
        *(session(f"s{number}").add_items([_message(1, "y")]) for number in range(24)),
    )
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        sizes = (
            await connection.execute(
                text("select sum(length(payload)), count(*) from agent_log_entries group by xmin::text order by 1")
            )
        ).all()
    await engine.dispose()
    *others, (largest, items) = [(int(size), count) for size, count in sizes]
    assert largest > 2000 * _KIB
    assert items == 2
    assert max(size for size, _ in others) <= _BOUND * (2 if kind == "encrypted" else 1)
    # They still go together.
    assert max(count for _, count in others) > 2
    items = await session("s0").get_items()
    assert sorted(len(item["content"]) // _KIB for item in items) == [1, 1, 100, 1000, 1000]


class _Work(Command[int]):
    def __init__(self, size: int) -> None:
        self._size = size

    @property
    def size(self) -> int:
        return self._size

    def __call__(self, _: object) -> int:
        return self._size


async def test_groups_on_sqlite_have_a_size() -> None:
    """
    They are taken by the same code; work about tables with a prefix says its size, too.

    Fails without: db/jobs.py, `self._waiting.appendleft(job)`; db/sqlite/transaction.py, `command_of(self._work).size`.
    """
    waiting = Jobs(lambda: None)
    sizes = [_BOUND * 3, 1, 100 * _KIB, 100 * _KIB, 100 * _KIB, 0, _BOUND, _BOUND + 1, 5]
    tasks = [
        asyncio.create_task(waiting.submit(About(_Work(size), texts_of("other_", ())), "a test")) for size in sizes
    ]
    await asyncio.sleep(0)
    groups = []
    while group := waiting.take():
        groups.append([command_of(job.work).size for job in group])
        for job in group:
            job.result = command_of(job.work).size
            job.settle()
    assert groups == [
        [_BOUND * 3],
        [1, 100 * _KIB, 100 * _KIB],
        [100 * _KIB, 0],
        [_BOUND],
        [_BOUND + 1],
        [5],
    ]
    assert await asyncio.gather(*tasks) == sizes


async def test_large_appends_at_once_on_sqlite(tmp_path: Path) -> None:
    sessions = [SQLiteSession(f"s{number}", tmp_path / "sessions.db") for number in range(8)]
    await asyncio.gather(*(session.add_items([_message(300), _message(1)]) for session in sessions))
    for session in sessions:
        assert [len(item["content"]) // _KIB for item in await session.get_items()] == [300, 1]
