"""``python -m tests.cli`` writes the outputs of docs/command-line.md anew, to be read before they are committed."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from .page import write

if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        write(Path(folder))
