"""Commands that change something do what the library does, once."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import pytest
from agents import SQLiteSession as SDKSession

from sessions import Store, StoreUnreachableError, generate_key, open_store
from sessions.db.upkeep import Upkeep
from sessions.log.lifetime import erase_owners
from sessions.session import purging
from sessions.store import erasing

from .conftest import user

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from sessions import LogSession

    from .conftest import Chats, Run


def _ask(url: str, question: Callable[[LogSession], Awaitable[Any]], session_id: str = "plain", **how: Any) -> Any:
    async def ask() -> Any:
        async with open_store(url, **how) as store:
            return await question(store.session(session_id))

    return asyncio.run(ask())


def _texts(url: str, **how: Any) -> list[str]:
    items = _ask(url, lambda session: session.get_items(), **how)
    return [item["content"] for item in items if item.get("role") == "user"]


def test_undo_and_redo(run: Run, chats: Chats) -> None:
    done = run("undo", chats.url, "plain")
    assert done.out == "Undone: 1 turn, 4 items. `sessions redo` reverts it.\n"
    assert _texts(chats.url) == ["Where to?"]
    assert json.loads(run("redo", chats.url, "plain", "--json").out) == {"session_id": "plain", "items": 4}
    assert run("redo", chats.url, "plain").out == "Redone: 2 items.\n"
    assert _texts(chats.url) == ["Where to?", "How?", "How cold is it?"]
    nothing = run("redo", chats.url, "plain")
    assert (nothing.code, nothing.out) == (2, "")
    assert run("undo", chats.url, "plain", "--turns", "9").code == 2
    run("undo", chats.url, "plain", "--branch", "draft")
    assert _texts(chats.url) == ["Where to?", "How?", "How cold is it?"]


def test_branches(run: Run, chats: Chats) -> None:
    made = json.loads(run("branch", "create", chats.url, "plain", "other", "--turn", "2", "--switch", "--json").out)
    assert (made["name"], made["current"], made["turns"]) == ("other", True, 1)
    assert run("branch", "switch", chats.url, "plain", "main").out == "Switched to 'main'.\n"
    assert run("branch", "rename", chats.url, "plain", "other", "better").code == 0
    assert run("branch", "create", chats.url, "plain", "better").code == 2
    assert "create it with `sessions branch create`." in run("show", chats.url, "plain", "--branch", "none").err
    assert run("branch", "create", chats.url, "plain", "x", "--turn", "1", "--position", "1").code == 2
    assert run("branch", "delete", chats.url, "plain", "better", "--yes").out == "Deleted branch 'better'.\n"
    names = [branch.name for branch in _ask(chats.url, lambda session: session.branches.list())]
    assert names == ["main", "draft"]


def test_repair_finds_and_mends(run: Run, chats: Chats) -> None:
    call = {"type": "function_call", "call_id": "c2", "name": "look", "arguments": "{}"}
    _ask(chats.url, lambda session: session.add_items([user("Look!"), call]))
    found = run("repair", chats.url, "plain", "--json")
    assert found.code == 1
    (damage,) = json.loads(found.out)
    assert (damage["kind"], damage["call_id"], damage["repaired"]) == ("open_call", "c2", False)
    assert "Add --apply" in found.err
    mended = run("repair", chats.url, "plain", "--apply", "--text", "It broke.")
    assert (mended.code, mended.err) == (0, "Repaired: 1.\n")
    assert _ask(chats.url, lambda session: session.get_items())[-1]["output"] == "It broke."
    healthy = run("repair", chats.url, "plain")
    assert (healthy.code, healthy.out, healthy.err) == (0, "", "No damage was found.\n")


def test_rotation_with_two_key_files(run: Run, chats: Chats, tmp_path: Path) -> None:
    new = tmp_path / "new.key"
    new.write_text(f"{generate_key()}\n")
    keys = "--key-file", f"2025={chats.key}", "--key-file", f"2026={new}"
    done = json.loads(run("rotate", chats.url, *keys, "--json").out)
    assert (done["sessions"], done["rewrapped"], done["plain"], done["failed"]) == (1, 1, 1, [])
    assert run("show", chats.url, "secret", "--key-file", new).code == 0
    assert run("show", chats.url, "secret", "--key-file", chats.key).code == 4
    everything = run("rotate", chats.url, "--key-file", new, "--reencrypt", "--allow-plain-text")
    assert (everything.code, "entries" in everything.out or "reencrypted" in everything.out) == (0, True)
    assert json.loads(run("stats", chats.url, "--json").out)["encrypted"] == 2


def test_a_rotation_that_lacks_a_key_says_what_it_did(run: Run, chats: Chats, tmp_path: Path) -> None:
    other = tmp_path / "other.key"
    other.write_text(generate_key())
    done = run("rotate", chats.url, "--key-file", other, "--json")
    assert done.code == 4
    assert json.loads(done.out)["failed"] == ["secret"]
    assert "Keep the old keys" in done.err


def test_purge(run: Run, chats: Chats) -> None:
    _ask(chats.url, lambda session: session.add_items([user("Soon gone")], ttl=0.001))
    assert run("purge", chats.url).code == 2
    # Upkeep beside a later change may have been first.
    assert json.loads(run("purge", chats.url, "--yes", "--json").out)["deleted"] in (0, 1)
    assert json.loads(run("stats", chats.url, "--json").out)["entries"] == 10
    assert run("purge", chats.url, "--yes", "--older-than", "100d").out == "Deleted 0 expired items.\n"
    purged = run("purge", chats.url, "--yes", "--older-than", "0.0001s", "--empty-sessions")
    assert purged.code == 0
    assert json.loads(run("stats", chats.url, "--json").out)["entries"] == 0


def test_erase(run: Run, chats: Chats) -> None:
    assert run("erase", chats.url, "plain").code == 2
    assert _texts(chats.url) == ["Where to?", "How?"]
    receipts = [
        json.loads(line)
        for line in run("erase", chats.url, "secret", "plain", "no such", "--yes", "--json").out.splitlines()
    ]
    assert [(one["session_id"], one["existed"], one["pending"]) for one in receipts] == [
        ("secret", True, []), ("plain", True, []), ("no such", False, []),
    ]  # fmt: skip
    assert b"Where to?" not in b"".join(path.read_bytes() for path in chats.path.parent.glob("chats.db*"))


def test_erasing_without_scrubbing_says_what_is_left_and_vacuum_does_it(run: Run, chats: Chats) -> None:
    done = run("erase", chats.url, "plain", "--yes", "--no-scrub")
    assert "Erased 'plain': 8 entries, 3 branches" in done.out
    assert "left to do: the files have not been scrubbed: run `sessions vacuum`" in done.out
    assert run("vacuum", chats.url) == (0, "No deleted bytes are left.\n", "")


def test_adopt(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "sdk.db"

    async def write() -> None:
        theirs = SDKSession("theirs", path)
        await theirs.add_items([{"role": "user", "content": "Hi"}])
        theirs.close()

    asyncio.run(write())
    url = f"sqlite:///{path}"
    refused = run("list", url)
    assert (refused.code, "sessions adopt" in refused.err) == (3, True)
    done = run("adopt", url)
    assert (done.code, done.out) == (0, "Taken over: 1 sessions, 1 items, 1 branches.\n")
    assert run("adopt", url).out == "Taken over: nothing.\nAlready here: 1.\n"
    assert _ask(url, lambda session: session.get_items(), "theirs") == [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize("command", ["undo", "redo", "repair", "tree", "show", "watch"])
def test_a_typo_in_an_id_is_no_empty_conversation(run: Run, chats: Chats, command: str) -> None:
    wrong = run(command, chats.url, "plian")
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err.startswith("Error: there is no session 'plian'. `sessions list` has the ids.")
    assert json.loads(run("stats", chats.url, "--json").out)["sessions"] == 2


def test_a_typo_in_a_path_makes_no_file(run: Run, tmp_path: Path) -> None:
    """Fails without: cli/common/database.py, `check_file`."""
    for command in ("list", "adopt", "vacuum", "stats"):
        wrong = run(command, f"sqlite:///{tmp_path}/typo.db")
        assert (wrong.code, "there is no file" in wrong.err) == (3, True)
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_another_program_stays_as_it_is(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "bookmarks.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table bookmarks (url text)")
    before = path.read_bytes()
    for command in ("list", "vacuum", "purge", "stats"):
        wrong = run(command, f"sqlite:///{path}", *(["--yes"] if command == "purge" else []))
        assert (wrong.code, "has no sessions" in wrong.err) == (3, True)
    assert path.read_bytes() == before


_NEED_A_KEY: Final = [
    ["undo", "secret"],
    ["redo", "secret"],
    ["repair", "secret"],
    ["repair", "secret", "--apply"],
    ["branch", "create", "secret", "new"],
    ["branch", "switch", "secret", "main"],
]


@pytest.mark.parametrize("words", _NEED_A_KEY, ids=" ".join)
def test_what_needs_a_key_asks_for_it_and_changes_nothing(run: Run, chats: Chats, words: list[str]) -> None:
    def version() -> int:
        how = {"encryption_key": chats.key.read_text()}
        return int(_ask(chats.url, lambda session: session.version(), "secret", **how))

    before = version()
    at = words.index("secret")
    refused = run(*words[:at], chats.url, *words[at:])
    assert (refused.code, refused.out) == (4, "")
    assert "Nothing was changed. Give the key with --key-file FILE, in SESSIONS_KEY, or with --ask-key." in refused.err
    assert version() == before


def test_a_file_that_may_not_be_written_is_not_vacuumed(
    run: Run, chats: Chats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails without: cli/vacuum.py, `check_writable`."""
    monkeypatch.setattr(os, "access", lambda path, mode, **_: not (mode & os.W_OK and str(path).endswith(".db")))
    done = run("vacuum", chats.url)
    assert (done.code, done.out) == (3, "")
    assert "cannot be written by this user. Nothing was changed." in done.err


def _stop_at(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, number: int) -> None:
    """Have the call of this number fail, as if the database had gone."""
    calls = 0
    function = getattr(owner, name)

    def failing(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            raise StoreUnreachableError("the store: the server is gone. Nothing was changed.")
        return function(*arguments, **options)

    monkeypatch.setattr(owner, name, failing)


def test_a_purge_that_stops_says_how_far_it_came(run: Run, chats: Chats, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails without: cli/purge.py, `telling`."""
    for number in range(2):
        _ask(chats.url, lambda session: session.add_items([user("1")], ttl=0.001), f"s{number}")
    _stop_at(monkeypatch, purging, "remove_expired", 2)
    # Upkeep would be first.
    monkeypatch.setattr(Upkeep, "is_due", lambda *_: False)
    stopped = run("purge", chats.url, "--yes", "--older-than", "0.0001s")
    assert stopped.code == 3
    assert "Before that: " in stopped.err
    assert "deleted. Run it again for the rest.\nError: " in stopped.err


def test_erasing_an_owner_that_stops_says_how_far_it_came(
    run: Run, chats: Chats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails without: cli/erase.py, `telling`; store/erasing.py, `progress(...)`."""
    monkeypatch.setattr(erasing, "_SESSIONS", 1)
    for number in range(3):
        _ask(chats.url, lambda session: session.set_info(owner="ann"), f"s{number}")
    _stop_at(monkeypatch, erase_owners, "erase", 3)
    stopped = run("erase", chats.url, "--owner", "ann", "--yes")
    assert stopped.code == 3
    assert "Before that: Erased 2 sessions of ann: 2 changes, 2 info, 2 sessions." in stopped.err
    assert "Run it again for the rest; `sessions vacuum` removes the bytes.\nError: " in stopped.err
    monkeypatch.undo()
    assert json.loads(run("erase", chats.url, "--owner", "ann", "--yes", "--json").out)["sessions"] == 1


def test_erasing_sessions_that_stops_says_that_bytes_are_left(
    run: Run, chats: Chats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "erase", Store.erase)
    _stop_at(monkeypatch, Store, "erase", 2)
    stopped = run("erase", chats.url, "plain", "secret", "--yes")
    assert (stopped.code, "Erased 'plain'" in stopped.out) == (3, True)
    assert stopped.err.startswith("Run it again for the rest; `sessions vacuum` removes the bytes.\nError: ")


@pytest.mark.parametrize(
    "words",
    ["erase U plain", "erase U --owner acme --below", "retain U --older-than 0.001s", "redact U plain --position 1",
     "remove U plain --position 6"],
)  # fmt: skip
def test_bytes_that_could_not_be_removed_are_an_exit_code(
    run: Run, chats: Chats, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails without: cli/common/receipts.py, `code_of`."""
    monkeypatch.setattr("sessions.db.sqlite.database.scrub", lambda path, *_: (f"{path} could not be rewritten",))
    arguments = [chats.url if word == "U" else word for word in words.split()]
    done = run(*arguments, "--yes")
    assert (done.code, "left to do: " in done.out) == (1, True)


def test_bytes_that_were_not_to_be_removed_are_no_failure(run: Run, chats: Chats) -> None:
    assert run("redact", chats.url, "plain", "--position", "1", "--yes", "--no-scrub").code == 0
    assert run("retain", chats.url, "--older-than", "0.001s", "--yes", "--no-scrub").code == 0


def test_a_damaged_file_is_not_to_be_vacuumed_again(run: Run, chats: Chats) -> None:
    """Fails without: db/sqlite/vacuum.py, `_DAMAGED`."""
    with closing(sqlite3.connect(chats.path)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
        (page,) = connection.execute("select rootpage from sqlite_master where name = 'agent_log_usage'").fetchone()
        (size,) = connection.execute("pragma page_size").fetchone()
    with chats.path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    done = run("vacuum", chats.url)
    assert done.code == 1
    assert "restore it from a backup (`sessions verify` lists the damage), then run `sessions vacuum`" in done.out
    assert "again" not in done.out
