"""docs/chat-ui.md: its blocks are one program and one page, which a real browser shows."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

from sessions import open_store
from tests.pages import blocks, run_page
from tests.sql.servers import free_port

from .serving import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from playwright.sync_api import Browser

_PAGE = "chat-ui.md"
_BACK = "‹"  # noqa: RUF001 - the page's arrow


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run it in another thread, as Playwright has an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, coroutine).result()


def test_a_conversation_in_the_browser(folder: Path, answers: Callable[..., Any], browser: Browser) -> None:
    answers("To the coast.", "By train.", "By ferry.", "By plane.")
    known: dict[str, Any] = {}
    _run(run_page(_PAGE, known))
    (html,) = blocks(_PAGE, "html").values()
    (folder / "chat.html").write_text(html, encoding="utf-8")
    port = free_port()
    with serving(known["app"], port):
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        lines = page.locator("main p")
        for question, count in (("Where to?", 2), ("How?", 4)):
            page.fill("input", question)
            page.click("text=Send")
            expect(lines).to_have_count(count)
        expect(lines).to_have_text(["Where to?", "To the coast.", "How?", "By train."])

        page.locator("section").nth(1).get_by_text("regenerate").click()
        expect(lines.nth(3)).to_have_text("By ferry.")
        expect(page.locator("section").nth(1)).to_contain_text("2 / 2")
        page.locator("section").nth(1).get_by_text(_BACK).click()
        expect(lines.nth(3)).to_have_text("By train.")

        page.locator("section").first.get_by_text("edit").click()
        page.fill("input", "Where to in winter?")
        page.click("text=Send")
        expect(lines).to_have_text(["Where to in winter?", "By plane."])
        page.locator("section").first.get_by_text(_BACK).click()
        expect(lines).to_have_text(["Where to?", "To the coast.", "How?", "By train."])

        _run(_say_elsewhere())
        expect(lines.nth(4)).to_have_text("Is anybody there?")

        nodes = page.locator("aside li")
        expect(nodes).to_have_count(5)
        expect(page.locator("aside li.active > button")).to_have_text(["Where to?", "How?", "Is anybody there?"])
        page.locator("aside").get_by_text("Where to in winter?").click()
        expect(lines).to_have_text(["Where to in winter?", "By plane."])

        page.fill("input", "Is the provider up?")
        page.click("text=Send")
        expect(page.locator("output")).to_have_text("That failed (500). Try again.")
        expect(page.locator("input")).to_have_value("Is the provider up?")
        expect(lines).to_have_text(["Where to in winter?", "By plane."])
        page.fill("input", "")
        page.click("text=Send")
        assert page.locator("input").evaluate("input => input.validity.valueMissing")
        for body in ({}, {"text": ""}, {"turn": 0}):
            assert page.request.post(f"http://127.0.0.1:{port}/chats/first", data=body).status == 422
        page.close()


async def _say_elsewhere() -> None:
    async with open_store("sqlite:///chats.db") as store:
        await store.session("first").add_items([{"role": "user", "content": "Is anybody there?"}])
