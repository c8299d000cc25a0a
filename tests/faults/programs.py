"""Python programs in processes of their own: tests talk to them line by line, stop them and kill them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

HANGS_AFTER = 60.0
"""Seconds after which a program is taken to hang. Nothing passes or fails by being fast."""

_PREAMBLE = """
import asyncio, logging, os, signal, sys, threading
from sessions import SQLiteSession

# In development mode it warns of what took long.
logging.getLogger("asyncio").setLevel(logging.ERROR)

def say(*words):
    print(*words, flush=True)

def stop():
    # A signal to the process may be another thread's to take, and this one would go on meanwhile: where that thread
    # waited for a processor, this one committed what it was to be stopped before.
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)

def die_before(statement):
    # Of the statements that are to come and change something, this is the number of the one that is not reached.
    from sessions.db.sqlite.transaction import SQLiteTransaction
    left = iter(range(statement))

    def or_die(method):
        def run(*arguments, **values):
            if next(left, None) is None:
                os.kill(os.getpid(), 9)
            return method(*arguments, **values)
        return run

    SQLiteTransaction.run, SQLiteTransaction.many = or_die(SQLiteTransaction.run), or_die(SQLiteTransaction.many)

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
                start_new_session=True,  # A group of its own, so that its children can be killed with it.
            )
        self._said: SimpleQueue[str | None] = SimpleQueue()
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def hear(self) -> str:
        """Return the next line it says; an empty text if it has ended."""
        try:
            line = self._said.get(timeout=HANGS_AFTER)
        except Empty:
            raise AssertionError(f"the program says nothing; {self.errors()}") from None
        if line is None:
            self._said.put(None)
        return line or ""

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
            self._process.wait(HANGS_AFTER)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the program hangs; {self.errors()}") from None
        ended = (self._process.returncode, self.errors())
        assert ended == (0, ""), ended
        return self.kill()

    def wait_until_stopped(self) -> None:
        """Wait until it has stopped itself with SIGSTOP."""
        _, status = os.waitpid(self._process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), self.errors()

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def kill(self) -> list[str]:
        """End it and its children as ``kill -9`` does, if they have not ended; return the lines not heard yet."""
        if self._process.poll() is None or self._listener.is_alive():  # Else its number may be another's by now.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._listener.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        return list(iter(self.hear, ""))

    def errors(self) -> str:
        """Return the end of what it wrote to standard error."""
        return self._log.read_text()[-2000:]

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.put(line.strip())
        self._said.put(None)
