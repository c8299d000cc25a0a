"""A process is killed in the middle of an export or an import: the export goes on, and nobody sees half a session."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import TYPE_CHECKING

from sessions import open_store
from sessions.testing.export_model import comparable, exported
from sessions.testing.observing import observe

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Start

_COUNT = 2_000
_IDS = ("a", "b")

_IMPORT = """
from sessions import open_store

async def main():
    async with open_store(f"sqlite:///{path}") as store:
        await store.sessions()  # The tables are made before anything is counted.
        die_before(int(sys.argv[3]))
        await store.import_sessions(sys.argv[2], on_exists="skip")

asyncio.run(main())
say("done")
"""

_EXPORT = """
from sessions import open_store

async def main():
    pieces = 0

    def progress(done):
        global pieces
        pieces += 1
        if pieces == int(sys.argv[3]):
            os.kill(os.getpid(), 9)

    async with open_store(f"sqlite:///{path}") as store:
        await store.export_sessions(sys.argv[2], resume=True, progress=progress)

pieces = 0
asyncio.run(main())
say("done")
"""


async def _fill(path: Path) -> list[object]:
    async with open_store(f"sqlite:///{path}", durability="normal") as store:
        for session_id in _IDS:
            session = store.session(session_id)
            for half in range(2):
                items = [{"role": "user", "content": f"{half} {number}"} for number in range(_COUNT // 2)]
                await session.add_items(items, keys=[f"{half}.{number}" for number in range(_COUNT // 2)])
                await session.undo(3)
            await session.usage.record(input_tokens=1, key="u")
            await session.set_info(title="t", tags=["a"])
        await store.export_sessions(path.with_name("export.jsonl"))
        return comparable(await exported(store, *_IDS))


def _rows(path: Path) -> dict[str, int]:
    """Return how many rows each table of the log has."""
    tables = (
        "sessions",
        "segments",
        "branches",
        "entries",
        "item_keys",
        "usage",
        "infos",
        "tags",
        "changes",
        "unfinished",
    )
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = {}
        for table in tables:
            ((found[table],),) = connection.execute(f"select count(*) from agent_log_{table}")  # noqa: S608
        return found


async def test_a_killed_import_leaves_whole_sessions_and_can_be_repeated(path: Path, start: Start) -> None:
    """
    Fails without: log/lifetime/unfinished.py, `FORGET` in `finish`; log/lifetime/upkeep.py, `collect_unfinished`.
    """
    expected = await _fill(path)
    export = path.with_name("export.jsonl")
    seen = set()
    for statement in (3, 10, 20, 28, 40, 55, 1_000_000):
        copy = path.with_name(f"copy {statement}.db")
        program = start(_IMPORT, copy, export, statement)
        finished = program.hear() == "done"
        program.kill()
        assert finished == (statement == 1_000_000), program.errors()
        async with open_store(f"sqlite:///{copy}") as store:
            listed = sorted(one.session_id for one in await store.sessions())
            seen.add(len(listed))
            assert listed == list(_IDS[: len(listed)])
            for session_id in listed:
                assert len(await store.session(session_id).entries()) == _COUNT - 6
            done = await store.import_sessions(export, on_exists="skip")
            assert (done.sessions, done.skipped) == (2 - len(listed), len(listed))
            assert comparable(await exported(store, *_IDS)) == expected
        with contextlib.closing(sqlite3.connect(copy)) as connection, connection:
            connection.execute("update agent_log_unfinished set until = 0")
        async with open_store(f"sqlite:///{copy}") as store:
            await store.purge_expired()
            assert await observe(store, "a")
        assert _rows(copy) == _rows(path)
    assert seen == {0, 1, 2}, "the statements to die before have moved"


async def test_a_killed_export_goes_on(path: Path, start: Start) -> None:
    expected = await _fill(path)
    again = path.with_name("again.jsonl")
    for piece in (1, 3, 8):
        program = start(_EXPORT, path, again, piece)
        assert program.hear() == ""
        program.kill()
        assert not again.exists()
    start(_EXPORT, path, again, 1_000_000).expect("done")
    lines = await asyncio.to_thread(again.read_bytes)
    assert comparable(lines.splitlines()) == expected
