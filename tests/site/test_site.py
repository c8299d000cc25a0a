"""The site is built without a warning, has every page, has no broken link, and loads nothing from elsewhere."""

from __future__ import annotations

import re
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from scripts.build_site import DOCS, PROJECT_PAGES, navigation, repository
from tests.pages import ROOT

from .links import Page

if TYPE_CHECKING:
    from collections.abc import Iterable
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


def test_every_link_leads_to_a_page_and_a_place_on_it(pages: dict[str, Page]) -> None:
    broken = []
    for name, page in pages.items():
        for path, anchor in page.inner():
            target = pages.get(path.removeprefix("./") or name)
            # The page for what was not found is served at any path, so its own links begin at the top.
            if name != "404.html" and (target is None or (anchor and anchor not in target.anchors)):
                broken.append(f"{name}: {path}#{anchor}")
    assert broken == []


def test_links_to_the_repository_lead_to_its_files(pages: dict[str, Page]) -> None:
    links = {link for page in pages.values() for link in page.links if link.startswith(repository())}
    assert links
    assert _missing(links) == []


def _missing(links: Iterable[str]) -> list[str]:
    start = f"{repository()}/blob/main/"
    return [link for link in links if not (ROOT / link.removeprefix(start).partition("#")[0]).exists()]


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
