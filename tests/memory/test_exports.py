"""Memories go from one database to any other in an export, encrypted or not, and an import that is killed goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from sessions import Embedder, MissingKeyError, PlainTextRefusedError, PlusCodec, generate_key, open_store
from sessions.testing.memory.search_model import embed
from sessions.types.memories import Put

if TYPE_CHECKING:
    from pathlib import Path


async def test_encrypted_memories_are_exported_only_as_plain_text(anywhere: str, tmp_path: Path) -> None:
    """Fails without: memories/exporting.py, `refuse_encrypted`; memory/changes.py, keys of imported memories."""
    key, path = generate_key(), tmp_path / "memories.jsonl"
    async with open_store(anywhere, create_tables=True, encryption_key=key) as store:
        mine = store.memories.under(("users",), owner="ann")
        await mine.put(("ann",), "secret", {"text": "a secret cat", "facts": ["dog"]}, index=["facts[*]"], ttl=10_000)
        await mine.put(("ann",), "hidden", {"text": "a secret mouse"}, index=False)
        with pytest.raises(PlainTextRefusedError, match="plain=True"):
            await store.export_sessions(path, owner="ann", memories=True)
        assert list(tmp_path.glob("*.jsonl*")) == []
        assert (await store.export_sessions(path, owner="ann", memories=True, plain=True)).memories == 2
        before = await mine.list()
    async with open_store(anywhere, create_tables=True) as without:
        with pytest.raises(MissingKeyError):
            _ = [piece async for piece in without.export_lines(owner="ann", memories=True, plain=True)]
    database = tmp_path / "other.db"
    options: dict[str, Any] = {"encryption_key": generate_key(), "embed": Embedder(documents=embed, name="one")}
    async with open_store(f"sqlite:///{database}", **options) as other:
        await other.import_sessions(path)
        there = other.memories.under(("users",), owner="ann")
        assert [(one.key, one.value, one.created_at, one.expires_at) for one in await there.list()] == [
            (one.key, one.value, one.created_at, one.expires_at) for one in before
        ]
        assert [one.key for one in await there.search(query="dog", mode="vector")] == ["secret"]
        assert [str(one) async for one in other.verify()] == []
        files = b"".join(file.read_bytes() for file in tmp_path.glob("other.db*"))
        assert b"secret cat" not in files


async def test_memories_go_to_another_database_and_back(anywhere: str, tmp_path: Path) -> None:
    """Fails without: memories/exporting.py, `import_memories`."""
    puts = [Put(("n", f"{number % 7}"), f"k{number}", {"n": number, "text": "cat"}) for number in range(300)]
    async with open_store(anywhere, create_tables=True) as store, open_store(f"sqlite:///{tmp_path}/b.db") as other:
        await store.memories.put_many(puts)
        first = [piece async for piece in store.export_lines(memories=True)]
        done = await other.import_sessions(first)
        assert (done.memories, (await other.stats()).memories, (await other.stats()).namespaces) == (300, 300, 7)
        await store.memories.erase(("n",), scrub=False)
        await store.import_sessions([piece async for piece in other.export_lines(memories=True)])
        last = [piece async for piece in store.export_lines(memories=True)]

        def values(pieces: list[bytes]) -> list[bytes]:
            lines = b"".join(pieces).splitlines()
            return [line.partition(b'"value"')[2] for line in lines if b'"type":"memory"' in line]

        assert values(first) == values(last)
        assert [str(one) async for one in store.verify()] == []


async def test_values_of_another_codec_go_along(anywhere: str, tmp_path: Path) -> None:
    """Fails without: memory/export_lines.py, `content`."""
    value = {"at": {1, 2}, "text": "cat"}
    async with (
        open_store(anywhere, create_tables=True, codec=PlusCodec()) as store,
        open_store(f"sqlite:///{tmp_path}/b.db", codec=PlusCodec()) as other,
    ):
        await store.memories.put(("a",), "k", value)
        await other.import_sessions(store.export_lines(memories=True))
        found = await other.memories.get(("a",), "k")
        assert found is not None
        assert found.value == value


_KILLED = """
import asyncio, os, signal, sys

from sessions import open_store

def kill(done):
    if done.memories >= 200:
        os.kill(os.getpid(), signal.SIGKILL)

async def main(url, path):
    async with open_store(url, create_tables=True) as store:
        await store.import_sessions(path, on_exists="skip", progress=kill)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_killed_import_goes_on(anywhere: str, tmp_path: Path) -> None:
    """Fails without: memories/exporting.py, one transaction for a page; `skips`."""
    path = tmp_path / "memories.jsonl"
    async with open_store("sqlite://") as source:
        puts = [Put(("n", f"{number % 3}"), f"{number:03}", {"n": number}) for number in range(450)]
        await source.memories.put_many(puts)
        await source.export_sessions(path, memories=True)
    done = subprocess.run([sys.executable, "-c", _KILLED, anywhere, path], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    async with open_store(anywhere, create_tables=True) as store:
        assert await store.memories.count() == 200
        assert (await store.import_sessions(path, on_exists="skip")).memories == 250
        assert {one.value["n"] for one in await store.memories.list(limit=1_000)} == set(range(450))


async def test_memories_belong_to_no_session_and_to_no_markdown(tmp_path: Path) -> None:
    """Fails without: store/exports.py, `_wanted` and `check_format`."""
    async with open_store("sqlite://") as store:
        with pytest.raises(ValueError, match="ids and memories cannot be combined"):
            await store.export_sessions(tmp_path / "a.jsonl", ["s"], memories=True)
        with pytest.raises(ValueError, match="an export in markdown has no memories"):
            await store.export_sessions(tmp_path / "a.md", format="markdown", memories=True)
        done = await store.export_sessions(tmp_path / "none.jsonl", memories=True)
        assert (done.sessions, done.memories) == (0, 0)
        assert (await store.import_sessions(tmp_path / "none.jsonl")).memories == 0


async def test_an_interrupted_export_goes_on(anywhere: str, tmp_path: Path) -> None:
    """Fails without: store/exporting.py, `content`; store/export_files.py, what is cut off behind the last session."""
    path = tmp_path / "all.jsonl"
    async with open_store(anywhere, create_tables=True) as store:
        await store.session("s").add_items([{"role": "user", "content": "Hello"}])
        await store.memories.put_many([Put(("n",), f"{number:03}", {"n": number}) for number in range(250)])

        def break_off(done: Any) -> None:
            if done.memories >= 200:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await store.export_sessions(path, memories=True, progress=break_off)
        with pytest.raises(ValueError, match="was begun for all sessions and memories, not for all sessions"):
            await store.export_sessions(path, resume=True)
        done = await store.export_sessions(path, memories=True, resume=True)
        assert (done.sessions, done.memories) == (1, 250)
    async with open_store("sqlite://") as other:
        imported = await other.import_sessions(path)
        assert (imported.sessions, imported.memories) == (1, 250)
