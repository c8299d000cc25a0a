"""The contract for verification, as tests to run on your own store.

As `sessions.testing.ExpiryContract`: a fixture `open_here` returns a function that opens a `Store` on the test's
database, with the options of `open_store`. With `encrypted`, it opens it with a key.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pytest

from sessions.encrypted import handle_of
from sessions.errors import SessionsError
from sessions.testing.planted_rows import put_back, rows_of
from sessions.testing.planting import (
    DAMAGES,
    NAME,
    OTHER,
    answer,
    damages,
    empty,
    fill,
    make_unfinished,
    plant,
    user,
)
from sessions.types.verify import MEANINGS

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.session.verifying import Verification
    from sessions.store.store import Store
    from sessions.testing.expiry_model import OpenStore
    from sessions.types.verify import Finding

_ROUNDS: Final = 6
_PARTS: Final = 5
"""There are a hundred damages, for which one test on a server would be the longest of all."""


async def findings_of(verification: Verification) -> list[Finding]:
    """Return all findings of a verification."""
    return [finding async for finding in verification]


async def check_found(store: Store, name: str) -> None:
    """Plant a damage, and assert that it is found by its code, in the whole store and in its session."""
    damage = DAMAGES[name]
    await plant(store, name)
    found = await findings_of(store.verify())
    told = [str(finding) for finding in found]
    assert damage.code in {finding.code for finding in found}, (name, told)
    assert damage.about in {finding.session_id for finding in found if finding.code == damage.code}, (name, told)
    for finding in found:
        assert (finding.severity, finding.remedy) == MEANINGS[finding.code]
        assert "forged" not in str(finding)
    if damage.about is not None:
        there = await findings_of(store.session(damage.about).verify())
        assert damage.code in {finding.code for finding in there}, name


async def _attempt(session: LogSession) -> None:
    async with session.attempt() as attempt:
        await attempt.add_items([user("2")])


async def _do_anything(session: LogSession, dice: random.Random) -> None:
    """Do one of the things that users do."""
    operations = (
        lambda: session.add_items([user("1"), answer("1")], keys=[f"{dice.random()}", None]),
        lambda: session.add_items([user("1"), answer("1"), answer("2")], ttl=0.05),
        session.pop_item,
        session.undo,
        session.redo,
        lambda: session.branches.create(f"b{dice.randrange(4)}", switch=True),
        lambda: session.branches.delete(f"b{dice.randrange(4)}", force=True),
        lambda: session.usage.record(input_tokens=1),
        lambda: session.set_info(tags=[f"{dice.randrange(3)}"]),
        lambda: session.handover("b"),
        session.purge_expired,
        lambda: session.clear_session() if dice.randrange(10) == 0 else session.get_items(),
        lambda: _attempt(session),
    )
    await dice.choice(operations)()


async def _write(session: LogSession, dice: random.Random, over: asyncio.Event, done: Counter[str]) -> None:
    """Do anything, again and again, until an event; count how often."""
    while not over.is_set():
        with suppress(SessionsError):
            await _do_anything(session, dice)
        done["writes"] += 1


class VerifyContract:
    """Damage is found, whole stores have none, and nobody is disturbed."""

    encrypted: ClassVar[bool] = False

    async def test_nothing_is_found_in_a_whole_store(self, open_here: OpenStore) -> None:
        store = open_here()
        before = store.verify()
        known = await findings_of(before)  # Of rows that were there before the test.
        await fill(store)
        after = store.verify()
        assert await findings_of(after) == known
        assert after.summary.is_whole == (not known)
        assert after.summary.sessions - before.summary.sessions == 2
        assert after.summary.entries - before.summary.entries == 21
        assert after.summary.rows > before.summary.rows
        for name in (NAME, OTHER):
            assert await findings_of(store.session(name).verify()) == []

    @pytest.mark.parametrize("part", range(_PARTS))
    async def test_each_damage_is_found(self, open_here: OpenStore, part: int) -> None:
        store = open_here()
        database = await handle_of(store.session(NAME)).backend.read(lambda tx: tx.database, "the store")
        await empty(store)
        await fill(store)
        whole = await rows_of(store)
        for name in damages(database, encrypted=self.encrypted)[part::_PARTS]:
            if not DAMAGES[name].is_of_schema:
                await put_back(store, whole)
                await check_found(store, name)
        await put_back(store, whole)
        assert await findings_of(store.verify()) == [], "of none was anything left for the next"
        await empty(store)

    async def test_an_unfinished_session_is_no_damage(self, open_here: OpenStore) -> None:
        store = open_here()
        known = await findings_of(store.verify())
        await fill(store)
        await make_unfinished(store)
        verification = store.verify()
        assert await findings_of(verification) == known
        assert await findings_of(store.session(OTHER).verify()) == []
        await empty(store)

    async def test_it_resumes_behind_any_page(self, open_here: OpenStore) -> None:
        store = open_here()
        await fill(store)
        for name in ("a tip is far away", "tokens are negative", "a ticket is no session's"):
            await plant(store, name)
        places: list[str | None] = []
        everything = await findings_of(store.verify(progress=lambda so_far: places.append(so_far.after)))
        assert places[-1] is None
        lengths = set()
        for place in places[:-1]:
            later = await findings_of(store.verify(after=place))
            assert later == everything[len(everything) - len(later) :]
            lengths.add(len(later))
        assert len(lengths) > 2, "it resumed at one place only"
        await empty(store)

    async def test_a_branch_that_goes_back_behind_two_forks_leaves_nothing_behind(self, open_here: OpenStore) -> None:
        """Fails without: log/core/entry_rows.py, `(left,) = removed`."""
        store = open_here()
        known = await findings_of(store.verify())
        session = store.session(NAME)
        await session.add_items([user("before all forks")])
        for name, count in (("first", 3), ("second", 1), ("third", 1)):
            await session.branches.create(name)
            await session.branches.switch(name)
            await session.add_items([user(f"{name} {number}") for number in range(count)])
        await session.branches.delete("second")
        for _ in range(3):
            await session.pop_item()
        await session.add_items([user("behind both forks")])
        for _ in range(3):
            await session.pop_item()
        await session.add_items([user("behind the first")])
        await session.branches.delete("first")
        assert await findings_of(store.verify()) == known

    async def test_nothing_is_found_beside_writers(self, open_here: OpenStore) -> None:
        store = open_here()
        known = await findings_of(store.verify())
        over = asyncio.Event()
        done: Counter[str] = Counter()
        sessions: list[Any] = [store.session(f"s{number % 3}") for number in range(6)]
        writers = [
            asyncio.create_task(_write(session, random.Random(number), over, done))  # noqa: S311 - no secret
            for number, session in enumerate(sessions)
        ]
        try:
            while done["rounds"] < _ROUNDS or done["writes"] <= _ROUNDS:
                done["rounds"] += 1
                assert [finding for finding in await findings_of(store.verify()) if finding not in known] == []
                assert [str(finding) for finding in await findings_of(sessions[0].verify())] == []
        finally:
            over.set()
            await asyncio.gather(*writers)
        assert await findings_of(store.verify()) == known
