"""A folder on a disk that loses its power, or has no room: `losable_disk` tells how, without pulling a plug."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from .programs import HANGS_AFTER

if TYPE_CHECKING:
    from collections.abc import Iterator


class Disk(NamedTuple):
    """A mounted disk.

    Attributes:
        mount: The folder to work in.
        platter: What is left after a loss of power.
        process: The file system.
    """

    mount: Path
    platter: Path
    process: subprocess.Popen[bytes]

    def lose_power(self) -> None:
        self.process.kill()
        self.process.wait()

    def double_room(self) -> None:
        self.process.send_signal(signal.SIGUSR1)


@pytest.fixture
def room() -> int:
    return 1 << 30


@pytest.fixture
def disk(tmp_path: Path, room: int) -> Iterator[Disk]:
    if not Path("/dev/fuse").exists():
        pytest.skip("losing power takes FUSE, and /dev/fuse is missing")
    if shutil.which("fusermount3") is None:
        pytest.skip("losing power takes FUSE, and fusermount3 is missing: install fuse3")
    mount, platter, log = tmp_path / "mount", tmp_path / "platter", tmp_path / "disk.log"
    mount.mkdir()
    platter.mkdir()
    program = Path(__file__).with_name("losable_disk.py")
    with log.open("w") as errors:
        process = subprocess.Popen([sys.executable, program, mount, platter, str(room)], stderr=errors)
    try:
        deadline = time.monotonic() + HANGS_AFTER
        while not os.path.ismount(mount):
            if process.poll() is not None:
                pytest.skip(f"losing power takes FUSE, which refuses: {log.read_text().strip().splitlines()[-1]}")
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield Disk(mount, platter, process)
    finally:
        process.kill()
        process.wait()
        subprocess.run(["fusermount3", "-u", "-z", mount], check=False, capture_output=True)
