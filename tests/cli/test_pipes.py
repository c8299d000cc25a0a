"""Output that goes elsewhere: pipes that close, Ctrl-C, full disks, terminals with and without colours."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from rich.cells import cell_len
from rich.text import Text

from .conftest import CANARY

if TYPE_CHECKING:
    from .conftest import Chats

_RUN: Final = [sys.executable, "-m", "agent_session_store"]


def _environment(**more: str) -> dict[str, str]:
    left_out = ("SESSIONS_KEY", "COLUMNS", "NO_COLOR", "FORCE_COLOR", "TERM", "LINES")
    return {name: value for name, value in os.environ.items() if name not in left_out} | more


def _on_terminal(
    *arguments: object, columns: int = 80, typed: str = "", ctrl_c: bool = False, **more: str
) -> tuple[int, str]:
    """Run a command on a terminal; return its exit code and all that it showed. Ctrl-C comes before what is typed."""
    main, other = pty.openpty()
    termios.tcsetwinsize(other, (50, columns))
    command = [*_RUN, *map(str, arguments)]
    environment = _environment(TERM="xterm-256color", **more)
    running = subprocess.Popen(
        command, stdin=other, stdout=other, stderr=other, env=environment, start_new_session=True
    )
    os.close(other)
    shown = b""
    with suppress(OSError):  # So Linux tells that nobody holds the other side any more.
        while part := os.read(main, 65536):
            shown += part
            if typed and shown.rstrip().endswith((b"Key:", b"[y/N]:", b"[y/N]:\x1b[0m")):
                if ctrl_c:
                    running.send_signal(signal.SIGINT)
                    time.sleep(0.5)
                os.write(main, typed.encode())
                typed = ""
    os.close(main)
    return running.wait(timeout=60), shown.decode().replace("\r\n", "\n")


def test_a_reader_that_leaves_ends_the_command_quietly(chats: Chats) -> None:
    """Fails without: cli/common/running.py, `os.dup2`."""
    for words in (["list", chats.url], ["show", chats.url, "plain"], ["tree", chats.url, "plain"], ["--help"]):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [*_RUN, *words], stdout=writer, stderr=subprocess.PIPE, env=_environment(), timeout=60, check=False
        )
        os.close(writer)
        assert (done.returncode, done.stderr) == (141, b""), words


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_output_that_finds_no_room(chats: Chats) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*_RUN, "list", chats.url], stdout=full, stderr=subprocess.PIPE, env=_environment(), timeout=60, check=False
        )
    assert done.returncode == 3
    assert done.stderr == b"Error: No space left on device. Make room on the disk.\n"


def test_ctrl_c_ends_with_130_and_no_traceback(chats: Chats) -> None:
    command = [*_RUN, "watch", chats.url, "plain", "--after", "0", "--nl"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment()) as running:
        assert running.stdout is not None
        assert running.stdout.readline().startswith(b'{"version": 1')
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (130, b"")


def test_ctrl_c_while_the_program_begins_shows_no_traceback() -> None:
    """Fails without: agent_session_store.py, `KeyboardInterrupt`."""
    script = (
        "import sys, agent_session_store\n"
        "class Stops:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'sessions.cli.main': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Stops())\n"
        "sys.exit(agent_session_store.main())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_each_change_is_there_at_once(chats: Chats) -> None:
    """A pipe is not waited for until it is full.

    Fails without: cli/watch.py, `sys.stdout.flush()`.
    """
    command = [*_RUN, "watch", chats.url, "plain", "--nl"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=_environment()) as running:
        assert running.stdout is not None
        # It says nothing until something happens, so what happens has to come after it began.
        deadline = time.monotonic() + 60
        os.set_blocking(running.stdout.fileno(), False)
        line = None
        while not line:
            assert time.monotonic() < deadline
            subprocess.run([*_RUN, "undo", chats.url, "plain", "--branch", "draft"], env=_environment(), check=False)
            subprocess.run([*_RUN, "redo", chats.url, "plain", "--branch", "draft"], env=_environment(), check=False)
            time.sleep(0.2)
            line = running.stdout.readline()
        running.kill()
    assert b'"kind": "undone"' in line or b'"kind": "redone"' in line


def test_a_terminal_gets_colours_unless_they_are_not_wanted(chats: Chats) -> None:
    code, shown = _on_terminal("list", chats.url)
    assert code == 0
    assert "\x1b[1m" in shown
    for words in (["list", chats.url], ["show", chats.url, "plain"], ["tree", chats.url, "plain"]):
        _, plain = _on_terminal(*words, NO_COLOR="1")
        assert "\x1b[3" not in plain
        piped = subprocess.run([*_RUN, *words], capture_output=True, text=True, env=_environment(), check=True).stdout
        assert "\x1b" not in piped


@pytest.mark.parametrize("columns", [20, 40, 80])
@pytest.mark.parametrize(
    "words", [["list"], ["show", "plain"], ["tree", "plain"], ["watch", "plain", "--after", "0", "-n", "4"]]
)
def test_lines_fit_the_terminal(chats: Chats, words: list[str], columns: int) -> None:
    code, shown = _on_terminal(words[0], chats.url, *words[1:], columns=columns, NO_COLOR="1", TERM_PROGRAM="none")
    assert code == 0
    lines = _without_styles(shown).splitlines()
    assert lines
    assert max(map(cell_len, lines)) <= columns


def test_what_deletes_asks_first(chats: Chats) -> None:
    """Fails without: cli/common/asking.py, `click.confirm`."""
    code, shown = _on_terminal("erase", chats.url, "plain", typed="n\n")
    assert (code, "Erase 'plain' for good? [y/N]" in _without_styles(shown)) == (130, True)
    assert "Nothing was done." in shown
    code, shown = _on_terminal("erase", chats.url, "plain", typed="y\n")
    assert (code, "Erased 'plain'" in shown) == (0, True)


@pytest.mark.parametrize(
    "words", [["erase", "plain"], ["purge"], ["show", "secret", "--ask-key"], ["branch delete", "plain", "draft"]]
)
def test_ctrl_c_at_a_question_does_nothing(chats: Chats, words: list[str]) -> None:
    """The answer that is typed after it comes too late. Fails without: cli/common/asking.py, `_interruptible`."""
    before = subprocess.run([*_RUN, "stats", chats.url, "--json"], capture_output=True, check=True).stdout
    code, shown = _on_terminal(*words[0].split(), chats.url, *words[1:], typed="y\n", ctrl_c=True)
    assert code == 130
    assert "Traceback" not in shown
    assert CANARY not in shown
    assert ("Nothing was done." in shown) == ("--ask-key" not in words)
    assert subprocess.run([*_RUN, "stats", chats.url, "--json"], capture_output=True, check=True).stdout == before


def test_a_key_that_nobody_can_type(chats: Chats) -> None:
    done = subprocess.run(
        [*_RUN, "show", chats.url, "secret", "--ask-key"], stdin=subprocess.DEVNULL, capture_output=True, check=False,
        text=True, env=_environment(), start_new_session=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, "nobody can be asked here" in done.stderr, done.stdout) == (4, True, "")


def test_a_key_that_is_typed_is_not_shown(chats: Chats) -> None:
    key = chats.key.read_text()
    code, shown = _on_terminal("show", chats.url, "secret", "--ask-key", typed=f"{key}\n")
    assert code == 0
    assert "canary-in-a-message 1" in shown
    assert key not in shown


def test_other_encodings_lose_nothing_in_json(chats: Chats) -> None:
    add = (
        "import asyncio, sys; from sessions import open_store\n"
        "async def main():\n"
        "    async with open_store(sys.argv[1]) as store:\n"
        "        await store.session('plain').add_items([{'role': 'user', 'content': 'Bod\\u00f8 \\u65e5\\u672c'}])\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", add, chats.url], check=True)
    for words in (["show", chats.url, "plain", "--raw"], ["show", chats.url, "plain"], ["tree", chats.url, "plain"]):
        done = subprocess.run(
            [*_RUN, *words], capture_output=True, env=_environment(PYTHONIOENCODING="latin-1"), check=False
        )
        assert (done.returncode, done.stderr) == (0, b""), words
        if "--raw" in words:
            assert b"Bod\\u00f8 \\u65e5\\u672c" in done.stdout


def _without_styles(text: str) -> str:
    return str(Text.from_ansi(text)) if "\x1b" in text else text
