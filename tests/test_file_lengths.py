"""No file of the package is so long that it must hold several concepts."""

from __future__ import annotations

from pathlib import Path
from statistics import median

_PACKAGE = Path(__file__).parents[1] / "sessions"


def test_files_have_at_most_350_lines_and_half_of_them_fewer_than_150() -> None:
    """Contracts may be longer, as each is one list of promises.

    Fails without: memory/writing.py, memories/common.py, session/adding.py, which took parts of files that had grown.
    """
    files = [path for path in _PACKAGE.rglob("*.py") if "testing" not in path.parts]
    lengths = {str(path.relative_to(_PACKAGE)): path.read_text(encoding="utf-8").count("\n") for path in files}
    assert {name: length for name, length in lengths.items() if length > 350} == {}
    assert median(lengths.values()) < 150
