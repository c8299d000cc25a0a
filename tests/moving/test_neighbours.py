"""Forks and copies beside the OpenAI Agents SDK's tables, and in several processes at once."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest
from agents import SQLiteSession as TheirSQLiteSession

from sessions import ConflictError, Copied, SessionExistsError, open_store
from sessions.testing.copying import ListSession, messages

from .opening import open_at

if TYPE_CHECKING:
    from pathlib import Path

_FORKS: Final = """
import asyncio, sys

from sessions import SessionExistsError, open_store
from sessions.log.moving import source as pages

async def main(url):
    pages.PAGE = 2
    made = 0
    async with open_store(url, **({} if url.startswith("sqlite:") else {"create_tables": True})) as store:
        for number in range(4):
            try:
                await store.fork("s", f"fork {number}")
                made += 1
            except SessionExistsError:
                pass
    print(made)

asyncio.run(main(sys.argv[1]))
"""


async def test_a_session_in_the_sdks_tables_is_there(tmp_path: Path) -> None:
    """Fails without: log/lifetime/unfinished.py, `conversation.elsewhere.holds` in `check_free`."""
    path = tmp_path / "chat.db"
    theirs: Any = TheirSQLiteSession("theirs", path)
    await theirs.add_items(messages(4))
    async with open_store(f"sqlite:///{path}") as store:
        await store.session("s").add_items(messages(2))
        with pytest.raises(SessionExistsError):
            await store.fork("s", "theirs")
        assert [one.session_id for one in await store.sessions()] == ["s"]
        assert await store.copy(ListSession(messages(6)), "theirs") == Copied(2, 4)
        assert await (await store.fork("theirs", "new", at=3)).get_items() == messages(3)
        other: Any = TheirSQLiteSession("other", path)
        await other.add_items([{"role": "user", "content": "other"}])
        with pytest.raises(ConflictError):
            await store.copy(ListSession(messages(1)), "other")
        assert await (await store.fork("other", "adopted")).get_items() == [{"role": "user", "content": "other"}]
        other.close()
    theirs.close()


async def test_processes_that_fork_to_the_same_ids(anywhere: str) -> None:
    async with open_at(anywhere) as store:
        session = store.session("s")
        await session.add_items(messages(5))
        running = [
            subprocess.Popen([sys.executable, "-c", _FORKS, anywhere], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(2)
        ]
        added = 0
        while any(process.poll() is None for process in running):
            await session.add_items([{"role": "user", "content": "more"}])
            added += 1
            await asyncio.sleep(0.1)
        made = 0
        for process in running:
            out, errors = process.communicate()
            assert process.returncode == 0, errors.decode()
            made += int(out)
        assert made == 4
        more = [{"role": "user", "content": "more"}] * added
        for number in range(4):
            items = await store.session(f"fork {number}").get_items()
            assert items == [*messages(5), *more][: len(items)]
            assert len(items) >= 5
