"""Conversations as Markdown: readable, and inert whatever they contain."""

from __future__ import annotations

import asyncio
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from sessions import PlainTextRefusedError, UnknownSessionError, generate_key, open_store
from sessions.session.markdown import escaped, fenced

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_TRICKY = st.text(st.sampled_from("`~<>&/\\*_[](){}#+-.!|:@$ ='\"\n\r\tab1\x1b\u202e\u2028é"), max_size=40)
_OURS = {"h1", "h2", "ul", "li", "p", "strong", "pre", "code", "details", "summary"}


class _Seen(HTMLParser):
    """All tags of a page, and the text of its blocks of code."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.blocks: list[str] = []
        self.headings: list[str] = []
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        self._open.append(tag)
        if tag in ("pre", "h1"):
            (self.blocks if tag == "pre" else self.headings).append("")

    def handle_endtag(self, tag: str) -> None:
        self._open.remove(tag)

    def handle_data(self, data: str) -> None:
        if "pre" in self._open:
            self.blocks[-1] += data
        elif "h1" in self._open:
            self.headings[-1] += data


def rendered(text: str) -> _Seen:
    """Return a page as CommonMark with tables, strikethrough and links renders it, with raw HTML."""
    return _Seen(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text))


@given(_TRICKY)
def test_a_block_shows_exactly_its_text(text: str) -> None:
    """
    Fails without: session/markdown.py, `_FENCES`.
    """
    seen = rendered(f"before\n\n{fenced(text)}\n\nafter")
    assert seen.tags == {"p", "pre", "code"}
    (block,) = seen.blocks
    shown = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x1b", "\ufffd").replace("\u202e", "\ufffd")
    assert block == (shown if shown.endswith("\n") else shown + "\n")


@given(_TRICKY)
def test_a_name_is_no_markdown(text: str) -> None:
    """
    Fails without: session/markdown.py, `_PUNCTUATION`.
    """
    seen = rendered(f"# x{escaped(text)}x\n")
    assert seen.tags == {"h1"}
    assert seen.headings == [f"x{' '.join(text.split())}x".replace("\x1b", "\ufffd").replace("\u202e", "")]


async def _export(**options: Any) -> str:
    async with open_store("sqlite://") as store:
        session = store.session("s", owner=("acme", "ann"))
        await session.add_items([{"role": "user", "content": options.get("text", "hello")}])
        name = options.get("name", "look")
        await session.add_items(
            [
                {"type": "function_call", "call_id": "1", "name": name, "arguments": f'{{"a": "{name}"}}'},
                {"type": "function_call_output", "call_id": "1", "output": "found"},
                {"role": "assistant", "content": [{"type": "output_text", "text": "It is there."}]},
                {"role": "user", "content": [{"type": "input_image", "image_url": "data:x"}]},
            ]
        )
        await session.handover("carol", note="</details>")
        await session.undo()
        await session.as_author(options.get("author", "bob")).add_items([{"role": "user", "content": "more"}])
        await session.set_info(title=options.get("title", "Trip"), tags=["a b", "<c>"], archived=True)
        await store.session("other").add_items([{"role": "user", "content": f"{number}"} for number in range(450)])
        return b"".join([piece async for piece in store.export_lines(format="markdown")]).decode()


async def test_the_current_branch_can_be_read() -> None:
    text = await _export()
    assert text.startswith("# Trip\n\n- Session: s\n- Branch: main\n")
    assert "- Owner: acme \\/ ann\n- Tags: a b, \\<c\\>\n- Archived\n" in text
    assert re.search(r"\n## Turn 1\n\n\*\*user\*\* · \d{4}-\d\d-\d\d [\d:]{8} UTC\n\n```text\nhello\n```\n", text)
    assert re.search(r"<details><summary>tool_call look · [^<]+</summary>\n\n```json\n{\n", text)
    assert "```text\nIt is there.\n```" in text
    assert re.search(r"\n## Turn 2\n\n\*\*user\*\* · bob · ", text)
    assert "image" not in text, "undone"
    numbers = re.findall(r"```text\n(\d+)\n```", text)
    assert numbers == [f"{number}" for number in range(450)]


_MESSAGE = st.text(st.sampled_from("`<>&/*_[]()#\n\rab "), min_size=1, max_size=20).filter(str.strip)


@given(_MESSAGE, _MESSAGE)
def test_nothing_that_was_said_is_taken_for_markdown_or_html(text: str, name: str) -> None:
    page = asyncio.run(_export(text=text, name=name, author=f"*{name}*", title=f"<script>{name}</script>"))
    seen = rendered(page)
    assert seen.tags == _OURS
    assert {name for name, _ in seen.attributes} == {"class"}
    assert seen.blocks[0].rstrip("\n") == text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


async def test_what_is_refused(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path}/a.db", encryption_key=generate_key()) as store:
        await store.session("s").add_items([{"role": "user", "content": "SECRET"}])
        path = tmp_path / "s.md"
        for ids in (None, ["s"]):
            with pytest.raises(PlainTextRefusedError):
                await store.export_sessions(path, ids, format="markdown")
        with pytest.raises(UnknownSessionError):
            await store.export_sessions(path, ["x"], format="markdown")
        with pytest.raises(ValueError, match="cannot be resumed"):
            await store.export_sessions(path, format="markdown", resume=True)
        with pytest.raises(ValueError, match="no cursor"):
            store.export_lines(format="markdown", after="1")
        assert not list(tmp_path.glob("*.md*"))
        done = await store.export_sessions(path, format="markdown", plain=True)
        assert (done.sessions, done.entries, done.size) == (1, 1, path.stat().st_size)
        assert "SECRET" in path.read_text()
