"""Keys come from files, a variable or a prompt; without one, a session shows all but its contents."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import pytest

from sessions import generate_key

from .conftest import CANARY

if TYPE_CHECKING:
    from .conftest import Chats, Run

_READING: Final = [
    ["list"], ["list", "--json"], ["list", "--csv"], ["show", "secret"], ["show", "secret", "--json"],
    ["show", "secret", "--csv"], ["show", "secret", "--raw"], ["show", "secret", "--last", "1"], ["tree", "secret"],
    ["tree", "secret", "--json"], ["tree", "secret", "--html"], ["watch", "secret", "--after", "0", "-n", "2"],
    ["watch", "secret", "--after", "0", "-n", "2", "--nl"], ["stats"], ["usage"], ["branch", "list", "secret"],
]  # fmt: skip


def _on(url: str, words: list[str]) -> list[str]:
    at = 2 if words[0] == "branch" else 1
    return [*words[:at], url, *words[at:]]


@pytest.mark.parametrize("words", _READING, ids=" ".join)
def test_without_the_key_all_is_shown_but_contents(run: Run, chats: Chats, words: list[str]) -> None:
    """Fails without: session/without_key.py."""
    done = run(*_on(chats.url, words))
    assert (done.code, done.err) == (0, "")
    assert CANARY not in done.out
    if "secret" in words or words[0] == "list":
        assert "encrypted" in done.out or words[0] == "branch"


def test_without_the_key_positions_kinds_and_times_are_there(run: Run, chats: Chats) -> None:
    rows = [json.loads(line) for line in run("show", chats.url, "secret", "--nl").out.splitlines()]
    keyed = [
        json.loads(line) for line in run("show", chats.url, "secret", "--nl", "--key-file", chats.key).out.splitlines()
    ]
    assert [row["item"] for row in keyed] == [
        {"role": "user", "content": f"{CANARY} 1"}, {"role": "assistant", "content": f"{CANARY} 2"},
    ]  # fmt: skip
    assert [row | {"item": None, "encrypted": False} for row in rows] == [row | {"item": None} for row in keyed]
    shown = run("show", chats.url, "secret").out
    assert shown.count("(encrypted)") == 2
    assert "without its key, contents are not shown" in shown


@pytest.mark.parametrize("words", _READING, ids=" ".join)
def test_with_the_wrong_key_reading_contents_fails(run: Run, chats: Chats, words: list[str], tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.key"
    wrong.write_text(generate_key())
    needs_none = words[0] in ("stats", "usage")
    done = run(*_on(chats.url, words), *([] if needs_none else ["--key-file", wrong]))
    assert CANARY not in done.out + done.err
    assert done.code == (0 if words[0] in ("list", "stats", "usage", "branch") else 4) or words[0] == "branch"
    if done.code:
        assert "Give the key with --key-file FILE" in done.err
    if words == ["list"]:
        assert "(another key, or not encrypted)" in done.out


def test_the_sources_of_a_key(run: Run, chats: Chats, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = chats.key.read_text()
    other = tmp_path / "other.key"
    other.write_text(f"{generate_key()}\n")
    show = "show", chats.url, "secret"
    assert CANARY in run(*show, "--key-file", chats.key).out
    assert CANARY in run(*show, "--key-file", f"2026={chats.key}").out
    assert CANARY in run(*show, "--key-file", other, "--key-file", chats.key).out
    monkeypatch.setattr(click, "prompt", lambda *_, **__: key)
    assert CANARY in run(*show, "--ask-key").out
    monkeypatch.setenv("SESSIONS_KEY", key)
    assert CANARY in run(*show).out
    # A file goes before the variable.
    assert run(*show, "--key-file", other).code == 4


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "cannot be read: No such file"),
        (b"", "is empty"),
        (b"sessions_key_cut", "was cut or altered"),
        (bytes(range(128, 140)), "needs at least 32 random ones"),
    ],
)
def test_a_file_without_a_key(run: Run, chats: Chats, tmp_path: Path, content: bytes | None, expected: str) -> None:
    path = tmp_path / "bad.key"
    if content is not None:
        path.write_bytes(content)
    done = run("show", chats.url, "secret", "--key-file", path)
    assert (done.code, done.out) == (4, "")
    assert expected in done.err
    assert str(path) in done.err


def test_a_variable_that_is_empty_is_a_mistake(run: Run, chats: Chats, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSIONS_KEY", "")
    done = run("show", chats.url, "secret")
    assert (done.code, "SESSIONS_KEY is empty" in done.err) == (4, True)


def test_two_files_of_one_name(run: Run, chats: Chats, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    other = tmp_path / "old" / chats.key.name
    other.write_text(generate_key())
    done = run("rotate", chats.url, "--key-file", other, "--key-file", chats.key)
    assert (done.code, "Write --key-file ID=FILE" in done.err) == (4, True)


def test_a_passphrase_gets_its_warning_and_is_in_no_output(
    run: Run, chats: Chats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSIONS_KEY", "a passphrase of mine")
    done = run("show", chats.url, "secret")
    assert done.code == 4
    assert done.err.startswith("Warning: the key was not made by sessions.generate_key()")
    assert "a passphrase of mine" not in done.err + done.out


def test_keys_are_no_arguments(run: Run, chats: Chats) -> None:
    """No option takes a key itself."""
    for name in ("--key", "--encryption-key", "--passphrase"):
        done = run("show", chats.url, "secret", name, "s3cret")
        assert done.code == 2
        assert "s3cret" not in done.err


@pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")
def test_no_password_stays_in_the_title_of_the_process(tmp_path: Path) -> None:
    """Fails without: cli/common/title.py, `setproctitle(...)`."""
    command = [
        sys.executable,
        "-m",
        "agent_session_store",
        "list",
        "postgresql://me:s3cret@127.0.0.1:1/db",
        "--wait",
        "9",
    ]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        title = Path(f"/proc/{running.pid}/cmdline")
        deadline = time.monotonic() + 30
        while b"s3cret" in (found := title.read_bytes()) or not found:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        running.kill()
    assert found.startswith(b"sessions list postgresql://me:***@127.0.0.1:1/db --wait 9")


def test_a_url_in_a_variable_is_in_no_argument(run: Run, chats: Chats, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATS", chats.url)
    assert run("list", "env:CHATS").out == run("list", chats.url).out
    monkeypatch.setenv("CHATS", "")
    done = run("list", "env:CHATS")
    assert (done.code, "the variable CHATS is not set" in done.err) == (2, True)


def test_without_the_library_for_titles_a_warning_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "setproctitle", None)
    done = run("list", "nope://me:s3cret@127.0.0.1/db")
    assert done.code == 2
    assert "can see the password" in done.err
    assert "s3cret" not in done.err
    assert os.environ.get("SESSIONS_KEY") is None


def test_a_session_without_encryption_and_a_key(run: Run, chats: Chats) -> None:
    """The cure is an option, and not another key. Fails without: cli/common/failures.py, `allow_plain_text`."""
    done = run("show", chats.url, "plain", "--key-file", chats.key)
    assert (done.code, done.out) == (4, "")
    assert "add --allow-plain-text" in done.err
    assert "--ask-key" not in done.err
    assert run("show", chats.url, "plain", "--key-file", chats.key, "--allow-plain-text").code == 0


def test_cures_are_options_and_commands(run: Run, chats: Chats, tmp_path: Path) -> None:
    """Fails without: cli/common/failures.py, `_WORDS`."""
    empty = tmp_path / "empty.key"
    empty.write_text("")
    for words, cure in (
        (["branch", "create", "U", "plain", "new", "--turn", "99"], "`sessions tree` has the turns."),
        (["branch", "delete", "U", "plain", "main", "--yes"], "`sessions erase` removes"),
        (["redo", "U", "plain", "--branch", "draft"], "nothing to redo"),
        (["list", "U", "--after", "xx"], "`sessions list --json` has the cursors."),
        (["redact", "U", "plain", "--id", "abc", "--yes"], "`sessions show --nl` has the ids."),
        (["redact", "U", "plain", "--position", "999", "--yes"], "`sessions show` has the entries."),
        (["retain", "U", "--yes"], "give --older-than, --unchanged-for, --keep-turns, --archived or --empty"),
        (["show", "U", "secret", "--key-file", str(empty)], "Give the key with which the sessions are encrypted."),
        (["list", "postgresql://h/d?foo=bar"], "with --connect-arg NAME=VALUE"),
        (["show", "U", "plain", "--turn", "99"], "`sessions tree` has the turns."),
    ):
        done = run(*(chats.url if word == "U" else word for word in words))
        assert done.code in (2, 3, 4), words
        assert cure in done.err, (words, done.err)
        for of_programs in ("()", "=True", "KeyRing", "generate_key", "`entries`", "store.", "page[", "engine_kwargs"):
            assert of_programs not in done.err, words
    verified = run("verify", chats.url, "--key-file", chats.key)
    assert "sessions rotate --reencrypt --allow-plain-text" in verified.out + verified.err
