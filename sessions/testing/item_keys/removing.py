"""Item keys of entries that were popped, have expired or were cleared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sessions.errors import (
    ItemKeyConflictError,
    UnknownEntryError,
)
from sessions.testing.fixtures import SessionAndClock
from sessions.testing.item_keys.shared import add, shown, user

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import MovableClock


class Removing(SessionAndClock):
    """A key stays known after its entry is gone."""

    async def test_a_popped_items_key_stays_known_on_its_branch(self, session: LogSession) -> None:
        await add(session, "a", "b")
        await session.branches.create("branch", turn=2)
        await session.pop_item()
        for _ in range(2):
            await add(session, "b")
            assert await shown(session) == "a"
            await session.add_items([user("-")])
            await add(session, "b")
            assert await shown(session) == "a -"
            await session.pop_item()
        with pytest.raises(ItemKeyConflictError):
            await session.add_items([user("other")], keys=["b"])
        branch = session.on_branch("branch")
        await add(branch, "b")
        assert await shown(branch) == "a b"

    async def test_what_one_branch_pops_the_other_has(self, session: LogSession) -> None:
        await add(session, "a", "b")
        await session.branches.create("branch")
        branch = session.on_branch("branch")
        await branch.pop_item()
        for each, keys in ((branch, "a"), (session, "a b")):
            await add(each, "b")
            assert await shown(each) == keys
        await session.branches.rename("branch", "renamed")
        await add(session.on_branch("renamed"), "b", "c")
        assert await shown(session.on_branch("renamed")) == "a c"

    @pytest.mark.parametrize("purged", [False, True])
    async def test_an_expired_items_key_stays_known(
        self, session: LogSession, time: MovableClock, *, purged: bool
    ) -> None:
        await add(session, "a")
        await add(session, "b", ttl=5)
        await add(session, "c")
        time.move(6)
        if purged:
            assert await session.purge_expired() == 1
        await add(session, "b", "d")
        assert await shown(session) == "a c d"
        with pytest.raises(UnknownEntryError):
            await session.entry(key="b")
        with pytest.raises(ItemKeyConflictError):
            await session.add_items([user("other")], keys=["b"])

    async def test_clearing_keeps_keys_known(self, session: LogSession) -> None:
        await add(session, "a", "b")
        await session.branches.create("branch", turn=2)
        await add(session.on_branch("branch"), "c")
        await session.clear_session()
        await add(session, "a", "b", "c", "d")
        assert await shown(session) == "d"
        await session.branches.create("branch")
        await add(session.on_branch("branch"), "a")
        assert await shown(session.on_branch("branch")) == "d"
        await session.undo()
        await add(session, "d")
        assert await shown(session) == "d"
