"""What retention leaves is sound: `store.verify` finds nothing after turns went from branches, ways and summaries."""

from __future__ import annotations

from typing import Any

import pytest

from sessions import RetentionPolicy, Store, generate_key, open_store
from sessions.testing.list_model import user


async def _fill(store: Store) -> None:
    session = store.session("s", owner="ann")
    await session.add_items([user("a way that is left")], keys=["left"])
    await session.undo()
    for number in range(6):
        await session.add_items([user(f"{number}"), {"role": "assistant", "content": "x"}], keys=[f"k{number}", None])
    await session.branches.create("b", turn=3)
    await session.on_branch("b").add_items([user("of b")])
    await session.undo(2)
    await session.add_items([user("another way")])

    async def summarise(items: list[Any]) -> str:
        return f"summary of {len(items)}"

    await session.compact(summarise)
    await session.usage.record(input_tokens=1)


@pytest.mark.parametrize("encrypted", [False, True])
async def test_nothing_is_found_after_retention(anywhere: str, *, encrypted: bool) -> None:
    """Fails without: log/lifetime/older_turns.py, `NOTE_HOLE`."""
    options: dict[str, Any] = {} if anywhere.startswith("sqlite:") else {"create_tables": True}
    options |= {"encryption_key": generate_key()} if encrypted else {}
    async with open_store(anywhere, **options) as store:
        await _fill(store)
        for keep, going in ((3, 1), (2, 4), (1, 4)):
            report = await store.retain(RetentionPolicy(keep_turns=keep), scrub=False)
            assert report.entries == going
            assert [finding async for finding in store.verify()] == []
        await store.erase_owner("ann", scrub=False)
        assert [finding async for finding in store.verify()] == []
