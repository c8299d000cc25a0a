"""The pages of the architecture are true: their paths, folders, tables and dependencies; and all pages' paths exist."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sessions.checkpoints.schema import CHECKPOINTS
from sessions.log.schema import LOG
from sessions.memory.schema import MEMORY

if TYPE_CHECKING:
    from sessions.db.schema import Schema

_ROOT = Path(__file__).parents[1]
_ARCHITECTURE = _ROOT / "docs" / "architecture.md"
_OF_CODE = {_ARCHITECTURE, *(_ROOT / "docs").glob("architecture-*.md")}
_PAGES = [_ROOT / "README.md", _ROOT / "CONTRIBUTING.md", _ROOT / "SECURITY.md", *sorted((_ROOT / "docs").glob("*.md"))]
_SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def _sections(page: Path = _ARCHITECTURE) -> dict[str, str]:
    return {match[1]: match[2] for match in _SECTION.finditer(page.read_text(encoding="utf-8"))}


def _paths(text: str, *, bare: bool) -> set[str]:
    """Return the paths between backticks: files with an ending of ours, and folders, which end with a slash.

    Args:
        text: A page.
        bare: Also those of one part; on pages for users, these may be files of theirs.
    """
    found = set(re.findall(r"`([\w.-]+(?:/[\w.-]+)*(?:\.py|\.md|\.toml|/))`", text))
    return {path for path in found if bare or "/" in path}


def _exists(path: str) -> bool:
    """Tell whether a path is there, from the top of the repository or from `sessions/`; folders only with a slash."""
    places = (_ROOT / path, _ROOT / "sessions" / path)
    return any(place.is_dir() if path.endswith("/") else place.is_file() for place in places)


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_paths_on_a_page_exist(page: Path) -> None:
    paths = _paths(page.read_text(encoding="utf-8"), bare=page in _OF_CODE)
    assert [path for path in sorted(paths) if not _exists(path)] == []


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_links_on_a_page_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_the_page_has_paths_at_all() -> None:
    assert len(_paths(_ARCHITECTURE.read_text(encoding="utf-8"), bare=True)) > 50


def test_every_folder_has_its_line_among_the_floors() -> None:
    sources = _ROOT / "sessions"
    folders = {f"{path.parent.relative_to(sources)}/" for path in sources.rglob("*.py")} - {"./"}
    # Folders below these two have the noun of their feature.
    named = {folder for folder in folders if not re.match(r"(testing|blocking)/.", folder)}
    assert named - _paths(_sections()["Floors"], bare=True) == set()


@pytest.mark.parametrize(("page", "schema"), [("log", LOG), ("memories", MEMORY), ("checkpoints", CHECKPOINTS)])
def test_every_table_has_its_line(page: str, schema: Schema) -> None:
    tables = _sections(_ROOT / "docs" / f"architecture-{page}.md")["Tables"]
    rows = re.findall(r"^\| `(\w+)` \|", tables, re.MULTILINE)
    assert sorted(rows) == sorted(table.name for table in schema.tables)


@pytest.mark.parametrize("page", sorted(_OF_CODE), ids=lambda page: page.name)
def test_a_page_of_the_architecture_is_read_in_one_sitting(page: Path) -> None:
    """Fails without: docs/architecture-log.md, to which the ideas behind the log's tables have moved."""
    assert len(page.read_text(encoding="utf-8").splitlines()) <= 250


def test_every_dependency_has_its_reason_and_no_other_is_named() -> None:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"], *chain(*extras.values())]
    needed = {re.match(r"[\w-]+", requirement)[0] for requirement in wanted}  # type: ignore[index]
    named = re.findall(r"^\| ([a-z][\w, -]*?)(?: \(.*?\))? \|", _sections()["Dependencies"], re.MULTILINE)
    assert {name for row in named for name in row.split(", ")} - {"dependency"} == needed
