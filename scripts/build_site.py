"""Builds the documentation as a site, with Zensical.

The pages are those of docs/, and those at the top of the repository that belong to the documentation. Their links are
relative to the repository, so that they work there; for the site, links to other files of the repository become its
addresses. The order of the pages is that of docs/index.md.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path, PurePosixPath
from posixpath import normpath
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"

PROJECT_PAGES = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md"}
"""Pages at the top of the repository, and their names on the site."""

_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")
_GROUP = re.compile(r"^## (.+)\n((?:\n|- .*\n|  .*\n)+)", re.MULTILINE)
_ENTRY = re.compile(r"^- \[([^\]]+)\]\(([^)]+)\)", re.MULTILINE)


def repository() -> str:
    """Return the repository's address, which stands in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["tool"]["hatch"]["metadata"]["hooks"]["custom"]["repository"])


def _on_site(target: str, folder: str) -> str:
    """Return where a link of a page in a folder of the repository leads on the site."""
    path = PurePosixPath(normpath(f"{folder}/{target}"))
    if path.name in PROJECT_PAGES and len(path.parts) == 1:
        return PROJECT_PAGES[path.name]
    if path.parts == ("README.md",):
        return "index.md"
    if path.parts[0] == "docs" and len(path.parts) > 1:
        return str(path.relative_to("docs"))
    return f"{repository()}/blob/main/{path}"


def navigation() -> dict[str, dict[str, str]]:
    """Return the groups of docs/index.md, each with the titles of its pages and their files, in its order."""
    groups = _GROUP.findall((DOCS / "index.md").read_text(encoding="utf-8"))
    return {name: {title: _on_site(page, "docs") for title, page in _ENTRY.findall(listed)} for name, listed in groups}


def _config() -> str:
    """Return zensical.toml with the order of the pages."""
    nav = ['{ "Home" = "index.md" }']
    for name, pages in navigation().items():
        listed = ", ".join(f"{{ {json.dumps(title)} = {json.dumps(page)} }}" for title, page in pages.items())
        nav.append(f"{{ {json.dumps(name)} = [{listed}] }}")
    config = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    return config.replace("[project]\n", f"[project]\nnav = [{', '.join(nav)}]\n", 1)


def _copy(page: Path, to: Path) -> None:
    folder = str(page.parent.relative_to(ROOT))
    text = _LINK.sub(lambda link: _on_site(link[1], folder), page.read_text(encoding="utf-8"))
    to.write_text(text, encoding="utf-8")


def build(folder: Path) -> None:
    """Build the site in a folder, replacing that; raises ``CalledProcessError`` if there is any warning."""
    with TemporaryDirectory() as temporary:
        work = Path(temporary)
        shutil.copytree(DOCS, work / "docs")
        for page in DOCS.glob("*.md"):
            _copy(page, work / "docs" / page.name)
        for name, here in PROJECT_PAGES.items():
            _copy(ROOT / name, work / "docs" / here)
        (work / "zensical.toml").write_text(_config(), encoding="utf-8")
        subprocess.run([sys.executable, "-m", "zensical", "build", "--strict", "--clean"], cwd=work, check=True)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.move(work / "site", folder)


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "site")
    build(target)
    sys.stdout.write(f"{target}/index.html\n")
