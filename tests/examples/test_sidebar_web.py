"""`examples/sidebar_web.py` in a real browser: each user's chats, their names, the tree, edits and other answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from .browsers import PATIENCE, button, forget, serving, shows, window

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, BrowserContext, Locator

    from .programs import Place

pytestmark = pytest.mark.asyncio(loop_scope="module")
expect.set_options(timeout=PATIENCE)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address(shared_place: Place) -> AsyncIterator[str]:
    async with serving("sidebar_web.py", shared_place) as address:
        yield address


@pytest_asyncio.fixture(loop_scope="module")
async def tabs(browser: Browser, shared_place: Place, address: str) -> AsyncIterator[BrowserContext]:
    await forget(shared_place.folder / "sidebar_web.db")
    async with window(browser, address) as context:
        yield context


async def open_for(tabs: BrowserContext, user: str) -> Page:
    page = await tabs.new_page()
    await page.goto(f"/?user={user}")
    await expect(button(page, "Send")).to_be_enabled()
    return page


def chats(page: Page) -> Locator:
    return page.get_by_role("list", name="Chats").get_by_role("button")


def tree(page: Page) -> Locator:
    return page.get_by_role("list", name="Tree").get_by_role("button")


async def say(page: Page, text: str) -> None:
    """Type a message, send it, and wait for the answer."""
    await page.get_by_label("Message", exact=True).fill(text)
    await button(page, "Send").click()
    await expect(page.get_by_label("Message", exact=True)).to_have_value("")
    await expect(button(page, "Send")).to_be_enabled()


async def test_each_user_has_chats_with_titles(tabs: BrowserContext) -> None:
    page = await open_for(tabs, "ann")
    await say(page, "How do I bake bread?")
    await expect(chats(page)).to_have_text(["How do I bake bread?"])
    await button(page, "New chat").click()
    await shows(page)
    await say(page, "<b>Where</b> is Oslo?")
    await expect(chats(page)).to_have_text(["<b>Where</b> is Oslo?", "How do I bake bread?"])

    await chats(page).nth(1).click()
    await shows(page, "How do I bake bread?")
    await page.reload()
    await shows(page, "How do I bake bread?")

    # Another user sees none of them, not even by the address of one.
    there = page.url.partition("#")[2]
    other = await open_for(tabs, "bob")
    await expect(chats(other)).to_have_count(0)
    await other.goto(f"/?user=b%C3%B6b#{there}")
    await expect(other.get_by_role("status")).to_contain_text("belongs to another owner")
    await shows(other)


async def test_rename_archive_bring_back_and_delete(tabs: BrowserContext) -> None:
    page = await open_for(tabs, "ann")
    for text in ("First", "Second"):
        await button(page, "New chat").click()
        await say(page, text)
    answers = ["Renamed"]
    page.on("dialog", lambda dialog: dialog.accept(answers.pop() if dialog.type == "prompt" else None))

    await button(page, "Rename").click()
    await expect(chats(page)).to_have_text(["Renamed", "First"])
    await button(page, "Archive").click()
    await expect(chats(page)).to_have_text(["First"])
    await page.get_by_label("Archived").check()
    await expect(chats(page)).to_have_text(["Renamed"])
    await shows(page, "Second")
    await button(page, "Bring back").click()
    await expect(chats(page)).to_have_count(0)
    await page.get_by_label("Archived").uncheck()
    await expect(chats(page)).to_have_text(["Renamed", "First"])

    await button(page, "Delete").click()
    await expect(chats(page)).to_have_text(["First"])
    await shows(page)
    await page.reload()
    await expect(chats(page)).to_have_text(["First"])


async def test_the_tree_has_every_way_and_a_click_goes_there(tabs: BrowserContext) -> None:
    page = await open_for(tabs, "ann")
    for text in ("One", "Two", "Three"):
        await say(page, text)
    await button(page, "Edit").nth(1).click()
    await page.get_by_label("Edited message").fill("Another two")
    await button(page, "Save").click()
    await shows(page, "One", "Another two")
    await expect(page.locator(".which")).to_have_text(["2 / 2"])
    await button(page, "Try again").nth(1).click()
    await expect(page.locator(".which")).to_have_text(["3 / 3"])

    # All of it, also what another turn followed.
    await expect(tree(page)).to_have_count(5)
    texts = sorted(await tree(page).locator("span").all_inner_texts())
    assert texts == ["1 One", "2 Another two", "2 Another two", "2 Two", "3 Three"]
    on_the_way = page.locator("aside [aria-current=true] span")
    await expect(on_the_way).to_have_text(["1 One", "2 Another two"])

    await tree(page).get_by_text("3 Three").click()
    await shows(page, "One", "Two", "Three")
    await expect(on_the_way).to_have_text(["1 One", "2 Two", "3 Three"])
    await expect(page.locator(".which")).to_have_text(["1 / 3"])
    await button(page, "Next").click()
    await shows(page, "One", "Another two")
    await expect(page.locator(".which")).to_have_text(["2 / 3"])


async def test_two_tabs_and_a_double_click(tabs: BrowserContext) -> None:
    one = await open_for(tabs, "ann")
    await say(one, "First")
    other = await tabs.new_page()
    await other.goto(one.url)
    await shows(other, "First")

    await one.get_by_label("Message", exact=True).fill("Second")
    await button(one, "Send").dblclick()
    await shows(one, "First", "Second")
    await shows(other, "First", "Second")
    chat = one.url.partition("#")[2]
    end = (await (await one.request.get(f"/chats/{chat}?user=ann")).json())["end"]
    again = {"end": end, "text": "Third"}
    answers = [await one.request.post(f"/chats/{chat}?user=ann", data=again) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 409]
    await shows(one, "First", "Second", "Third")


async def test_a_narrow_window_shows_everything_without_scrolling_sideways(tabs: BrowserContext) -> None:
    page = await open_for(tabs, "ann")
    await page.set_viewport_size({"width": 320, "height": 600})
    await say(page, "Donaudampfschifffahrtsgesellschaft" * 100)

    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await expect(tree(page)).to_have_count(1)
