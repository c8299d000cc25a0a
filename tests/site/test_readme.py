"""README.md: its programs run as they stand, what it measures is measured, and it is whole on the package index."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from fastapi.testclient import TestClient
from readme_renderer import markdown

from hatch_build import readme_for_index
from scripts.build_site import repository
from tests.pages import DOCS, ROOT, blocks

from .links import Page

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    import pytest

_README = ROOT / "README.md"
_RUNNER, _SERVICE = blocks("../README.md", "python").values()


def test_it_is_short() -> None:
    assert len(_README.read_text(encoding="utf-8").splitlines()) < 120


def test_the_program_draws_the_tree(
    folder: Path, answers: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    del folder
    answers(
        "To the Lofoten islands.",
        "By train to Bodø, then by ferry.",
        "About 0 °C, as the sea is warm.",
        "About 15 °C, and the sun does not set.",
    )
    exec(compile(_RUNNER, str(_README), "exec"), {"__name__": "__main__"})  # noqa: S102 - our own page.
    assert [capsys.readouterr().out] == list(blocks("../README.md", "text").values())


def test_the_service_answers_and_undoes(folder: Path, answers: Callable[..., Any]) -> None:
    del folder
    model = answers("To the Lofoten islands.", "By ferry.", "By train.")
    service: dict[str, Any] = {}
    exec(compile(_SERVICE, str(_README), "exec"), service)  # noqa: S102 - our own page.
    with TestClient(service["app"]) as client:
        assert client.post("/chats/1", params={"question": "Where to?"}).json() == "To the Lofoten islands."
        assert client.post("/chats/1", params={"question": "How?"}).json() == "By ferry."
        undone = client.post("/chats/1/undo").json()
        assert undone[0] == {"role": "user", "content": "How?"}
        assert client.post("/chats/1", params={"question": "And how?"}).json() == "By train."
    asked = [item["content"] for item in model.calls[-1].input if item["role"] == "user"]
    assert asked == ["Where to?", "And how?"]


def test_the_factors_are_those_of_the_benchmarks() -> None:
    rows = re.findall(
        r"^\| (.+?) \|.*\| ([\d.]+) \|$", (DOCS / "benchmarks.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    factors = {name.partition("<br>")[0]: factor for name, factor in rows}
    (line,) = (line for line in _README.read_text(encoding="utf-8").splitlines() if line.startswith("| speed"))
    assert re.findall(r"\d\.\d\d", line) == [
        factors["agent turn at 2,000 items: read all, add 2-4, ms"],
        factors["web pattern, 64 tasks: new object, last 20, add 2, requests/s"],
        factors["encrypted: agent turn at 2,000 items: read all, add 2-4, ms"],
    ]


def test_the_commands_are_there() -> None:
    commands = re.findall(r"`(scripts/\w+)`", _README.read_text(encoding="utf-8"))
    assert commands == ["scripts/demo", "scripts/test"]
    assert all(os.access(ROOT / command, os.X_OK) for command in commands)
    help_text = subprocess.run([sys.executable, "-m", "sessions", "--help"], capture_output=True, text=True, check=True)
    assert "migrate" in help_text.stdout


def test_every_link_works_on_the_index() -> None:
    """Rendered by the index's own renderer, with links as the package's metadata has them."""
    html = markdown.render(readme_for_index(_README, repository()))
    assert html is not None
    page = Page(html)
    start = f"{repository()}/blob/main/"
    links = [link for link in page.links if not link.startswith("#")]  # The renderer's own, of each heading.
    assert len(links) > 20
    for link in links:
        path, _, anchor = link.removeprefix(start).partition("#")
        assert link.startswith(start), link
        assert (ROOT / path).is_file(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}, link
