"""What was redacted or removed is in none of a SQLite database's files once nothing is pending."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from sessions import SQLiteSession, generate_key, open_store
from tests.expiry.test_raw_files import reading

if TYPE_CHECKING:
    from pathlib import Path

    from sessions import LogSession, Store

SECRET = "whatnobodyshouldhavesaid"  # noqa: S105 - it is said
_LONG = "x" * 6000


@pytest.fixture(params=["sqlite", "sqlite+aiosqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{request.param}:///{tmp_path}/sessions.db"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def found_in(folder: Path, text: str = SECRET) -> list[str]:
    """Return the names of the files with a text."""
    return sorted(path.name for path in folder.iterdir() if text.encode() in path.read_bytes())


async def fill(store: Store) -> LogSession:
    """Say it in long items beside others, so that pages are split; copy it by a repair; and make a title of it."""
    session = store.session("s", title=lambda message: message["content"][:40])
    other = store.session("other")
    await session.add_items([{"role": "user", "content": f"{SECRET} {_LONG}"}])
    for number in range(30):
        for one in (session, other):
            await one.add_items([{"role": "assistant", "content": f"{number} {_LONG[: number * 150]}"}])
    await session.add_items(
        [
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"role": "user", "content": "between"},
            {"type": "function_call_output", "call_id": "c", "output": SECRET},
            {"role": "assistant", "content": f"{_LONG} {SECRET}"},
        ],
        keys=[None, None, "output", "answer"],
    )
    await session.repair(apply=True)
    return session


@pytest.mark.parametrize("how", ["redact", "remove"])
async def test_what_was_corrected_is_in_no_file(url: str, folder: Path, how: str) -> None:
    async with open_store(url, create_tables=True) as store:
        session = await fill(store)
        assert found_in(folder)
        correct = getattr(session, how)
        forced: dict[str, Any] = {"force": True} if how == "remove" else {}
        assert (await correct(1)).title
        assert (await correct(key="output", scrub=False, **forced)).entries == 2
        receipt = await correct(key="answer")
        assert (receipt.entries, receipt.pending) == (2, ())
        # The database is open, and another process could copy its files now.
        assert found_in(folder) == []
    assert found_in(folder) == []


async def test_a_way_that_was_removed_is_in_no_file(url: str, folder: Path) -> None:
    async with open_store(url, create_tables=True) as store:
        session = store.session("s")
        await session.add_items([{"role": "user", "content": f"{number} {_LONG}"} for number in range(5)])
        await session.add_items([{"role": "user", "content": f"{SECRET} {_LONG}"}])
        await session.undo()
        await session.add_items([{"role": "user", "content": "another"}])
        (way,) = [sibling for sibling in await session.siblings() if not sibling.current]
        assert found_in(folder)
        assert (await session.remove(way=way)).pending == ()
        assert found_in(folder) == []


async def test_a_summary_that_quotes_it_is_in_no_file(url: str, folder: Path) -> None:
    async def quote(items: list[Any]) -> str:
        return " ".join(item["content"] for item in items)

    async with open_store(url, create_tables=True) as store:
        session = store.session("s")
        await session.add_items([{"role": "user", "content": text} for text in (SECRET, _LONG, "last")])
        await session.compact(quote)
        assert (await session.redact(1, summaries="drop")).pending == ()
        assert found_in(folder) == []


async def test_the_ciphertext_goes_too(url: str, folder: Path) -> None:
    async with open_store(url, create_tables=True, encryption_key=generate_key()) as store:
        session = store.session("s")
        await session.add_items([{"role": "user", "content": f"{number} {_LONG}"} for number in range(5)])
        with closing(sqlite3.connect(folder / "sessions.db")) as connection:
            payloads = [
                payload for (payload,) in connection.execute("select payload from agent_log_entries order by id")
            ]
        assert payloads[2][-99:] in b"".join(path.read_bytes() for path in folder.iterdir())
        assert (await session.redact(3)).pending == ()
        left = b"".join(path.read_bytes() for path in folder.iterdir())
        assert [payload[-99:] in left for payload in payloads] == [True, True, False, True, True]
        assert [item["content"][:1] for item in await session.get_items()] == ["0", "1", "", "3", "4"]


@pytest.mark.parametrize("how", ["redact", "remove"])
async def test_a_reader_that_holds_the_log_is_pending(url: str, folder: Path, how: str) -> None:
    """Fails without: session/corrections.py, `handle.backend.vacuum`."""
    # Both ways use a write-ahead log here, as a file does that was made by `open_store("sqlite:///…")`.
    async with open_store(f"sqlite:///{folder}/sessions.db") as store:
        await store.session("s").add_items([{"role": "user", "content": text} for text in ("1", SECRET)])
    async with open_store(url) as store:
        session = store.session("s")
        with reading(folder / "sessions.db") as items:
            assert items == 2
            receipt = await getattr(session, how)(2)
            assert receipt.entries == 1
            (pending,) = receipt.pending
            assert "another connection is reading" in pending
            assert "store.scrub()" in pending
            assert SECRET not in str(await session.get_items())
            assert found_in(folder)
        assert await store.scrub() == ()
        assert found_in(folder) == []


def test_a_session_without_a_store_does_the_same(folder: Path) -> None:
    async def correct() -> None:
        session = SQLiteSession("s", folder / "sessions.db")
        await session.add_items([{"role": "user", "content": SECRET}, {"role": "assistant", "content": SECRET}])
        assert (await session.redact(1)).pending == ()
        assert (await session.remove(2)).pending == ()
        assert found_in(folder) == []
        session.close()

    asyncio.run(correct())
