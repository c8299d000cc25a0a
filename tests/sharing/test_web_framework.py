"""A client of a web application goes away in the middle of a streamed answer: Starlette cancels what answers it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import StreamingResponse

from sessions import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_HANGS_AFTER = 60


@pytest.mark.parametrize("moment", ["while it streams", "at once"])
async def test_the_lease_of_a_client_that_goes_away_is_given_back(url: str, moment: str) -> None:
    """Fails without: session/leases.py, `settle` in `give_back`."""
    async with open_store(url, create_tables=True) as store:
        streaming = asyncio.Event()
        if moment == "at once":
            streaming.set()

        async def answer() -> AsyncIterator[str]:
            async with store.session("chat").lease(holder="web request") as leased:
                await leased.add_items([{"role": "user", "content": "?"}])
                for number in range(1000):
                    yield f"{number} "
                    streaming.set()
                    await asyncio.sleep(1)

        async def receive() -> dict[str, Any]:
            await streaming.wait()
            return {"type": "http.disconnect"}

        async def send(message: object) -> None:
            del message

        scope = {"type": "http", "asgi": {"spec_version": "2.3"}}
        await asyncio.wait_for(StreamingResponse(answer())(scope, receive, send), _HANGS_AFTER)
        # An asynchronous generator that nobody finishes is finished by the event loop, in a task of its own.
        while leases := [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
            await asyncio.wait(leases, timeout=_HANGS_AFTER)
        async with store.session("chat").lease(on_busy="reject"):
            assert len(await store.session("chat").get_items()) <= 1
