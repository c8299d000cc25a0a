"""Ends the servers of a test process that has ended without doing so itself, as one that is killed does.

Run as a program: it reads folders line by line and, once nobody can write any more, ends the processes whose command
lines name one of them, and removes what they left.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

_PATIENCE = 30.0
"""Seconds for an orderly end, which a server's own children need."""


def main() -> None:
    """Wait for the end of the process that started this, then end its servers."""
    folders = [line.rstrip("\n") for line in sys.stdin]
    for folder in folders:
        deadline = time.monotonic() + _PATIENCE
        for process in _processes_of(folder):
            _signal(process, signal.SIGQUIT)  # At once, but in order, for all of them.
        while (left := _processes_of(folder)) and time.monotonic() < deadline:
            time.sleep(0.1)
        for process in left:
            _signal(process, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


def _processes_of(folder: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            process = int(entry.name)
            words = entry.joinpath("cmdline").read_bytes().split(b"\0")
            if process != os.getpid() and any(f"{folder}/".encode() in word for word in words):
                found.append(process)
    return found


def _signal(process: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, number)


if __name__ == "__main__":
    main()
