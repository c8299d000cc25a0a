"""As an operator would try it: a damaged copy, a lost key, a full disk, a read-only mount, a server that is down.

Each command ends with its exit code and one line that says what happened and what to do.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from sessions import generate_key
from tests.sql.servers import free_port

from .conftest import CANARY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .conftest import Chats, Done, Run

_SECRET: Final = "pass-the-canary"  # noqa: S105 - no server asks for it


class Command(NamedTuple):
    """A command on a database.

    Attributes:
        words: Its words; ``U`` is the URL.
        writes: Whether it changes the database.
        of_file: Whether it does something on SQLite.
    """

    words: str
    writes: bool = False
    of_file: bool = True


COMMANDS: Final = [
    Command("list U"),
    Command("show U plain"),
    Command("tree U plain"),
    Command("watch U plain --after 0 -n 1"),
    Command("stats U"),
    Command("usage U"),
    Command("branch list U plain"),
    Command("verify U"),
    Command("repair U plain"),
    Command("undo U plain", writes=True),
    Command("redo U plain", writes=True),
    Command("branch create U plain new", writes=True),
    Command("branch switch U plain draft", writes=True),
    Command("branch rename U plain draft better", writes=True),
    Command("branch delete U plain draft --yes", writes=True),
    Command("rotate U --key-file new=NEW --key-file old=KEY", writes=True),
    Command("purge U --yes --older-than 0.001s", writes=True),
    Command("retain U --older-than 0.001s --yes", writes=True),
    Command("retain U --older-than 0.001s --dry-run"),
    Command("redact U plain --position 1 --yes", writes=True),
    Command("remove U plain --position 6 --yes", writes=True),
    Command("erase U plain --yes", writes=True),
    Command("erase U --owner acme --below --yes", writes=True),
    Command("vacuum U", writes=True),
    Command("adopt U", writes=True),
    Command("export U plain"),
    Command("migrate U", writes=True, of_file=False),
]
_OF_FILE: Final = [command for command in COMMANDS if command.of_file]


def _arguments(command: Command, url: str, chats: Chats) -> list[str]:
    new = chats.key.with_name("new.key")
    if not new.exists():
        new.write_text(generate_key())
    words = {"U": url, "KEY": str(chats.key), "NEW": str(new)}
    found = []
    for word in command.words.split():
        name, equals, value = word.rpartition("=")
        found.append(f"{name}{equals}{words.get(value, value)}")
    return found


def _check_is_one_line(done: Done | subprocess.CompletedProcess[str]) -> str:
    """Return what is said of a failure: one line, nothing secret."""
    err = done.stderr if isinstance(done, subprocess.CompletedProcess) else done.err
    lines = err.splitlines()
    errors = [line for line in lines if line.startswith("Error: ")]
    assert len(errors) == 1, err
    assert "Traceback" not in err
    assert CANARY not in err
    assert _SECRET not in err
    return errors[0]


@pytest.mark.parametrize("command", _OF_FILE, ids=lambda command: command.words)
def test_a_damaged_copy(run: Run, chats: Chats, command: Command) -> None:
    content = bytearray(chats.path.read_bytes())
    content[100:4096] = bytes(range(256)) * 15 + bytes(156)
    chats.path.write_bytes(content)
    done = run(*_arguments(command, chats.url, chats))
    assert done.code == 3, done.err
    line = _check_is_one_line(done)
    assert "is damaged. Nothing was changed. Restore it from a backup" in line
    assert "Work on a copy" in line
    assert bytes(content) == chats.path.read_bytes()


@pytest.mark.parametrize("command", _OF_FILE, ids=lambda command: command.words)
def test_a_file_that_is_no_database(run: Run, chats: Chats, command: Command) -> None:
    chats.path.write_text("Buy milk, and remember that this is no database.\n" * 9)
    done = run(*_arguments(command, chats.url, chats))
    assert done.code == 3
    assert "is not a SQLite database. Nothing was changed. Check the path" in _check_is_one_line(done)


@pytest.mark.parametrize("command", _OF_FILE, ids=lambda command: command.words)
def test_a_lost_key(run: Run, chats: Chats, command: Command) -> None:
    """Reading shows all but contents, deleting needs no key, and the rest says how to give it."""
    lost = command._replace(words=command.words.replace("plain", "secret").replace("draft", "main"))
    lost = lost._replace(words=" ".join(word for word in lost.words.split() if not word.endswith("=KEY")))
    lost = lost._replace(words=lost.words.removesuffix(" --key-file"))
    done = run(*_arguments(lost, chats.url, chats))
    assert CANARY not in done.out + done.err
    needs_none = {
        "list", "show", "tree", "watch", "stats", "usage", "purge", "verify", "retain", "erase", "vacuum", "adopt",
    }  # fmt: skip
    if lost.words.split()[0] in needs_none or lost.words.startswith("branch list"):
        assert (done.code, "Error" in done.err) == (0, False)
    elif done.code == 2:
        # Refused before the key is asked for: a branch that must stay, and plain text that was not asked for.
        assert lost.words.split()[0] in ("branch", "export")
    else:
        assert done.code == 4
        assert "Give the key with --key-file FILE, in SESSIONS_KEY, or with --ask-key." in _check_is_one_line(done)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.words)
def test_a_server_that_is_down(run: Run, chats: Chats, command: Command) -> None:
    url = f"postgresql://somebody:{_SECRET}@127.0.0.1:{free_port()}/chats"
    done = run(*_arguments(command, url, chats), "--wait", "0")
    # The first line of an export is written before anything is read.
    assert (done.code, done.out.count("\n")) == (3, int(command.words.startswith("export")))
    line = _check_is_one_line(done)
    assert "is unreachable or refuses writes now. Nothing was changed" in line
    assert line.endswith("Run the command again when the server is up, or wait longer with --wait SECONDS.")


@pytest.mark.parametrize("command", _OF_FILE, ids=lambda command: command.words)
def test_a_disk_that_is_mounted_read_only(chats: Chats, command: Command) -> None:
    _needs_mounts()
    folder = shlex.quote(str(chats.path.parent))
    script = f"mount --bind {folder} {folder} && mount -o remount,ro,bind {folder} && "
    done = _within(script, _arguments(command, chats.url, chats))
    assert done.returncode == 3, done.stdout + done.stderr
    line = _check_is_one_line(done)
    assert "Nothing was changed" in line
    assert "If its disk is mounted read-only, copy the database with its -wal file to a folder" in line


@pytest.mark.parametrize(
    ("command", "left"),
    [(command, left) for command in _OF_FILE for left in (0, 100_000) if command.writes or not left],
    ids=lambda value: value.words if isinstance(value, Command) else f"{value} bytes left",
)
def test_a_full_disk(chats: Chats, command: Command, left: int, tmp_path: Path) -> None:
    """Reading goes on as long as there is room for SQLite's own files; changes are made whole, or not at all."""
    _needs_mounts()
    disk = tmp_path / "disk"
    disk.mkdir()
    size = -(-chats.path.stat().st_size // 4096) * 4096 + left
    there = chats._replace(path=disk / chats.path.name)
    source, target = shlex.quote(str(chats.path)), shlex.quote(str(disk))
    script = f"mount -t tmpfs -o size={size} full {target} && cp {source} {target} && "
    done = _within(script, _arguments(command, there.url, chats))
    assert done.returncode in (0, 1, 3), done.stdout + done.stderr
    if done.returncode == 3:
        line = _check_is_one_line(done)
        assert "full" in line or "space" in line, line
        assert "Free some space on that disk, then run the command again." in line
    elif done.returncode == 1:
        assert "could not be rewritten (database or disk is full)" in done.stdout
    if not left:
        assert done.returncode == 3


@cache
def _can_mount() -> bool:
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return False
    done = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "x", "/mnt"], capture_output=True, check=False)
    return done.returncode == 0


def _needs_mounts() -> None:
    if not _can_mount():
        pytest.skip("nothing can be mounted here: not Linux, or not root")


def _within(script: str, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command after a script, in which mounts are its own."""
    command = [sys.executable, "-m", "agent_session_store", *arguments]
    environment = {name: value for name, value in os.environ.items() if name not in ("SESSIONS_KEY", "COLUMNS")}
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", script + shlex.join(command)],
        capture_output=True, text=True, check=False, timeout=100, env=environment,
    )  # fmt: skip
