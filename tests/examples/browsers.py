"""The system's Chromium, driven by Playwright, and the servers whose pages it shows."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from playwright.async_api import async_playwright, expect

from sessions import open_store
from tests.chromium import chromium
from tests.sql.servers import free_port

from .programs import EXAMPLES, Place

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser, BrowserContext, Locator, Page

PATIENCE = 60_000
"""Milliseconds until something that is awaited on a page is given up: a busy machine is slow."""


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    """Start the browser; skip the test without one."""
    path = chromium()
    # Chromium's sandbox does not work as root. The pages are our own.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=arguments, timeout=PATIENCE)
        yield browser
        await browser.close()


@asynccontextmanager
async def serving(program: str, place: Place, **environment: str) -> AsyncIterator[str]:
    """Run a web example until the block ends, which it must do in peace; yield its address."""
    port = free_port()
    with (place.folder / "log").open("w+", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, str(EXAMPLES / program), str(port)],
            cwd=place.folder,
            env=place.environment(**environment),
            stdout=log,
            stderr=log,
        )
        try:
            while not await _answers(port):
                assert process.poll() is None, (place.folder / "log").read_text(encoding="utf-8")
                await asyncio.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
            process.terminate()
            await asyncio.to_thread(process.wait)
        finally:
            process.kill()
            process.wait()


async def forget(database: Path) -> None:
    """Delete all chats of a running example: its next ones begin as on a server that has just been started.

    That takes seconds, most of them for imports.
    """
    async with open_store(f"sqlite:///{database}") as store:
        for chat in await store.sessions():
            await store.delete(chat.session_id)


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@asynccontextmanager
async def window(browser: Browser, address: str) -> AsyncIterator[BrowserContext]:
    """Yield a window whose tabs must not ask any other server, raise an error, or open a dialog."""
    context = await browser.new_context(base_url=address, viewport={"width": 900, "height": 700})
    context.set_default_timeout(PATIENCE)
    asked: list[str] = []
    wrong: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("dialog", lambda dialog: wrong.append(dialog.message) if dialog.type == "alert" else None)
    yield context
    await context.close()
    assert not wrong
    assert asked
    assert {url for url in asked if not url.startswith((f"{address}/", "data:"))} == set()


async def open_tab(context: BrowserContext) -> Page:
    """Open the example's page in another tab."""
    page = await context.new_page()
    await page.goto("/")
    return page


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


async def shows(page: Page, *questions: str) -> None:
    """Wait until the page shows these messages of the user, each with an answer, and no others."""
    await expect(page.locator(".question")).to_have_text(list(questions))
    await expect(page.locator(".answer")).to_have_count(len(questions))
