"""Memories that are put in the transaction of an append."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from sessions.errors import ConflictError, IdempotencyKeyReusedError, InAttemptError, SessionBusyError
from sessions.types.memories import Put

if TYPE_CHECKING:
    from sessions.testing.expiry_model import OpenStore


def user(text: str) -> dict[str, Any]:
    """Return a user's message."""
    return {"role": "user", "content": text}


class Appending:
    """`add_items` with memories: both, or neither."""

    async def test_items_and_memories_are_added_together(self, open_here: OpenStore) -> None:
        async with open_here() as store:
            session, space = store.session(f"{uuid4()}"), (f"{uuid4()}",)
            await session.add_items([user("1")], memories=[Put(space, "k", {"n": 1}), Put((*space, "b"), "k", {})])
            found = await store.memories.get(space, "k")
            assert found is not None
            assert found.value == {"n": 1}
            assert await store.memories.count(space) == 2
            await session.add_items([], memories=[Put(space, "k", {"n": 2}, if_version=found.version)])
            assert [one.value for one in await store.memories.list(space, limit=1)] == [{"n": 2}]
            assert await session.get_items() == [user("1")]

    async def test_a_conflict_of_either_undoes_both(self, open_here: OpenStore) -> None:
        """Fails without: session/with_memories.py, both in one `__call__`."""
        async with open_here() as store:
            session, space = store.session(f"{uuid4()}"), (f"{uuid4()}",)
            await session.add_items([user("1")], memories=[Put(space, "k", {"n": 1})])
            with pytest.raises(ConflictError, match="memory 'k'"):
                await session.add_items([user("2")], memories=[Put(space, "k", {"n": 2}, if_version=0)])
            with pytest.raises(ConflictError, match="session"):
                await session.add_items([user("2")], expected_version=0, memories=[Put(space, "k", {"n": 2})])
            async with store.session(session.session_id).lease(exclusive=True):
                with pytest.raises(SessionBusyError):
                    await session.add_items([user("2")], memories=[Put(space, "k", {"n": 2})])
            assert await session.get_items() == [user("1")]
            assert [one.value for one in await store.memories.list(space)] == [{"n": 1}]

    async def test_a_known_append_puts_nothing(self, open_here: OpenStore) -> None:
        """Fails without: session/with_memories.py, `was_known`, or `_digest`."""
        async with open_here() as store:
            session, space = store.session(f"{uuid4()}"), (f"{uuid4()}",)
            whole: dict[str, Any] = {"idempotency_key": "once", "memories": [Put(space, "k", {"n": 1})]}
            await session.add_items([user("1")], **whole)
            await store.memories.put(space, "k", {"n": 2})
            await session.add_items([user("1")], **whole)
            with pytest.raises(IdempotencyKeyReusedError):
                await session.add_items([user("1")], idempotency_key="once", memories=[Put(space, "k", {"n": 3})])
            with pytest.raises(IdempotencyKeyReusedError):
                await session.add_items([user("1")], idempotency_key="once")
            await session.add_items([user("k")], keys=["a"], memories=[Put(space, "l", {"n": 1})])
            await store.memories.delete(space, "l")
            await session.add_items([user("k")], keys=["a"], memories=[Put(space, "l", {"n": 1})])
            assert [one.value for one in await store.memories.list(space)] == [{"n": 2}]
            assert await session.get_items() == [user("1"), user("k")]

    async def test_callers_that_cross_do_not_wait_for_each_other(self, open_here: OpenStore) -> None:
        """Fails without: memory/locking.py, `sorted`."""
        async with open_here() as store:
            first, second = (f"{uuid4()}",), (f"{uuid4()}",)
            sessions = [store.session(f"{uuid4()}") for _ in range(4)]

            async def work(number: int) -> None:
                spaces = (first, second) if number % 2 else (second, first)
                for turn in range(8):
                    extra = (*first, f"{turn}")
                    await sessions[number].add_items(
                        [user(f"{turn}")],
                        memories=[Put(space, f"{number}", {"turn": turn}) for space in (*spaces, extra)],
                    )
                    await store.memories.put_many([Put(space, "all", {"by": number}) for space in spaces])

            await asyncio.gather(*map(work, range(4)))
            assert await store.memories.count(second) == 5
            assert await store.memories.count(first) == 5 + 4 * 8
            for session in sessions:
                assert len(await session.get_items()) == 8

    async def test_what_cannot_be_put_is_refused(self, open_here: OpenStore) -> None:
        async with open_here() as store:
            session: Any = store.session(f"{uuid4()}")
            for bad, error in (
                ([("a",)], TypeError),
                (Put(("a",), "k", {}), TypeError),
                ([Put((), "k", {})], ValueError),
            ):
                with pytest.raises(error):
                    await session.add_items([user("1")], memories=bad)
            assert await session.get_items() == []
            await session.add_items([user("1")])
            with pytest.raises(InAttemptError):
                async with session.attempt(turn=1) as attempt:
                    await attempt.add_items([user("2")], memories=[Put(("a",), "k", {})])
