"""`sessions threads`, `checkpoints` and `prune`: what savers of LangGraph have in a database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sessions import generate_key
from sessions.adapters.langgraph import EncryptedSerializer, SqliteSaver
from tests.langgraph.graphs import chat, said, thread
from tests.langgraph.state_types import Preferences

if TYPE_CHECKING:
    from pathlib import Path

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
