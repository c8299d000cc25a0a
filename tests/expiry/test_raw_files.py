"""What was deleted is in none of a SQLite database's files; the files are read as bytes."""

from __future__ import annotations

import asyncio
import random
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from sessions import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sessions import Store

MARK = "whatnobodyelsesays"
KINDS = ["sqlite", "sqlite+aiosqlite"]
SESSIONS = 40
ITEMS = 900

READER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("begin")
print(connection.execute("select count(*) from agent_log_entries").fetchone()[0], flush=True)
sys.stdin.read()
"""


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{request.param}:///{tmp_path}/sessions.db"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def found_in(folder: Path, session: int) -> dict[str, int]:
    """Return how often the words of a session are in each file, for those where they are."""
    words = re.compile(rf"{MARK}-{session}-".encode())
    counts = {path.name: len(words.findall(path.read_bytes())) for path in folder.iterdir()}
    return {name: count for name, count in counts.items() if count}


def left_of(folder: Path) -> dict[int, dict[str, int]]:
    """Return the same for each session of even number of which anything is left."""
    return {session: left for session in range(0, SESSIONS, 2) if (left := found_in(folder, session))}


async def fill(store: Store) -> None:
    """Let many sessions grow side by side, so that SQLite splits pages with items of several in them."""
    chance = random.Random(1)  # noqa: S311 - lengths, not secrets
    for number in range(ITEMS):
        session = chance.randrange(SESSIONS)
        text = f"{MARK}-{session}-{'x' * chance.randrange(10, 9000 if number % 50 == 0 else 600)}"
        await store.session(f"s{session}").add_items([{"role": "user", "content": text}])


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files that are filled, by the beginnings of their URLs: SQLAlchemy uses no write-ahead log."""
    return {kind: asyncio.run(_fill(kind, tmp_path_factory.mktemp("filled"))) for kind in KINDS}


async def _fill(kind: str, folder: Path) -> Path:
    async with open_store(f"{kind}:///{folder}/filled.db", create_tables=True, **_fast(kind)) as store:
        await fill(store)
    return folder / "filled.db"


@pytest.fixture
def filled_url(url: str, filled: dict[str, Path], tmp_path: Path) -> str:
    """The same as `url`, of a copy of a filled file."""
    shutil.copy(filled[url.partition(":")[0]], tmp_path / "sessions.db")
    return url


@contextmanager
def reading(path: Path) -> Iterator[int]:
    """Have another process hold a snapshot of the database; give the number of items it sees."""
    process = subprocess.Popen(
        [sys.executable, "-c", READER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.communicate()


async def test_what_was_erased_is_in_no_file(filled_url: str, folder: Path) -> None:
    """
    Fails without: db/sqlite/vacuum.py, "vacuum" and "wal_checkpoint(truncate)"; db/sqlalchemy/vacuum.py, "vacuum".
    """
    async with open_store(filled_url, create_tables=True, **_fast(filled_url)) as store:
        erased = 0
        for session in range(0, SESSIONS, 2):
            receipt = await store.erase(f"s{session}", scrub=session == SESSIONS - 2)
            erased += receipt.entries
        assert receipt.pending == ()
        # The database is open, and another process could copy its files now.
        assert left_of(folder) == {}
        left = [len(await store.session(f"s{session}").get_items()) for session in range(1, SESSIONS, 2)]
    assert erased + sum(left) == ITEMS


@pytest.mark.parametrize("how", ["clear", "purge", "pop"])
async def test_what_was_deleted_is_in_no_file_once_they_are_scrubbed(filled_url: str, folder: Path, how: str) -> None:
    async with open_store(filled_url, create_tables=True, **_fast(filled_url)) as store:
        for session in range(0, SESSIONS, 2):
            deleted = store.session(f"s{session}")
            if how == "clear":
                await deleted.clear_session()
            elif how == "purge":
                assert await deleted.purge_expired(older_than=0.000_001) > 0
            else:
                while await deleted.pop_item():
                    pass
        # At the latest in the write-ahead log, which the other way does not use.
        assert left_of(folder) or "aiosqlite" in filled_url
        assert await store.scrub() == ()
        assert left_of(folder) == {}
        assert found_in(folder, 1)


async def test_sqlite_overwrites_what_is_deleted_on_every_connection(folder: Path) -> None:
    """Fails without: db/sqlalchemy/database.py, "pragma secure_delete = on"; where that is not SQLite's default."""
    url = f"sqlite+aiosqlite:///{folder}/sessions.db"
    async with open_store(url, create_tables=True) as store:
        session = store.session("s1")
        await session.add_items([{"role": "user", "content": f"{MARK}-1-"}])
        assert found_in(folder, 1) == {"sessions.db": 1}
        await session.pop_item()
        assert found_in(folder, 1) == {}


async def test_what_another_process_reads_is_said_to_be_pending(url: str, folder: Path) -> None:
    """Fails without: db/sqlite/vacuum.py, `if blocked:`; and the same in db/sqlalchemy/vacuum.py."""
    # Both ways use a write-ahead log here, as a file does that was made by `open_store("sqlite:///…")`.
    async with open_store(f"sqlite:///{folder}/sessions.db") as store:
        await store.session("s1").add_items([{"role": "user", "content": f"{MARK}-1-"}])
    async with open_store(url) as store:
        with reading(folder / "sessions.db") as items:
            assert items == 1
            receipt = await store.erase("s1")
            assert (receipt.existed, receipt.entries) == (True, 1)
            assert await store.session("s1").get_items() == []
            (pending,) = receipt.pending
            assert "store.scrub()" in pending
            assert "another connection is reading" in pending
            assert found_in(folder, 1)
        again = await store.erase("s1")
        assert (again.existed, again.pending) == (False, ())
        assert found_in(folder, 1) == {}


def _fast(url: str) -> dict[str, Any]:
    return {} if "aiosqlite" in url else {"durability": "normal"}
