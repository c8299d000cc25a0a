"""Notes on tests, "Fails without: file, code": the files that they name exist, so that a reader finds the code."""

from __future__ import annotations

import re
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_NOTE = re.compile(r"Fails without: .*?(?=\"\"\"|\n\s*\n|\n(?!\s*# )(?=\S))", re.DOTALL)


def test_the_files_that_notes_name_exist() -> None:
    paths = [*_ROOT.glob("*.py"), *_ROOT.glob("scripts/*.py"), *_ROOT.joinpath("sessions").rglob("*.py")]
    sources = [f"/{path.relative_to(_ROOT)}" for path in paths]
    notes = {path: _NOTE.findall(path.read_text(encoding="utf-8")) for path in _ROOT.joinpath("tests").rglob("*.py")}
    named = [(str(path), file) for path, found in notes.items() for note in found for file in _files(note)]
    assert len(named) > 200
    assert [one for one in named if not any(source.endswith(f"/{one[1]}") for source in sources)] == []


def _files(note: str) -> list[str]:
    return re.findall(r"[\w/]+\.py", note)
