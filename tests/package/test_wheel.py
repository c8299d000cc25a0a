"""The wheel holds the package, its types and its command, and its metadata has the addresses of one repository."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from email.parser import Parser
from typing import TYPE_CHECKING

from .conftest import ROOT

if TYPE_CHECKING:
    from email.message import Message
    from pathlib import Path
    from zipfile import ZipFile


def _metadata(wheel: ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def test_the_wheel_has_the_modules_and_their_types(wheel: ZipFile) -> None:
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "sessions").rglob("*.py")}
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == sources | {"sessions/py.typed", "agent_session_store.py"}


def test_the_addresses_are_those_of_the_one_repository(wheel: ZipFile) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    repository = project["tool"]["hatch"]["metadata"]["hooks"]["custom"]["repository"]
    urls = dict(url.split(", ") for url in _metadata(wheel).get_all("Project-URL", []))
    assert urls.keys() == {"Changelog", "Documentation", "Issues", "Repository"}
    for url in urls.values():
        assert url.startswith(repository)
        inside = url.removeprefix(repository).removeprefix("/blob/main/")
        assert inside in {"", "/issues"} or (ROOT / inside).is_file()


def test_the_command_runs_from_an_installed_wheel(wheel: ZipFile, tmp_path: Path) -> None:
    """From a folder that has nothing but what the wheel puts there, as in site-packages."""
    wheel.extractall(tmp_path)
    command = [sys.executable, "-m", "agent_session_store", "--version"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == f"agent-session-store {_metadata(wheel)['Version']}\n"
    scripts = next(name for name in wheel.namelist() if name.endswith("/entry_points.txt"))
    assert "sessions = agent_session_store:main" in wheel.read(scripts).decode()
