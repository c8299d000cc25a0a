"""What was acknowledged stays when the process is killed; and erasing an owner reaches threads."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest

from sessions import open_store
from sessions.checkpoints.values import Place
from sessions.db.transaction import Statement
from sessions.errors import DamagedSessionError
from sessions.labels import encode_owner
from sessions.store.threads import ThreadStore
from sessions.testing.checkpoints.shared import PLACE, check_rows, check_verified, contents, new, write, writes

if TYPE_CHECKING:
    from pathlib import Path

_NO_PIECES: Final = Statement("Remove all pieces.", "delete from {pieces}")

_PROGRAM: Final = """
import asyncio, sys
from sessions import open_store
from sessions.store.threads import ThreadStore
from sessions.testing.checkpoints.shared import PLACE, new, write

async def main():
    options = {} if sys.argv[1].startswith("sqlite:") else {"create_tables": True}
    threads = ThreadStore(open_store(sys.argv[1], **options)._backend)
    messages, number = [], 0
    while True:
        messages = [*messages, f"message {number} " * 50]
        parent_id = f"{number - 1:05}" if number else None
        await threads.put(PLACE, new(f"{number:05}", parent_id, {"a": messages}, versions={"a": number}))
        await threads.put_writes(PLACE, f"{number:05}", "task", "", [write(0, "a", [*messages, "more"])])
        print(number, flush=True)
        number += 1

asyncio.run(main())
"""


async def test_an_acknowledged_checkpoint_is_whole_after_a_kill(anywhere: str) -> None:
    """A test that every database has to pass: the end of the process is no end of a transaction."""
    with subprocess.Popen([sys.executable, "-c", _PROGRAM, anywhere], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        last = 0
        for line in process.stdout:
            last = int(line)
            if last == 20:
                process.kill()
                break
    async with open_store(anywhere) as store:
        threads = ThreadStore(store._backend)
        messages = [f"message {number} " * 50 for number in range(last + 1)]
        found = await threads.read(PLACE, f"{last:05}")
        assert found is not None
        assert contents(found) == {"a": messages}
        assert [one[2] for one in writes(found)] == [[*messages, "more"]]
        await check_rows(threads)
        await check_verified(threads)
        # Another process goes on.
        latest = await threads.read(PLACE)
        assert latest is not None
        values = {"a": [*contents(latest)["a"], "another"]}
        await threads.put(PLACE, new("99999", latest.checkpoint_id, values, versions={"a": 99}))
        await threads.aclose()


async def test_what_is_remembered_is_read_without_its_pieces(anywhere: str) -> None:
    """Fails without: checkpoints/read.py, `known`; on Postgres, checkpoints/fast/statements.py, `$4`."""
    options: dict[str, Any] = {} if anywhere.startswith("sqlite:") else {"create_tables": True}
    async with open_store(anywhere, **options) as store:
        threads, other = ThreadStore(store._backend), ThreadStore(store._backend)
        messages = [f"message {number} " * 50 for number in range(9)]
        await threads.put(PLACE, new("1", None, {"a": messages[:8]}))
        await threads.put(PLACE, new("2", "1", {"a": messages}, versions={"a": 2}))
        await other.read(PLACE)
        await threads._backend.write(lambda tx: tx.run(_NO_PIECES), "all pieces")
        for one in (threads, other):
            for checkpoint_id in (None, "2", None):
                found = await one.read(PLACE, checkpoint_id)
                assert found is not None
                assert contents(found) == {"a": messages}
            with pytest.raises(DamagedSessionError):
                await one.read(PLACE, "1")
        await threads.aclose()
        await other.aclose()


async def test_erasing_an_owner_reaches_threads(anywhere: str) -> None:
    """Fails without: checkpoints/component.py, `erase_owners`."""
    options: dict[str, Any] = {} if anywhere.startswith("sqlite:") else {"create_tables": True}
    async with open_store(anywhere, **options) as store:
        threads = ThreadStore(store._backend)
        for number in range(40):
            owner = encode_owner(("acme", "ann")) if number % 2 else encode_owner("bob")
            await threads.put(Place(f"t{number}", "", owner), new("1", None, {"a": "x" * 100}))
            await threads.put_writes(Place(f"t{number}", "", owner), "1", "task", "", [write(0, "a", 1)])
        receipt = await store.erase_owner("acme", below=True, scrub=False)
        assert receipt.rows["checkpoints"] == {
            "threads": 20, "lines": 20, "checkpoints": 20, "pieces": 20, "writes": 20,
        }  # fmt: skip
        assert {row.owner for row in await threads.threads()} == {encode_owner("bob")}
        await check_rows(threads)
        await threads.aclose()


async def test_a_thread_that_expires_goes_by_itself(tmp_path: Path) -> None:
    """Fails without: checkpoints/component.py, `upkeep`."""
    async with open_store(f"sqlite:///{tmp_path}/s.db") as store:
        threads = ThreadStore(store._backend, ttl=1)
        await threads.put(Place("old"), new("1", None, {"a": 1}))
        for number in range(300):
            await threads.put_writes(Place("kept"), "1", f"{number}", "", [write(0, "a", 1)])
        assert "old" not in [row.thread_id for row in await threads.threads(expired=True)]
        await threads.aclose()
