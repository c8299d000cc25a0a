"""Item keys: a known key is skipped, and refused with another item."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions.errors import (
    ItemKeyConflictError,
)
from sessions.testing.fixtures import SessionAndClock
from sessions.testing.item_keys.shared import add, shown, user

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.fixtures import MakeLogSession
    from sessions.types import ItemDict


class Adding(SessionAndClock):
    """Each key is added once, with one item."""

    async def test_a_known_key_is_skipped_and_the_rest_is_added(
        self, make: MakeLogSession, session: LogSession
    ) -> None:
        await add(session, "a", "b")
        await session.add_items([user("-"), user("c")], keys=[None, "c"])
        before = await session.version()
        for keys in ("ab", "c", "cab"):
            await add(make(session.session_id), *keys)
        assert (await shown(session), await session.version()) == ("a b - c", before)
        await session.add_items([user(text) for text in "bdae"], keys=["b", "d", "a", None])
        assert await shown(session) == "a b - c d -"
        assert await session.version() == before + 1

    async def test_all_kinds_of_items(self, session: LogSession) -> None:
        items: list[ItemDict] = [
            user("hello"),
            {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "ü\U0001f600"},
            {"role": "assistant", "content": "bye"},
        ]
        keys = ["é", "x" * 255, "\U0001f600" * 63, " a key with spaces, 'quotes' and \\ "]
        for _ in range(2):
            await session.add_items(items, keys=keys)
        entries = await session.entries()
        assert [(entry.key, entry.item) for entry in entries] == list(zip(keys, items, strict=True))
        for entry in entries:
            assert await session.entry(key=entry.key) == await session.entry(id=entry.id) == entry
        assert [entry.turn for entry in entries] == [1, 1, 1, 1]

    async def test_keys_are_compared_byte_by_byte(self, session: LogSession) -> None:
        keys = ["key", "Key", "key ", " key", "ke\u0301y", "k\u00e9y", "1", "01", "\t"]
        await add(session, *keys)
        await add(session, *reversed(keys))
        assert [entry.key for entry in await session.entries()] == keys

    async def test_many_keys_at_once(self, session: LogSession) -> None:
        keys = [f"key {number}" for number in range(150)]
        await add(session, *keys[:100])
        await add(session, *reversed(keys))
        assert [entry.key for entry in await session.entries()] == [*keys[:100], *reversed(keys[100:])]
        found = await session.entries(7, after=95)
        assert [entry.key for entry in found] == [*keys[95:100], "key 149", "key 148"]

    async def test_each_session_has_its_keys(self, make: MakeLogSession) -> None:
        for name in ("one", "two"):
            await make(name).add_items([user(name)], keys=["a"])
        assert [await make(name).get_items() for name in ("one", "two")] == [[user("one")], [user("two")]]

    @pytest.mark.parametrize("later", [False, True])
    async def test_another_item_with_a_known_key_is_refused(self, session: LogSession, *, later: bool) -> None:
        await add(session, "a", "b")
        if later:
            await session.add_items([user("later")])
            await session.undo()
        before = await session.version()
        for item in (user("b "), {"role": "assistant", "content": "b"}, {**user("b"), "id": "1"}):
            with pytest.raises(ItemKeyConflictError, match=r"items\[2\]") as caught:
                await session.add_items([user("c"), user("a"), item], keys=["c", "a", "b"])
            assert caught.value.key == "b"
            assert "content" not in str(caught.value)
        assert (await shown(session), await session.version()) == ("a b", before)
        # The order of an item's keys says nothing.
        await session.add_items([{"content": "b", "role": "user"}], keys=["b"])
        assert await shown(session) == "a b"
