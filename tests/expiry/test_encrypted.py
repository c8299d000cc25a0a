"""What expires in encrypted sessions: the expiry is bound to the ciphertext, and needs no key to be acted on."""

from __future__ import annotations

import asyncio

import pytest

from sessions import EncryptedSession, generate_key, open_store
from sessions.testing.expiry_model import MovableClock


@pytest.mark.usefixtures("no_upkeep")
async def test_what_is_encrypted_expires_and_is_purged_without_a_key(
    anywhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails without: log/fast/postgres_encrypted.py, `append.expires_at` in `entry_rows`: bound to another expiry."""
    time = MovableClock(monkeypatch)
    key = generate_key()
    async with open_store(anywhere, create_tables=True) as store:
        session = EncryptedSession("s", store.session("s"), key)
        await session.add_items([{"role": "user", "content": "first"}])
        await asyncio.gather(
            *(session.add_items([{"role": "user", "content": str(n)}], ttl=5 if n % 2 else 700) for n in range(8))
        )
        assert len(await session.get_items()) == 9
        time.move(5)
        left = await session.get_items()
        assert sorted(item["content"] for item in left) == ["0", "2", "4", "6", "first"]
        assert await store.purge_expired() == 4
        assert await session.get_items() == left
        assert await session.get_items(3) == left[-3:]
        assert await session.pop_item() == left[-1]
        # Nobody said how old items may become: ten minutes are an encrypted session's default.
        time.move(595)
        assert await session.get_items() == []
        assert await EncryptedSession("s", store.session("s"), key, ttl=None).get_items() == left[1:-1]
        assert await store.purge_expired() == 1
        time.move(100)
        assert await store.purge_expired() == 3
        assert (await store.erase("s")).entries == 0
