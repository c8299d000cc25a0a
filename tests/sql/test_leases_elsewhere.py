"""Turns of sessions that are encrypted, or that are deleted and made anew meanwhile: the same on every database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions import DecryptionError, EncryptedSession, LeaseLostError, generate_key, open_store
from sessions.db.transaction import Statement
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from sessions import LogSession

_KEY = generate_key()


async def _contents(session: LogSession) -> list[Any]:
    return [found["content"] for found in await session.get_items()]


@pytest.mark.parametrize("options", [{}, {"encryption_key": _KEY}], ids=["plain", "encrypted"])
async def test_a_lease_of_a_session_that_was_deleted_changes_no_new_one(url: str, options: dict[str, Any]) -> None:
    """Fails without: log/core/fencing.py, the comparison of tokens."""
    store = open_store(url, create_tables=True, **options)
    session = store.session("s")
    await session.add_items([item("u0")])
    async with session.lease() as leased:
        await store.delete("s")
        await session.add_items([item("u1"), item("a1")])
        with pytest.raises(LeaseLostError):
            await leased.pop_item()
        with pytest.raises(LeaseLostError):
            await leased.add_items([item("u2")])
    assert await _contents(session) == ["u1", "a1"]


@pytest.mark.parametrize("before", ["nothing", "items"])
async def test_numbers_go_on_where_they_were(url: str, before: str) -> None:
    """Of sessions whose first turn was before numbers began with the internal id.

    Fails without: log/statements/leases.py, `leases = 0 then`.
    """
    store = open_store(url, create_tables=True)
    session = store.session("s")
    async with session.lease():
        if before == "items":
            await session.add_items([item("u0")])
    older = Statement("As an older file has it.", "update {sessions} set leases = 5")
    await session._handle.write(lambda tx: tx.run(older))
    for number in (6, 7):
        async with session.lease() as leased:
            assert leased.held is not None
            assert leased.held.token == number


async def test_no_lease_without_the_key(url: str) -> None:
    """Fails without: log/leases.py, `lock_conversation` (as `lock_session`)."""
    session = open_store(url, create_tables=True, encryption_key=_KEY).session("s")
    # The second time, the branch has been taken before.
    for _ in range(2):
        async with session.lease() as leased:
            await leased.add_items([item("u0")])
        with pytest.raises(DecryptionError):
            async with open_store(url, encryption_key=generate_key()).session("s").lease():
                pass
    async with session.lease(on_busy="reject"):
        assert await _contents(session) == ["u0", "u0"]


async def test_an_encrypted_session_over_a_lease_holds_the_lease(url: str) -> None:
    """Fails without: session/handle.py, `made.lease = self.lease` in `encrypted`."""
    store = open_store(url, create_tables=True)
    async with store.session("s").lease(exclusive=True) as leased:
        encrypted = EncryptedSession("s", leased, _KEY)
        assert encrypted.held is not None
        assert encrypted.held is leased.held
        await encrypted.add_items([item("u0")])
    async with EncryptedSession("s", store.session("s"), _KEY).lease():
        with pytest.raises(LeaseLostError):
            await encrypted.add_items([item("u1")])
