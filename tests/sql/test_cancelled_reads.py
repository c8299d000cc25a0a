"""Reads that are cancelled under way leave nothing behind that others wait for."""

from __future__ import annotations

import asyncio
from typing import Any

from sessions import open_store
from sessions.testing.tree_model import item

_ROUNDS = 20


async def test_others_write_after_reads_were_cancelled(url: str) -> None:
    """Fails without: db/sqlalchemy/database.py, `settle` in `read`, on SQLite."""
    session = open_store(url, create_tables=True).session("s")
    await session.add_items([item(f"u{number}") for number in range(300)])
    for number in range(_ROUNDS):
        reads: list[asyncio.Task[Any]] = [
            asyncio.ensure_future(read) for read in (session.entries(), session.turns(), session.get_items())
        ]
        # They are stopped at another place each time.
        for _ in range(number):
            await asyncio.sleep(0)
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)
        await session.add_items([item("a")])
    assert len(await session.get_items()) == 300 + _ROUNDS
