"""Runs the programs of examples/ as a stranger does: from another folder, in a terminal of 80 columns, offline."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
NO_NETWORK = '''
"""Python imports this when it starts: a program that looks up a host or connects to one ends at once."""
import os, sys

def refuse(event, args):
    if event in {"socket.connect", "socket.getaddrinfo"}:
        os.write(2, f"{event} {args}".encode())
        os._exit(99)

sys.addaudithook(refuse)
'''


@dataclass(frozen=True)
class Place:
    """An empty folder to run programs in, without a network unless it is allowed."""

    folder: Path
    network: bool = False

    def environment(self, **more: str) -> dict[str, str]:
        """Return the variables that a program sees."""
        first = self.folder / ("with-network" if self.network else "without-network")
        first.mkdir(exist_ok=True)
        if not self.network:
            (first / "sitecustomize.py").write_text(NO_NETWORK, encoding="utf-8")
        paths = [str(first), *filter(None, [os.environ.get("PYTHONPATH")]), str(ROOT)]
        return {
            "COLUMNS": "80",
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONWARNINGS": "error",
            "TMPDIR": str(self.folder),
            **more,
        }

    def run(
        self, program: str, *arguments: str, typed: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end, with what somebody types."""
        return subprocess.run(
            [sys.executable, str(EXAMPLES / program), *arguments],
            cwd=self.folder,
            env=self.environment(**environment),
            input=typed,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    def output_of(self, program: str, *arguments: str, **environment: str) -> str:
        """Run a program, which must succeed and complain of nothing, and return what it printed."""
        done = self.run(program, *arguments, **environment)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout
