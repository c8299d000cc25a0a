"""The servers of a test run that is interrupted end with it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

_ENDS_WITHIN = 60.0
_STARTS_A_SERVER = """
import sys
from pathlib import Path
from tests.sql.servers import running_{kind}

with running_{kind}(Path(sys.argv[1])) as server:
    print("runs", flush=True)
    sys.stdin.read()
"""


def _processes_of(folder: Path) -> list[int]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if any(f"{folder}/" in word for word in words):
            found.append(process.pid)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_a_server_ends_with_the_process_that_started_it(
    kind: str, public_folder: Path, request: pytest.FixtureRequest
) -> None:
    """Fails without: `end_with_us` in servers of tests."""
    request.getfixturevalue(kind)  # Skipped where there is none.
    folder = public_folder / f"interrupted-{kind}-{os.getpid()}"
    with subprocess.Popen(
        [sys.executable, "-c", _STARTS_A_SERVER.format(kind=kind), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"runs\n"
        assert _processes_of(folder)
        program.kill()
    deadline = time.monotonic() + _ENDS_WITHIN
    while folder.exists() or _processes_of(folder):
        assert time.monotonic() < deadline, "the server still runs"
        time.sleep(0.1)
