"""`sessions threads`, `checkpoints` and `prune`: what savers of LangGraph have in a database."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver as LangGraphsSaver

from sessions import generate_key, open_store
from sessions.adapters.langgraph import EncryptedSerializer, SqliteSaver
from tests.langgraph.graphs import chat, said, thread
from tests.langgraph.state_types import Preferences

if TYPE_CHECKING:
    from pathlib import Path

    from sessions.types.retention import Audit

    from .conftest import Chats, Run


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database with two threads of one owner and one of another, and one under a serializer's cipher."""
    path = tmp_path / "state.db"
    with SqliteSaver(path, owner_key="user", types=[Preferences]) as saver:
        graph = chat(saver)
        for at, owner in enumerate([("acme", "ann"), ("acme", "bob"), ("acme", "ann")]):
            for text in ("one", "two"):
                graph.invoke(said(f"{text} of the canary"), thread(f"t{at}", user=owner))
    with SqliteSaver(path, serde=EncryptedSerializer.from_pycryptodome_aes(key=bytes(16))) as saver:
        chat(saver).invoke(said("canary"), thread("covered"))
    return f"sqlite:///{path}"


def test_threads_are_listed(run: Run, url: str) -> None:
    done = run("threads", url)
    assert (done.code, done.err) == (0, "")
    rows = [line.split("\t") for line in done.out.splitlines()]
    assert [row[0] for row in rows] == ["THREAD", "covered", "t2", "t1", "t0"]
    assert [row[2] for row in rows] == ["STEP", "", "4", "4", "4"]
    assert "canary" not in done.out
    found = json.loads(run("threads", url, "--owner", "acme", "--owner", "ann", "--json").out)
    assert [(one["thread_id"], one["owner"], one["namespaces"]) for one in found] == [
        ("t2", ["acme", "ann"], 1), ("t0", ["acme", "ann"], 1),
    ]  # fmt: skip
    assert len(json.loads(run("threads", url, "--below", "acme", "--json").out)) == 3
    (first,) = json.loads(run("threads", url, "-n", 1, "--prefix", "t", "--json").out)
    assert first["thread_id"] == "t2"
    after = json.loads(run("threads", url, "--after", first["cursor"], "--json").out)
    assert [one["thread_id"] for one in after] == ["t1", "t0"]
    assert run("threads", url, "--expired").err == "No threads.\n"
    assert run("threads", url, "--owner", "a", "--below", "b").code == 2


def test_checkpoints_are_listed(run: Run, url: str) -> None:
    done = run("checkpoints", url, "t1", "--json")
    found = json.loads(done.out)
    assert [(one["step"], one["source"]) for one in found] == [
        (4, "loop"), (3, "loop"), (2, "input"), (1, "loop"), (0, "loop"), (-1, "input"),
    ]  # fmt: skip
    assert found[0]["channels"] == ["messages", "preferences"]
    assert found[0]["bytes"] > found[-1]["bytes"] > 0
    assert found[0]["time"].startswith("20")
    assert "canary" not in done.out
    assert len(json.loads(run("checkpoints", url, "t1", "-n", 2, "--namespace", "", "--json").out)) == 2
    assert {one["source"] for one in json.loads(run("checkpoints", url, "covered", "--json").out)} == {"(encrypted)"}
    missing = run("checkpoints", url, "t")
    assert (missing.code, "there is no thread 't'" in missing.err) == (2, True)


def test_pruning(run: Run, url: str) -> None:
    would = run("prune", url, "t0", "t1", "--keep-last", 2, "--dry-run", "--json")
    assert json.loads(would.out)["checkpoints"] == 8
    assert run("prune", url, "t0", "t1").code == 2
    done = run("prune", url, "t0", "t1", "--keep-last", 2, "--yes")
    assert (done.code, done.out.startswith("Removed 8 checkpoints")) == (0, True)
    assert len(json.loads(run("checkpoints", url, "t1", "--json").out)) == 2
    assert len(json.loads(run("checkpoints", url, "t2", "--json").out)) == 6
    assert run("prune", url, "t0", "--older-than", "1h", "--yes").out.startswith("Removed 0 checkpoints")


def test_erasing_a_thread(run: Run, url: str, tmp_path: Path) -> None:
    """Fails without: cli/erase.py, `_erase_thread`."""
    assert run("erase", url, "--thread", "t0").code == 2
    assert run("erase", url, "x", "--thread", "t0", "--yes").code == 2
    done = run("erase", url, "--thread", "t0", "--thread", "t1", "--thread", "none", "--actor", "support", "--yes")
    assert done.code == 0, done.err
    first, second, third = done.out.splitlines()
    assert first.startswith("Erased thread 't0': 1 threads, 1 lines, 6 checkpoints, ")
    assert second.startswith("Erased thread 't1': ")
    assert third == "There was no thread 'none'."
    (receipt,) = map(json.loads, run("erase", url, "--thread", "t2", "--yes", "--json").out.splitlines())
    assert (receipt["thread_id"], receipt["existed"], receipt["rows"]["threads"]) == ("t2", True, 1)
    assert [one["thread_id"] for one in json.loads(run("threads", url, "--json").out)] == ["covered"]
    assert not any(b"of the canary" in file.read_bytes() for file in tmp_path.iterdir())
    audits = asyncio.run(_audits(url, "t0"))
    assert [(row.what, row.actor, row.counts["checkpoints"]) for row in audits] == [("erase", "support", 6)]


async def _audits(url: str, thread_id: str) -> list[Audit]:
    async with open_store(url) as store:
        assert await store.audits(session_id=thread_id) == []
        return await store.audits(thread_id=thread_id)


def test_a_thread_in_the_tables_of_another_saver(run: Run, chats: Chats, url: str) -> None:
    """It goes from there, too; a database without tables of ours is told apart from one without the thread."""
    for database in (url, chats.url):
        with LangGraphsSaver.from_conn_string(database.removeprefix("sqlite:///")) as theirs:
            chat(theirs).invoke(said("canary"), thread("t0"))
    done = run("erase", url, "--thread", "t0", "--yes", "--json", "--no-scrub")
    assert json.loads(done.out)["rows"]["langgraph_checkpoints"] == 3
    done = run("erase", chats.url, "--thread", "t0", "--yes")
    assert "another saver of LangGraph has threads in this database" in done.out


def test_purging_and_counting(run: Run, url: str) -> None:
    """Fails without: cli/purge.py, `purge_others`; checkpoints/component.py and memory/component.py, `counts`."""
    asyncio.run(_remember(url))
    _expire(url)
    found = json.loads(run("stats", url, "--json").out)
    assert [found[name] for name in ("threads", "checkpoints", "namespaces", "memories")] == [3, 15, 1, 1]
    done = run("purge", url, "--yes")
    # Some may have gone by themselves, beside the first change.
    assert (done.code, done.out.startswith("Deleted 0 expired items")) == (0, True)
    assert json.loads(run("purge", url, "--yes", "--json").out) == {"deleted": 0, "memories": 0, "threads": 0}
    found = json.loads(run("stats", url, "--json").out)
    assert [found[name] for name in ("threads", "checkpoints", "namespaces", "memories")] == [3, 15, 1, 1]


async def _remember(url: str) -> None:
    async with open_store(url) as store:
        for key in ("kept", "gone"):
            await store.memories.put(("a",), key, {"n": 1})


def _expire(url: str) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database, database:
        database.execute("update agent_memory_memories set expires_at = 1 where name = 'gone'")
        database.execute("update agent_checkpoints_threads set ttl = 1 where thread_id = 't0'")


def test_rotating_keys(run: Run, tmp_path: Path) -> None:
    """Fails without: store/rotating.py, `_threads`."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text(generate_key())
    new.write_text(generate_key())
    path = tmp_path / "secret.db"
    url = f"sqlite:///{path}"
    with SqliteSaver(path) as saver:
        chat(saver).invoke(said("canary"), thread("t"))
    left = run("rotate", url, "--key-file", old, "--reencrypt")
    assert left.out.splitlines()[1].startswith("Left unencrypted: 1.")
    done = run("rotate", url, "--key-file", old, "--reencrypt", "--allow-plain-text")
    assert (done.code, done.out.startswith("Rotated: 1 rewrapped, ")) == (0, True)
    assert done.out.endswith(" reencrypted, 1 threads.\n")
    assert not any(b"canary" in file.read_bytes() for file in tmp_path.iterdir()) or run("vacuum", url).code == 0
    assert not any(b"canary" in file.read_bytes() for file in tmp_path.iterdir())
    assert run("rotate", url, "--key-file", old, "--key-file", new).out == "Rotated: 1 rewrapped, 1 threads.\n"
    assert run("prune", url, "t", "--yes", "--key-file", old).code == 4
    assert run("prune", url, "t", "--yes", "--key-file", new).code == 0
    assert run("verify", url, "--key-file", new).code == 0


def test_a_database_without_threads_gets_no_tables(run: Run, chats: Chats) -> None:
    before = chats.path.stat().st_size
    done = run("threads", chats.url)
    assert (done.code, done.err) == (0, "No threads.\n")
    assert run("checkpoints", chats.url, "t").code == 2
    assert run("prune", chats.url, "t", "--yes").code == 2
    assert chats.path.stat().st_size == before


def test_encrypted_threads(run: Run, tmp_path: Path) -> None:
    key, path = generate_key(), tmp_path / "secret.db"
    (tmp_path / "key").write_text(key)
    with SqliteSaver(path, encryption_key=key) as saver:
        chat(saver).invoke(said("canary"), thread("t"))
    url = f"sqlite:///{path}"
    (hidden,) = json.loads(run("threads", url, "--json").out)
    assert (hidden["source"], hidden["unreadable"]) == ("(encrypted)", True)
    assert {one["bytes"] for one in json.loads(run("checkpoints", url, "t", "--json").out)} == {0}
    assert run("prune", url, "t", "--yes").code == 4
    with_key = ("--key-file", tmp_path / "key")
    (shown,) = json.loads(run("threads", url, "--json", *with_key).out)
    assert (shown["source"], shown["step"], shown["unreadable"]) == ("loop", 1, False)
    assert run("prune", url, "t", "--yes", *with_key).code == 0
