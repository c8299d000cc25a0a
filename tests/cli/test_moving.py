"""``sessions export``, ``import``, ``verify`` and ``retain``: what the library does, from a terminal."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from sessions import Store, StoreFullError, open_store
from tests.sql.servers import free_port

from .conftest import CANARY

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Chats, Run


def _items(url: str, session_id: str, **how: object) -> list[object]:
    async def read() -> list[object]:
        async with open_store(url, **how) as store:  # type: ignore[arg-type] # they are options of it
            return list(await store.session(session_id).get_items())

    return asyncio.run(read())


def test_an_export_is_imported_elsewhere(run: Run, chats: Chats, tmp_path: Path) -> None:
    file, other = tmp_path / "plain.jsonl", f"sqlite:///{tmp_path}/other.db"
    done = run("export", chats.url, "plain", "--output", file)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Exported to {file}: 1 session, ")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert run("import", other, file).out.startswith("Imported: 1 session, ")
    assert _items(other, "plain") == _items(chats.url, "plain")
    again = run("import", other, file)
    assert (again.code, again.out, "Add --skip-existing to leave out" in again.err) == (2, "", True)
    assert "1 skipped" in run("import", other, file, "--skip-existing").out


def test_memories_are_exported_and_imported(run: Run, tmp_path: Path) -> None:
    """Fails without: cli/export.py, `--memories`."""
    url, other, file = (f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db", tmp_path / "all.jsonl")

    async def put() -> None:
        async with open_store(url) as store:
            await store.memories.put(("users", "ann"), "style", {"text": "short"}, owner="ann")
            await store.memories.put(("users", "bob"), "style", {"text": "long"}, owner="bob")

    asyncio.run(put())
    done = run("export", url, "--memories", "--owner", "ann", "--output", file)
    assert (done.code, "0 sessions, 0 entries, 1 memory, " in done.out) == (0, True)
    assert run("import", other, file).out == "Imported: 0 sessions, 0 entries, 1 memory.\n"
    again = run("import", other, file)
    assert (again.code, "Add --skip-existing to leave out memories" in again.err) == (3, True)
    assert run("import", other, file, "--skip-existing").out.endswith("; 1 memory skipped.\n")
    assert json.loads(run("stats", other, "--json").out)["memories"] == 1
    assert run("export", url, "s", "--memories", "--output", tmp_path / "no.jsonl").code == 2


def test_an_encrypted_session_is_exported_only_when_told_so(run: Run, chats: Chats, tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    refused = run("export", chats.url, "-o", file, "--key-file", chats.key)
    assert (refused.code, "Add --plain, and keep the result" in refused.err) == (2, True)
    assert not file.exists()
    done = run("export", chats.url, "-o", file, "--key-file", chats.key, "--plain", "--allow-plain-text", "--json")
    assert (done.code, json.loads(done.out)["sessions"]) == (0, 2)
    assert CANARY in file.read_text()
    other = f"sqlite:///{tmp_path}/other.db"
    assert run("import", other, file, "--key-file", chats.key).code == 0
    assert CANARY not in run("show", other, "secret").out
    assert CANARY in run("show", other, "secret", "--key-file", chats.key).out


def test_a_pipe_from_export_to_import(chats: Chats, tmp_path: Path) -> None:
    sessions = f"{sys.executable} -m agent_session_store"
    other = f"sqlite:///{tmp_path}/other.db"
    pipe = f"{sessions} export {chats.url} plain | {sessions} import {other} -"
    environment = {name: value for name, value in os.environ.items() if name != "SESSIONS_KEY"}
    done = subprocess.run(["sh", "-c", pipe], capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert _items(other, "plain") == _items(chats.url, "plain")


def test_markdown_is_for_people(run: Run, chats: Chats) -> None:
    done = run("export", chats.url, "plain", "--format", "markdown")
    assert (done.code, "Where to?" in done.out) == (0, True)
    assert run("export", chats.url, "plain", "--resume").code == 2
    assert run("export", chats.url, "plain", "--json").code == 2


def test_a_file_that_is_no_export(run: Run, chats: Chats, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("Buy milk\n")
    wrong = run("import", chats.url, file)
    assert (wrong.code, wrong.out) == (2, "")
    assert "Buy milk" not in wrong.err
    assert run("import", chats.url, tmp_path / "none.jsonl").code == 3


def test_an_import_tells_what_is_wrong_with_its_database(run: Run, chats: Chats, tmp_path: Path) -> None:
    """A damaged file, a folder that is not there, and a server that is down."""
    file, broken = tmp_path / "plain.jsonl", tmp_path / "broken.db"
    run("export", chats.url, "plain", "-o", file)
    broken.write_bytes(b"SQLite format 3\0" + bytes(5000))
    server = f"postgresql://me:s3cret@127.0.0.1:{free_port()}/chats"
    for url, expected in (
        (f"sqlite:///{broken}", "Nothing was"),
        (f"sqlite:///{tmp_path}/none/new.db", "none"),
        (server, "Run the command again when the server is up"),
    ):
        done = run("import", url, file, "--wait", "0")
        assert (done.code, done.out) == (3, ""), url
        assert expected in done.err
        assert "s3cret" not in done.err
        assert done.err.count("Error: ") == 1


def _stop_after(monkeypatch: pytest.MonkeyPatch, method: str, error: BaseException) -> None:
    """Let a method of a store stop behind the first whole session, as a full disk or Ctrl-C would stop it."""
    whole: Any = getattr(Store, method)

    async def stops(self: Store, *given: Any, progress: Any, **how: Any) -> Any:
        def note(so_far: Any) -> None:
            progress(so_far)
            if getattr(so_far, "sessions", None) or getattr(so_far, "erased", None):
                raise error

        return await whole(self, *given, progress=note, **how)

    monkeypatch.setattr(Store, method, stops)


@pytest.mark.parametrize(
    ("error", "code"), [(StoreFullError("the disk is full. Nothing was changed."), 3), (KeyboardInterrupt(), 130)]
)
def test_work_that_stops_says_how_far_it_came(
    run: Run, chats: Chats, tmp_path: Path, error: BaseException, code: int
) -> None:
    """Fails without: cli/common/stopping.py, `say`."""
    file, part, other = tmp_path / "all.jsonl", tmp_path / "part.jsonl", f"sqlite:///{tmp_path}/other.db"
    how = ("--key-file", chats.key, "--allow-plain-text", "--plain")
    assert run("export", chats.url, "-o", file, *how).code == 0
    with pytest.MonkeyPatch.context() as patch:
        _stop_after(patch, "import_sessions", error)
        _stop_after(patch, "export_sessions", error)
        done = run("import", other, file)
        assert (done.code, done.out) == (code, "")
        said = "Imported before that: 1 session. Run it again with --skip-existing.\n"
        assert done.err.startswith(said)
        done = run("export", chats.url, "-o", part, *how)
        assert (done.code, done.out) == (code, "")
        assert done.err.startswith(f"Exported before that: 1 session, in {part}.partial. Run it again with --resume.\n")
    assert "Imported: 1 session, " in run("import", other, file, "--skip-existing").out
    assert "2 sessions" in run("export", chats.url, "-o", part, *how, "--resume").out


def test_removing_and_rotating_that_stop_say_how_far_they_came(run: Run, chats: Chats) -> None:
    error = StoreFullError("the disk is full. Nothing was changed.")
    with pytest.MonkeyPatch.context() as patch:
        _stop_after(patch, "rotate", error)
        _stop_after(patch, "retain", error)
        done = run("rotate", chats.url, "--key-file", chats.key)
        assert (done.code, done.out) == (3, "")
        assert done.err.startswith("Rotated before that: 1 session. Run it again for the rest.\n")
        done = run("retain", chats.url, "--older-than", "0.001s", "--below", "acme", "--yes")
        assert (done.code, done.out) == (3, "")
        assert done.err.startswith("Before that: Removed: 1 session erased, ")
        assert "Run it again for the rest; `sessions vacuum` removes the bytes.\n" in done.err
