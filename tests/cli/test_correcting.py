"""``sessions redact`` and ``sessions remove``: one entry, all its copies, and the bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .conftest import CANARY

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Chats, Run


def _bytes(chats: Chats) -> bytes:
    return b"".join(path.read_bytes() for path in chats.path.parent.glob("chats.db*"))


def test_an_entry_is_emptied_and_its_bytes_are_gone(run: Run, chats: Chats) -> None:
    assert run("redact", chats.url, "plain", "--position", "2").code == 2
    assert b"To the sea." in _bytes(chats)
    done = run("redact", chats.url, "plain", "--position", "2", "--yes")
    assert (done.code, done.out, done.err) == (0, "Redacted: 1 entry.\n", "")
    assert b"To the sea." not in _bytes(chats)
    rows = [json.loads(line) for line in run("show", chats.url, "plain", "--nl").out.splitlines()]
    assert [row["position"] for row in rows] == [1, 2, 3, 4, 5, 6]


def test_an_entry_is_replaced_by_an_item_in_a_file(run: Run, chats: Chats, tmp_path: Path) -> None:
    file = tmp_path / "item.json"
    file.write_text('{"role": "assistant", "content": "To the lake."}')
    row = json.loads(run("show", chats.url, "plain", "--last", "5", "--nl").out.splitlines()[0])
    done = run("redact", chats.url, "plain", "--id", row["id"], "--with", file, "--yes", "--actor", "me", "--json")
    assert (done.code, json.loads(done.out)["ids"]) == (0, [row["id"]])
    assert "To the lake." in run("show", chats.url, "plain").out
    file.write_text('{"role": "user", "content": "To the lake."}')
    assert run("redact", chats.url, "plain", "--position", "2", "--with", file, "--yes").code == 2
    file.write_text("To the lake.")
    assert "has no item in JSON" in run("redact", chats.url, "plain", "--position", "2", "--with", file, "--yes").err


def test_an_encrypted_entry_needs_its_key(run: Run, chats: Chats) -> None:
    assert run("redact", chats.url, "secret", "--position", "1", "--yes").code == 4
    assert run("redact", chats.url, "secret", "--position", "1", "--yes", "--key-file", chats.key).code == 0
    shown = run("show", chats.url, "secret", "--key-file", chats.key).out
    assert (f"{CANARY} 1" in shown, f"{CANARY} 2" in shown) == (False, True)


def test_removing_names_what_it_would_break(run: Run, chats: Chats) -> None:
    broken = run("remove", chats.url, "plain", "--position", "5", "--yes")
    assert (broken.code, broken.out) == (2, "")
    assert "or add --force" in broken.err
    assert run("remove", chats.url, "plain", "--position", "5", "--yes", "--force", "--no-scrub").code == 0
    assert run("remove", chats.url, "plain", "--position", "6", "--yes").out == "Removed: 1 entry.\n"
    assert len(run("show", chats.url, "plain", "--raw").out.splitlines()) == 4


def test_a_way_that_was_left_is_removed(run: Run, chats: Chats) -> None:
    nodes = json.loads(run("tree", chats.url, "plain", "--json").out)["nodes"]
    (undone,) = (node["id"] for node in nodes if node["text"] == "How cold is it?")
    assert run("remove", chats.url, "plain", "--way", undone, "--yes").code == 0
    assert "How cold" not in run("tree", chats.url, "plain").out
    assert run("redo", chats.url, "plain").code == 2
    assert b"How cold" not in _bytes(chats)


def test_exactly_one_entry_is_named(run: Run, chats: Chats) -> None:
    for options in ([], ["--position", "1", "--id", "e1-1-1"], ["--key", "k", "--position", "1"]):
        for command in ("redact", "remove"):
            wrong = run(command, chats.url, "plain", *options, "--yes")
            assert (wrong.code, "exactly one option" in wrong.err) == (2, True)
    missing = run("redact", chats.url, "plain", "--position", "99", "--yes")
    assert missing.code == 2
