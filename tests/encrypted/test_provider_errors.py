"""What a key provider raises reaches the caller that needed the key, whatever it is; other sessions go on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sessions import open_store
from sessions.testing.encrypted.key_provider import KeptKeys
from sessions.testing.interruptions.raising import RAISED
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from sessions import LogSession


@pytest.mark.parametrize("raised", RAISED)
@pytest.mark.parametrize("call", ["wrap", "unwrap"])
async def test_what_a_provider_raises(url: str, call: str, raised: type[BaseException]) -> None:
    keys = KeptKeys()
    async with open_store(url, create_tables=True, encryption_key=keys) as store:
        known = store.session("known")
        await known.add_items([item("u1")])
        if call == "unwrap":
            await store.session("bad").add_items([item("u1")])
    again = keys.restarted()
    async with open_store(url, encryption_key=again) as store:
        known, bad = store.session("known"), store.session("bad")
        assert await known.get_items() == [item("u1")]

        def fail(called: str) -> None:
            if called == call:
                raise raised("by a provider")

        others = [asyncio.ensure_future(_append(known)) for _ in range(8)]
        await asyncio.sleep(0)
        again.fault = fail
        caught: BaseException | None = None
        try:
            await (bad.get_items() if call == "unwrap" else bad.add_items([item("u2")]))
        except BaseException as error:  # noqa: BLE001 - that is the question
            caught = error
        again.fault = lambda _: None
        if raised is StopIteration:
            # A coroutine cannot raise it; Python does this.
            assert isinstance(caught, RuntimeError)
            caught = caught.__cause__
        assert type(caught) is raised
        await asyncio.wait_for(asyncio.gather(*others), 60)
        assert len(await known.get_items()) == 9
        await bad.add_items([item("u3")])
        assert len(await bad.get_items()) == (2 if call == "unwrap" else 1)


async def _append(session: LogSession) -> None:
    await session.add_items([item("u2")])
