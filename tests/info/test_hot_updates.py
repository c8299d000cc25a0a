"""On Postgres an append's update of the session's row touches no index, but once a minute."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sessions import generate_key, open_store
from sessions.testing.expiry_model import MovableClock

if TYPE_CHECKING:
    import pytest

    from tests.sql.servers import Postgres

_APPENDS = 100


async def _updates(server: Postgres, database: str, at_least: int) -> tuple[int, int]:
    """Return how many updates of sessions there were, and how many of them were heap-only, once they are counted."""
    query = "select n_tup_upd || ',' || n_tup_hot_upd from pg_stat_user_tables where relname = 'agent_log_sessions'"
    while True:
        (row,) = server.rows(query, database)
        updated, hot = map(int, row.split(","))
        if updated >= at_least:
            return updated, hot
        await asyncio.sleep(0.1)  # Servers count every second.


async def test_appends_are_heap_only_updates(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Fails without: log/statements/fragments.py, `else s.active_at` in `active_at`; log/core/locking.py, `>= MINUTE`.
    """
    clock = MovableClock(monkeypatch)
    url = postgres.new_database()
    database = url.rpartition("/")[2]
    done, rare = 0, 0
    encryptions: list[dict[str, Any]] = [{}, {"encryption_key": generate_key()}]
    for encryption in encryptions:
        async with open_store(url, create_tables=True, **encryption) as store:
            for minute in range(3):
                session = store.session(f"s {not encryption}", owner="ann")
                for number in range(_APPENDS // 2):
                    await session.add_items([{"role": "user", "content": str(number)}])
                for number in range(_APPENDS // 2):
                    await session.add_items(
                        [{"role": "user", "content": str(number)}], idempotency_key=f"{minute} {number}"
                    )
                    clock.move(0.1)
                await session.pop_item()
                clock.move(60)
        # All but the first append and those that begin another minute.
        done += 3 * (_APPENDS + 1) - 1
        rare += 2
    updated, hot = await _updates(postgres, database, done)
    assert updated >= done
    assert updated - hot <= rare + 2 * len(("wrapped keys", "a page without room"))
