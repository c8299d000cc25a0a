"""The links and anchors of an HTML page."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Attributes = list[tuple[str, str | None]]


class Page(HTMLParser):
    """What a page leads to, what it loads, and the places that links may lead to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        """Targets of `<a href>`."""
        self.loaded: list[str] = []
        """Targets of everything that a browser loads with the page."""
        self.anchors: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        """Note a tag's links."""
        for name, value in attrs:
            if value is None:
                continue
            if name in {"id", "name"}:
                self.anchors.add(value)
            elif name == "href":
                (self.links if tag == "a" else self.loaded).append(value)
            elif name in {"src", "srcset", "data", "poster", "action"}:
                self.loaded.append(value)

    def inner(self) -> Iterator[tuple[str, str]]:
        """Yield the path and the anchor of each link that leads to no other site."""
        for link in self.links:
            if "://" not in link:
                path, _, anchor = link.partition("#")
                yield path, anchor
