"""The site is built without a warning, has every page, has no broken link, and loads nothing from elsewhere."""

from __future__ import annotations

import re
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from scripts.build_site import DOCS, PROJECT_PAGES, build, navigation, repository
from tests.pages import ROOT

from .links import Page

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    return {path.name: Page(path.read_text(encoding="utf-8")) for path in site.glob("*.html")}


def test_every_page_is_listed_once_in_the_index() -> None:
    listed = [page for group in navigation().values() for page in group.values()]
    assert sorted([*listed, "index.md"]) == sorted(
        [*(path.name for path in DOCS.glob("*.md")), *PROJECT_PAGES.values()]
    )


def test_every_link_leads_to_a_page_and_a_place_on_it(pages: dict[str, Page], site: Path) -> None:
    broken = []
    for name, page in pages.items():
        for path, anchor in page.inner():
            target = pages.get(path.removeprefix("./") or name)
            if target is None and not anchor and (site / path).is_file():
                continue  # An example, as it is.
            # The page for what was not found is served at any path, so its own links begin at the top.
            if name != "404.html" and (target is None or (anchor and anchor not in target.anchors)):
                broken.append(f"{name}: {path}#{anchor}")
    assert broken == []


def test_no_page_leads_to_the_repository(pages: dict[str, Page]) -> None:
    """Its address is a placeholder; the site has all files that pages name."""
    assert [link for page in pages.values() for link in page.links if link.startswith(repository())] == []


def test_the_site_has_every_example(site: Path, pages: dict[str, Page]) -> None:
    for example in (ROOT / "examples").glob("*.py"):
        assert (site / "examples" / example.name).read_bytes() == example.read_bytes()
    assert "examples/runner.py" in pages["examples.html"].links
    assert "examples.html" in pages["index.html"].links


def test_a_site_in_a_folder_of_a_server_finds_its_own_pages(tmp_path: Path) -> None:
    """The page for what was not found can be shown at any path."""
    build(tmp_path / "site", "https://docs.example/some/folder/")
    lost = Page((tmp_path / "site" / "404.html").read_text(encoding="utf-8"))
    used = [link for link in [*lost.links, *lost.loaded] if not link.startswith(("#", "http", "data:"))]
    assert "/some/folder/quickstart.html" in used
    assert [link for link in used if not link.startswith("/some/folder/")] == []


def test_a_page_loads_nothing_from_elsewhere(pages: dict[str, Page], site: Path) -> None:
    for page in pages.values():
        assert page.loaded
        assert [url for url in page.loaded if re.match(r"(?:[a-z]+:)?//", url)] == []
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert "@import" not in text
        assert re.findall(r"url\(\s*['\"]?(?:https?:)?//", text) == []


def test_a_browser_asks_nobody_else(site: Path, pages: dict[str, Page], browser: Browser) -> None:
    """Scripts could load more than the pages name: a browser shows what they do."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        start = f"http://127.0.0.1:{server.server_port}/"
        tab = browser.new_page()
        asked: list[str] = []
        tab.on("request", lambda request: asked.append(request.url))
        for name in sorted(pages):
            tab.goto(start + name, wait_until="networkidle" if name == "index.html" else "load")
        tab.close()
        server.shutdown()
    assert len(asked) > len(pages)
    assert [url for url in asked if not url.startswith((start, "data:"))] == []
