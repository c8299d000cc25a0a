"""`examples/undo_web.py` in a real browser: undo, redo, edits and other answers, whatever people do to the page."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from sessions import open_store
from tests.sql.servers import free_port

from .browsers import PATIENCE, button, forget, open_tab, serving, shows, window

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, BrowserContext

    from .programs import Place

pytestmark = pytest.mark.asyncio(loop_scope="module")
expect.set_options(timeout=PATIENCE)

PANCAKES = "Why does the second batch of pancakes brown much faster?"
UNKNOWN = "Nobody answered that in the recordings."
STILL_UNKNOWN = "I still have no recording of an answer to that."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address(shared_place: Place) -> AsyncIterator[str]:
    async with serving("undo_web.py", shared_place) as address:
        yield address


@pytest_asyncio.fixture(loop_scope="module")
async def tabs(browser: Browser, shared_place: Place, address: str) -> AsyncIterator[BrowserContext]:
    await forget(shared_place.folder / "undo_web.db")
    async with window(browser, address) as context:
        yield context


@pytest_asyncio.fixture(loop_scope="module")
async def page(tabs: BrowserContext) -> Page:
    return await open_tab(tabs)


async def say(page: Page, text: str) -> None:
    """Type a message, send it, and wait for the answer."""
    await page.get_by_label("Message", exact=True).fill(text)
    await button(page, "Send").click()
    await expect(page.get_by_label("Message", exact=True)).to_have_value("")


async def test_undo_and_redo_survive_a_reload(page: Page) -> None:
    await expect(button(page, "Undo")).to_be_disabled()
    await expect(button(page, "Redo")).to_be_disabled()
    await say(page, PANCAKES)
    await say(page, "Second")
    await shows(page, PANCAKES, "Second")
    await expect(page.locator(".answer").first).to_contain_text("residual heat in the pan")

    await button(page, "Undo").click()
    await shows(page, PANCAKES)
    await page.reload()
    await shows(page, PANCAKES)
    await button(page, "Redo").click()
    await shows(page, PANCAKES, "Second")
    await expect(button(page, "Redo")).to_be_disabled()


async def test_an_edit_of_an_old_message_keeps_what_was_there(page: Page) -> None:
    for text in ("First", "Second", "Third"):
        await say(page, text)

    await button(page, "Edit").nth(1).click()
    await page.get_by_label("Edited message").fill("Another second")
    await button(page, "Save").click()
    await shows(page, "First", "Another second")
    await expect(page.locator(".which")).to_have_text(["2 / 2"])

    await button(page, "Previous").click()
    await shows(page, "First", "Second", "Third")
    await expect(page.locator(".which")).to_have_text(["1 / 2"])
    await expect(button(page, "Previous")).to_be_disabled()

    await button(page, "Next").click()
    await shows(page, "First", "Another second")

    await button(page, "Edit").nth(0).click()
    await page.get_by_label("Edited message").fill("never said")
    await button(page, "Cancel").click()
    await shows(page, "First", "Another second")


async def test_another_answer_to_the_same_message(page: Page) -> None:
    await say(page, "Hello")
    await expect(page.locator(".answer")).to_have_text([UNKNOWN])

    await button(page, "Try again").click()

    await expect(page.locator(".which")).to_have_text(["2 / 2"])
    await shows(page, "Hello")
    await expect(page.locator(".answer")).to_have_text([STILL_UNKNOWN])
    await button(page, "Previous").click()
    await expect(page.locator(".answer")).to_have_text([UNKNOWN])


async def test_a_double_click_does_it_once(page: Page) -> None:
    for text in ("First", "Second"):
        await say(page, text)
    await page.get_by_label("Message", exact=True).fill("Third")
    await button(page, "Send").dblclick()
    await expect(page.get_by_label("Message", exact=True)).to_have_value("")
    await shows(page, "First", "Second", "Third")

    await button(page, "Undo").dblclick()
    await shows(page, "First", "Second")
    await expect(button(page, "Undo")).to_be_enabled()
    await page.reload()
    await shows(page, "First", "Second")


async def test_the_server_refuses_what_it_has_done_already(page: Page) -> None:
    """As a click does whose answer was lost, or that another program repeats."""
    await say(page, "First")
    chat = await (await page.request.get("/chat")).json()
    change = {"version": chat["version"], "text": "Second"}

    answers = [await page.request.post("/say", data=change) for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 409]
    await shows(page, "First", "Second")


async def test_each_of_two_tabs_follows_the_other(tabs: BrowserContext) -> None:
    one, other = await open_tab(tabs), await open_tab(tabs)

    await say(one, "From one")
    await shows(other, "From one")
    await say(other, "From the other")
    await shows(one, "From one", "From the other")
    await button(one, "Undo").click()
    await shows(other, "From one")
    await button(other, "Redo").click()
    await shows(one, "From one", "From the other")


async def test_a_tab_that_shows_an_old_chat_changes_nothing(tabs: BrowserContext) -> None:
    one, stale = await open_tab(tabs), await tabs.new_page()
    await stale.route("**/changes", lambda route: route.abort())
    await stale.goto("/")
    await say(one, "From one")
    await shows(stale)

    await stale.get_by_label("Message", exact=True).fill("From the stale one")
    await button(stale, "Send").click()

    await expect(stale.get_by_role("status")).to_have_text("The chat was changed elsewhere. This is how it is now.")
    await shows(stale, "From one")
    await expect(stale.get_by_label("Message", exact=True)).to_have_value("From the stale one")
    await button(stale, "Send").click()
    await shows(stale, "From one", "From the stale one")


async def test_another_tab_does_not_take_the_message_that_is_being_edited(tabs: BrowserContext) -> None:
    one, other = await open_tab(tabs), await open_tab(tabs)
    await say(one, "First")
    await shows(other, "First")
    await button(other, "Edit").click()
    await other.get_by_label("Edited message").fill("My edit")

    await say(one, "Second")
    await button(other, "Save").click()

    await expect(other.get_by_role("status")).to_contain_text("changed elsewhere")
    await expect(other.get_by_label("Edited message")).to_have_value("My edit")
    await button(other, "Save").click()
    await shows(other, "My edit")
    await expect(other.locator(".which")).to_have_text(["2 / 2"])


@pytest.mark.parametrize("width", [320, 900])
async def test_html_and_long_words_are_text(page: Page, width: int) -> None:
    html = "<img src=nowhere onerror=alert(1)><script>alert(2)</script><b>bold</b> & {{7*7}} ${alert(3)}"
    lines = "<!-- \n  two\n\nlines"
    word = "Donaudampfschifffahrtsgesellschaft" * 500
    await page.set_viewport_size({"width": width, "height": 600})

    for text in (html, lines, word):
        await say(page, text)

    assert await page.locator(".question").all_inner_texts() == [html, lines, word]
    assert await page.locator(".question *").count() == 0
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.reload()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await button(page, "Edit").first.click()
    await expect(page.get_by_label("Edited message")).to_have_value(html)


async def test_a_message_stays_where_it_was_typed_if_the_model_does_not_answer(browser: Browser, place: Place) -> None:
    async with open_store(f"sqlite:///{place.folder}/undo_web.db") as store:
        for text in ("First", "Second"):
            answered = [{"role": "user", "content": text}, {"role": "assistant", "content": UNKNOWN}]
            await store.session("chat").add_items(answered)
    broken = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": f"http://127.0.0.1:{free_port()}", "PYTHONWARNINGS": ""}
    async with (
        serving("undo_web.py", replace(place, network=True), **broken) as address,
        window(browser, address) as tabs,
    ):
        page = await open_tab(tabs)
        await shows(page, "First", "Second")
        await page.get_by_label("Message", exact=True).fill("Third")
        await button(page, "Send").click()
        await expect(page.get_by_role("status")).to_contain_text("nothing was changed")
        await expect(page.get_by_label("Message", exact=True)).to_have_value("Third")
        await shows(page, "First", "Second")

        await button(page, "Edit").first.click()
        await page.get_by_label("Edited message").fill("Another first")
        await button(page, "Save").click()
        await expect(page.get_by_role("status")).to_contain_text("nothing was changed")
        await expect(page.get_by_label("Edited message")).to_have_value("Another first")
        await button(page, "Cancel").click()
        await shows(page, "First", "Second")
        await expect(page.locator(".which")).to_have_count(0)


async def test_a_server_that_has_ended_is_told_of(browser: Browser, place: Place) -> None:
    async with serving("undo_web.py", place) as address:
        context = await browser.new_context(base_url=address)
        page = await open_tab(context)
        await say(page, "First")
    await page.get_by_label("Message", exact=True).fill("Second")
    await button(page, "Send").click()
    await expect(page.get_by_role("status")).to_have_text("The server cannot be reached. Is it running?")
    await expect(page.get_by_label("Message", exact=True)).to_have_value("Second")
    await expect(button(page, "Send")).to_be_enabled()
    await context.close()


async def test_enter_sends_and_nothing_is_sent_without_text(page: Page) -> None:
    message = page.get_by_label("Message", exact=True)
    await message.fill("  \n ")
    await message.press("Enter")
    await button(page, "Send").click()
    await message.fill("One line")
    await message.press("Shift+Enter")
    await message.press_sequentially("and another")
    await message.press("Enter")

    await shows(page, "One line\nand another")
