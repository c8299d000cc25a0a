"""The contract for owners, info and lists of sessions, as tests to run on your own store.

As `sessions.testing.ExpiryContract`: a fixture `open_here` returns a function that opens a `Store` on the test's
database, with the options of `open_store`. Each test calls it once.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

import pytest

from sessions.errors import OwnerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import OpenStore


def _user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


async def _watch(session: LogSession) -> None:
    async with aclosing(session.watch(after=0)) as watch:
        await anext(watch)


async def _lease(session: LogSession) -> None:
    async with session.lease():
        pass


OPERATIONS: Final[dict[str, Callable[[LogSession], Any]]] = {
    "get_items": lambda session: session.get_items(),
    "get_items, a few": lambda session: session.get_items(1),
    "add_items": lambda session: session.add_items([_user("2")]),
    "add_items, several": lambda session: asyncio.gather(*(session.add_items([_user("2")]) for _ in range(3))),
    "add_items with a key": lambda session: session.add_items([_user("2")], idempotency_key="k"),
    "add_items at a version": lambda session: session.add_items([_user("2")], expected_version=1),
    "pop_item": lambda session: session.pop_item(),
    "clear_session": lambda session: session.clear_session(),
    "version": lambda session: session.version(),
    "entries": lambda session: session.entries(),
    "window": lambda session: session.window(5),
    "turns": lambda session: session.turns(),
    "undo": lambda session: session.undo(),
    "redo": lambda session: session.redo(),
    "tree": lambda session: session.tree(),
    "siblings": lambda session: session.siblings(1),
    "repair": lambda session: session.repair(),
    "handover": lambda session: session.handover("b"),
    "branches.list": lambda session: session.branches.list(),
    "branches.create": lambda session: session.branches.create("b"),
    "branches.switch": lambda session: session.branches.switch("main"),
    "usage.total": lambda session: session.usage.total(),
    "usage.record": lambda session: session.usage.record(input_tokens=1),
    "usage.tools": lambda session: session.usage.tools(),
    "purge_expired": lambda session: session.purge_expired(),
    "watch": _watch,
    "lease": _lease,
}
"""Everything that an object does to a session of another owner is refused."""


class InfoContract:
    """What a store promises of owners, info and lists. Subclass it as ``Test…`` and give it the fixture `open_here`."""

    # --- Owners ------------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("operation", OPERATIONS)
    @pytest.mark.parametrize("owner", ["bob", None])
    async def test_every_operation_of_another_owner_is_refused(
        self, open_here: OpenStore, owner: str | None, operation: str
    ) -> None:
        store = open_here()
        session = store.session("s", owner=owner)
        await session.add_items([_user("1")])
        version = await session.version()
        foreign = store.session("s", owner="ann")
        for _ in range(2):
            with pytest.raises(OwnerError, match=r"session 's'.*nothing was read or written") as caught:
                await OPERATIONS[operation](foreign)
            assert "bob" not in str(caught.value)
        assert await session.version() == version
        assert await session.get_items() == [_user("1")]

    async def test_the_first_append_gives_the_owner(self, open_here: OpenStore) -> None:
        store = open_here()
        ann = store.session("s", owner=("acme", "ann"))
        assert await ann.get_items() == []
        await ann.add_items([_user("1")])
        await store.session("s", owner=("acme", "ann")).add_items([_user("2")])
        # A caller that names no owner may use any session.
        assert len(await store.session("s").get_items()) == 2
        for other in ("acme", ("acme", "an"), ("acme", "ann", "x"), "acme\x01ann"):
            with pytest.raises(OwnerError):
                await store.session("s", owner=other).get_items()

    async def test_objects_made_from_one_ask_for_the_same_owner(self, open_here: OpenStore) -> None:
        store = open_here()
        await store.session("s", owner="bob").add_items([_user("1")])
        foreign = store.session("s", owner="ann")
        for made in (foreign.as_author("a"), foreign.on_branch("main")):
            with pytest.raises(OwnerError):
                await made.get_items()
            with pytest.raises(OwnerError):
                await made.add_items([_user("2")])

    async def test_of_two_owners_that_begin_a_session_one_has_it(self, open_here: OpenStore) -> None:
        store = open_here()
        owners = [f"owner {number}" for number in range(6)]
        appends = [store.session("s", owner=owner).add_items([_user(owner)]) for owner in owners]
        results = await asyncio.gather(*appends, return_exceptions=True)
        (begun,) = [owner for owner, result in zip(owners, results, strict=True) if result is None]
        assert sum(isinstance(result, OwnerError) for result in results) == len(owners) - 1
        assert await store.session("s", owner=begun).get_items() == [_user(begun)]

    async def test_a_session_that_is_deleted_is_anybodys(self, open_here: OpenStore) -> None:
        store = open_here()
        await store.session("s", owner="bob").add_items([_user("1")])
        ann = store.session("s", owner="ann")
        with pytest.raises(OwnerError):
            await ann.get_items()
        await store.delete("s")
        await ann.add_items([_user("2")])
        assert await ann.get_items() == [_user("2")]
        with pytest.raises(OwnerError):
            await store.session("s", owner="bob").pop_item()
