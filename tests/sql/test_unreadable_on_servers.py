"""Stored items that cannot be read, on each kind of server: popped around, and never removed."""

from __future__ import annotations

import pytest

from sessions import UndecodableItemError, open_store
from sessions.db.transaction import Statement

from .network import message

_SPOIL = Statement(
    "Make the last entry unreadable.",
    "update {entries} set payload = :payload where id = (select last from (select max(id) as last from {entries}) l)",
)
_PAYLOADS = Statement("Everything.", "select payload from {entries} order by id")

UNREADABLE = {
    "no text": b'{"\xff": 1}',
    "no JSON": b"{",
    # Deeper than any Python reads, and than Postgres's own stack.
    "too deep": b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "too many digits": b'{"a":' + b"9" * 5000 + b"}",
}


@pytest.fixture
def store_url(url: str) -> str:
    return url.replace("sqlite+aiosqlite", "sqlite")


@pytest.mark.parametrize("what", UNREADABLE)
async def test_it_stays_whatever_is_done(store_url: str, what: str) -> None:
    """Fails without: log/pop.py, `if shown.item is not UNREADABLE`."""
    async with open_store(store_url, create_tables=True) as store:
        session, strict = store.session("s"), store.session("s", strict=True)
        await session.add_items([message("1"), message("2"), message("3")])
        await store._backend.write(lambda tx: tx.run(_SPOIL, payload=UNREADABLE[what]), "this test")

        for _ in range(2):
            with pytest.raises(UndecodableItemError, match=r"positions 3 cannot be read\. Nothing was changed"):
                await strict.pop_item()
            with pytest.raises(UndecodableItemError, match=r"positions 3 cannot be read\. Nothing was changed"):
                await strict.undo(2)
        assert await session.undo(2) == [message("2")]
        with pytest.raises(UndecodableItemError, match=r"positions 3 cannot be read\. Nothing was changed"):
            await strict.redo()
        assert await session.redo() == [message("2")]
        assert await session.pop_item() == message("2")
        assert await session.pop_item() == message("1")
        assert await session.pop_item() is None
        stored = await store._backend.read(lambda tx: tx.all(_PAYLOADS), "this test")
        assert [bytes(payload) for (payload,) in stored] == [UNREADABLE[what]]
