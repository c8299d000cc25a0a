"""``sessions search`` and ``sessions index`` say what the library says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sessions import generate_key

from .conftest import CANARY

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Chats, Run


def _lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_items_are_found_in_all_sessions_or_in_one(run: Run, chats: Chats) -> None:
    found = run("search", chats.url, "train", "--nl")
    assert found.code == 0
    assert [(row["session_id"], row["position"], row["snippet"]) for row in _lines(found.out)] == [
        ("plain", 6, "By train."),
        ("plain", 5, "train"),
    ]
    assert _lines(run("search", chats.url, "train", "--session", "plain", "--nl").out) == _lines(found.out)
    assert run("search", chats.url, "sea", "--session", "plain", "--branch", "draft", "--nl").out.count("\n") == 1
    assert "No such items." in run("search", chats.url, "Very").err, "it was undone"


def test_filters_pages_and_refusals(run: Run, chats: Chats) -> None:
    assert len(_lines(run("search", chats.url, "train", "--below", "acme", "--nl").out)) == 2
    assert run("search", chats.url, "train", "--owner", "bob", "--json").out == "[]\n"
    first = run("search", chats.url, "train", "-n", "1", "--nl")
    cursor = first.err.partition("--after ")[2].strip().rstrip(".")
    rest = run("search", chats.url, "train", "--nl", f"--after={cursor}")
    assert [row["position"] for row in _lines(first.out) + _lines(rest.out)] == [6, 5]
    for wrong in (["…"], ["x", "--branch", "draft"], ["x", "--session", "plain", "--tag", "travel"]):
        assert run("search", chats.url, *wrong).code == 2
    assert run("search", chats.url, "x", "--after", "y").code == 2
    assert run("search", chats.url, "x", "--session", "plain", "--branch", "missing").code == 2


def test_without_the_index_and_with_it(run: Run, chats: Chats) -> None:
    before = run("search", chats.url, "train", "--no-index")
    assert "sessions index" in before.err
    done = json.loads(run("index", chats.url, "--json").out)
    assert done == {"sessions": 1, "entries": 8, "behind": 0, "skipped": 1}
    after = run("search", chats.url, "train", "--no-index", "--nl")
    assert len(_lines(after.out)) == 2
    assert "sessions index" not in after.err
    assert run("index", chats.url).out.startswith("Indexed: 0 sessions, 0 items.")


def test_encrypted_sessions_need_their_key(run: Run, chats: Chats) -> None:
    without = run("search", chats.url, CANARY)
    assert "No such items." in without.err
    assert "give the key" in without.err
    assert run("search", chats.url, CANARY, "--session", "secret").code == 4
    found = run("search", chats.url, CANARY, "--nl", "--key-file", chats.key)
    assert [row["session_id"] for row in _lines(found.out)] == ["secret", "secret"]
    assert run("index", chats.url, "--key-file", chats.key, "--allow-plain-text").code == 0


def test_the_index_ends_with_a_key_of_other_sessions(run: Run, chats: Chats, tmp_path: Path) -> None:
    """Fails without: store/searching.py, `not in skipped)`."""
    other = tmp_path / "other.key"
    other.write_text(generate_key())
    done = run("index", chats.url, "--key-file", other, "--allow-plain-text")
    assert done.code == 0
    assert "skipped: encrypted with another key" in done.out
