"""Python programs in processes of their own: tests talk to them line by line, stop them and kill them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

HANGS_AFTER = 60.0
"""Seconds after which a program is taken to hang. Nothing passes or fails by being fast."""

_PREAMBLE = """
import asyncio, logging, os, sys
from sessions import SQLiteSession

# In development mode it warns of what took long.
logging.getLogger("asyncio").setLevel(logging.ERROR)

def say(*words):
    print(*words, flush=True)

def heard():
    return sys.stdin.readline().strip()

def add(session, *items, **options):
    asyncio.run(session.add_items(list(items), **options))

def items(session):
    return asyncio.run(session.get_items())

path = sys.argv[1] if len(sys.argv) > 1 else None
"""


class Program:
    """A running program; killed when the block ends, if it still runs.

    Args:
        text: The program, after a preamble that imports what programs here need. Its first argument is `path`.
        *arguments: What it finds in ``sys.argv``.
        log: Where its standard error goes.
        options: What the interpreter is started with.
    """

    def __init__(self, text: str, *arguments: object, log: Path, options: tuple[str, ...]) -> None:
        self._log = log
        with log.open("w") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, *options, "-c", _PREAMBLE + textwrap.dedent(text), *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def hear(self) -> str:
        """Return the next line it says; an empty text if it has ended."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def expect(self, words: str) -> None:
        """Wait for the next line, which is `words`."""
        assert self.hear() == words, self.errors()

    def say(self, words: str = "") -> None:
        """Give it a line to hear."""
        assert self._process.stdin is not None
        self._process.stdin.write(words + "\n")
        self._process.stdin.flush()

    def finish(self) -> list[str]:
        """Wait for it to end well, without a word on standard error; return the lines not heard yet."""
        try:
            said, _ = self._process.communicate(timeout=HANGS_AFTER)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the program hangs; {self.errors()}") from None
        ended = (self._process.returncode, self.errors())
        assert ended == (0, ""), ended
        return said.splitlines()

    def wait_until_stopped(self) -> None:
        """Wait until it has stopped itself with SIGSTOP."""
        _, status = os.waitpid(self._process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), self.errors()

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> list[str]:
        """End it as ``kill -9`` does; return the lines not heard yet."""
        self._process.kill()
        said, _ = self._process.communicate()
        return said.splitlines()

    def errors(self) -> str:
        """Return the end of what it wrote to standard error."""
        return self._log.read_text()[-2000:]
