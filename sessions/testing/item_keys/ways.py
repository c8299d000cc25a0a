"""Item keys: each way of a conversation has seen its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions.errors import (
    ItemKeyConflictError,
    UnknownEntryError,
)
from sessions.testing.fixtures import SessionAndClock
from sessions.testing.item_keys.shared import add, shown, user

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.fixtures import MakeLogSession
    from sessions.types import ItemDict


class Ways(SessionAndClock):
    """A key is known where its entry is on the way."""

    async def test_on_another_way_a_known_key_is_added_again(self, session: LogSession) -> None:
        await add(session, "a", "b")
        await session.undo()
        await add(session, "b")
        assert await shown(session) == "a b"
        assert (await session.siblings())[0].count == 2
        await session.branches.create("branch", turn=2)
        branch = session.on_branch("branch")
        await add(branch, "a", "b", "c")
        assert (await shown(branch), await shown(session)) == ("a b c", "a b")
        with pytest.raises(ItemKeyConflictError):
            await branch.add_items([user("B")], keys=["b"])
        with pytest.raises(ItemKeyConflictError):
            await session.add_items([user("C")], keys=["c"])

    async def test_a_branch_inherits_the_keys_of_what_it_was_made_from(self, session: LogSession) -> None:
        await add(session, "a", "b", "c")
        await session.branches.create("branch", turn=3)
        branch = session.on_branch("branch")
        await add(branch, "a", "b")
        assert await shown(branch) == "a b"
        await add(branch, "c", "d")
        assert await shown(branch) == "a b c d"

    async def test_after_redo_a_key_is_known_again(self, session: LogSession) -> None:
        await add(session, "a", "b")
        await session.undo()
        await session.redo()
        await add(session, "b")
        assert await shown(session) == "a b"

    async def test_a_skipped_append_leaves_the_way_forward(self, session: LogSession) -> None:
        await add(session, "a", "b")
        await session.undo()
        await add(session, "a")
        await session.redo()
        assert await shown(session) == "a b"

    async def test_the_entry_on_the_branch_is_found_first(self, session: LogSession) -> None:
        await add(session, "a", "b")
        await session.branches.create("branch", turn=2)
        branch = session.on_branch("branch")
        await add(branch, "b")
        for each in (session, branch):
            assert await each.entry(key="b") == (await each.entries())[1]
        # On neither, the one that was added last.
        await session.branches.create("other", turn=2)
        assert await session.on_branch("other").entry(key="b") == (await branch.entries())[1]

    async def test_a_key_that_is_not_there(self, make: MakeLogSession, session: LogSession) -> None:
        with pytest.raises(UnknownEntryError):
            await session.entry(key="a")
        await session.add_items([user("a")])
        await add(make("another"), "a")
        with pytest.raises(UnknownEntryError, match="that key"):
            await session.entry(key="a")
        await add(session, "b")
        await session.pop_item()
        with pytest.raises(UnknownEntryError):
            await session.entry(key="b")

    async def test_a_repaired_branch_keeps_its_keys(self, session: LogSession) -> None:
        items: list[ItemDict] = [
            user("a"),
            {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
            user("b"),
        ]
        for _ in range(2):
            await session.add_items(items, keys=["a", None, "b"] if not await session.entries() else ["a", "call", "b"])
            await session.repair(apply=True)
        entries = await session.entries()
        assert [entry.key for entry in entries if entry.key != "call"].count("b") == 1
        assert (await session.entry(key="b")) in entries
        assert sum(entry.item == user("b") for entry in entries) == 1

    async def test_keys_behind_a_summary_are_known(self, session: LogSession) -> None:
        await add(session, "a", "b", "c", "d")

        async def summarise(items: list[Any]) -> list[Any]:
            return [user(f"{len(items)} items")]

        assert await session.compact(summarise, keep_turns=1) is not None
        await add(session, "a", "b", "d", "e")
        assert [entry.key for entry in await session.entries() if not entry.hidden] == ["a", "b", "c", "d", "e"]
