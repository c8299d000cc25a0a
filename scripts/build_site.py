"""Builds the documentation as a site, with Zensical.

The pages are those of docs/, and others of the repository that belong to the documentation. Their links are relative to
the repository, so that they work there. The site has a copy of the examples; links to other files of the repository
become its addresses. The order of the pages is that of docs/index.md.

A server shows 404.html at any path, so its links begin at the top of the server. If the site is in a folder there, pass
the site's address.
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

PROJECT_PAGES = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "examples/README.md": "examples.md",
}
"""Pages of the repository outside docs/, and their names on the site."""

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
    if str(path) in PROJECT_PAGES:
        return PROJECT_PAGES[str(path)]
    if path.parts[0] == "examples" and (ROOT / path).is_file():
        return str(path)
    if path.parts == ("README.md",):
        return "index.md"
    if path.parts[0] == "docs" and len(path.parts) > 1:
        return str(path.relative_to("docs"))
    return f"{repository()}/blob/main/{path}"


def navigation() -> dict[str, dict[str, str]]:
    """Return the groups of docs/index.md, each with the titles of its pages and their files, in its order."""
    groups = _GROUP.findall((DOCS / "index.md").read_text(encoding="utf-8"))
    return {name: {title: _on_site(page, "docs") for title, page in _ENTRY.findall(listed)} for name, listed in groups}


def _config(address: str | None) -> str:
    """Return zensical.toml with the order of the pages, and the site's address if that is known."""
    nav = ['{ "Home" = "index.md" }']
    for name, pages in navigation().items():
        listed = ", ".join(f"{{ {json.dumps(title)} = {json.dumps(page)} }}" for title, page in pages.items())
        nav.append(f"{{ {json.dumps(name)} = [{listed}] }}")
    config = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    known = "" if address is None else f"site_url = {json.dumps(address)}\n"
    return config.replace("[project]\n", f"[project]\nnav = [{', '.join(nav)}]\n{known}", 1)


def _copy(page: Path, to: Path) -> None:
    folder = str(page.parent.relative_to(ROOT))
    text = _LINK.sub(lambda link: _on_site(link[1], folder), page.read_text(encoding="utf-8"))
    to.write_text(text, encoding="utf-8")


def build(folder: Path, address: str | None = None) -> None:
    """Build the site in a folder, replacing that; raises ``CalledProcessError`` if there is any warning."""
    with TemporaryDirectory() as temporary:
        work = Path(temporary)
        shutil.copytree(DOCS, work / "docs")
        for page in DOCS.glob("*.md"):
            _copy(page, work / "docs" / page.name)
        for name, here in PROJECT_PAGES.items():
            _copy(ROOT / name, work / "docs" / here)
        (work / "zensical.toml").write_text(_config(address), encoding="utf-8")
        subprocess.run([sys.executable, "-m", "zensical", "build", "--strict", "--clean"], cwd=work, check=True)
        examples = work / "site" / "examples"
        examples.mkdir()
        for example in (ROOT / "examples").iterdir():
            if example.suffix in {".py", ".html", ".txt"}:
                shutil.copy(example, examples)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.move(work / "site", folder)


if __name__ == "__main__":
    folder_and_address = sys.argv[1:] or [str(ROOT / "site")]
    build(Path(folder_and_address[0]), *folder_and_address[1:])
    sys.stdout.write(f"{folder_and_address[0]}/index.html\n")
