"""docs/command-line.md: its commands, run in an empty folder, and their outputs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.pages import DOCS, all_blocks, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = "command-line.md"

_VARYING: Final = (
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d"), "2026-12-01 12:00"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+"), "2026-12-01T12:00:00.000000"),
    (re.compile(r"in \d+\.\d s"), "in 0.0 s"),
    (re.compile(r"\('[0-9a-f]{8}'\)"), "('d8e91d5d')"),
    (re.compile(r"[\d,]+ bytes"), "4,096 bytes"),
    (re.compile(r"(bytes +)[\d,]+"), r"\g<1>110,592"),
)
"""Parts of outputs that differ from run to run, and what the page has in their place."""


def outputs(folder: Path) -> Iterator[tuple[str, str]]:
    """Run the page in a folder; yield each block of commands with what they print."""
    for example in blocks(PAGE, "python").values():
        subprocess.run([sys.executable, "-c", example], cwd=folder, check=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    left_out = ("SESSIONS_KEY", "NO_COLOR", "FORCE_COLOR")
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    environment |= {"COLUMNS": "80", "PATH": path, "PYTHONIOENCODING": "utf-8"}
    for commands in blocks(PAGE, "sh").values():
        done = subprocess.run(
            ["sh", "-ec", commands], cwd=folder, env=environment, check=True, text=True, timeout=100,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        yield commands, _shown(done.stdout)


def write(folder: Path) -> None:
    """Write the page again with the outputs of today."""
    text = (DOCS / PAGE).read_text(encoding="utf-8")
    for commands, output in outputs(folder):
        head = f"```sh\n{commands}```\n\n```text\n"
        before, after = text.split(head)
        text = f"{before}{head}{output}```{after.partition('```')[2]}"
    (DOCS / PAGE).write_text(text, encoding="utf-8")


def expected() -> list[tuple[str, str]]:
    """Return each block of commands of the page with the output that follows it."""
    found = [block for block in all_blocks(PAGE) if block.language in ("sh", "text")]
    return [(commands.text, output.text) for commands, output in zip(found[::2], found[1::2], strict=True)]


def _shown(text: str) -> str:
    for pattern, shown in _VARYING:
        text = pattern.sub(shown, text)
    return text
