"""Info: owners of sessions, and callers for other owners."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from sessions.errors import OwnerError
from sessions.testing.info.shared import user
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import OpenStore


async def _watch(session: LogSession) -> None:
    async with aclosing(session.watch(after=0)) as watch:
        await anext(watch)


async def _attempt(session: LogSession) -> None:
    async with session.attempt(turn=1):
        pass


async def _lease(session: LogSession) -> None:
    async with session.lease():
        pass


OPERATIONS: Final[dict[str, Callable[[LogSession], Any]]] = {
    "get_items": lambda session: session.get_items(),
    "get_items, a few": lambda session: session.get_items(1),
    "add_items": lambda session: session.add_items([user("2")]),
    "add_items, several": lambda session: asyncio.gather(*(session.add_items([user("2")]) for _ in range(3))),
    "add_items with a key": lambda session: session.add_items([user("2")], idempotency_key="k"),
    "add_items at a version": lambda session: session.add_items([user("2")], expected_version=1),
    "pop_item": lambda session: session.pop_item(),
    "clear_session": lambda session: session.clear_session(),
    "version": lambda session: session.version(),
    "entries": lambda session: session.entries(),
    "search": lambda session: session.search("1"),
    "window": lambda session: session.window(5),
    "turns": lambda session: session.turns(),
    "undo": lambda session: session.undo(),
    "redo": lambda session: session.redo(),
    "tree": lambda session: session.tree(),
    "entry": lambda session: session.entry(1),
    "rewind": lambda session: session.rewind(1),
    "ways_on": lambda session: session.ways_on(),
    "attempt": _attempt,
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
    "info": lambda session: session.info(),
    "set_info": lambda session: session.set_info(title="t"),
    "redact": lambda session: session.redact(1),
    "remove": lambda session: session.remove(1),
    "watch": _watch,
    "lease": _lease,
}
"""Everything that an object does to a session of another owner is refused."""


class Owners:
    """A session belongs to one owner."""

    @pytest.mark.parametrize("owner", ["bob", None])
    async def test_every_operation_of_another_owner_is_refused(self, open_here: OpenStore, owner: str | None) -> None:
        store = open_here()
        session = store.session("s", owner=owner or DEFAULT)
        await session.add_items([user("1")])
        version = await session.version()
        for operation in OPERATIONS.values():
            foreign = store.session("s", owner="ann")
            for _ in range(2):
                with pytest.raises(OwnerError, match=r"session 's'.*Nothing was read or written") as caught:
                    await operation(foreign)
                assert "bob" not in str(caught.value)
        assert await session.version() == version
        assert await session.get_items() == [user("1")]

    async def test_the_first_append_gives_the_owner(self, open_here: OpenStore) -> None:
        store = open_here()
        ann = store.session("s", owner=("acme", "ann"))
        assert await ann.get_items() == []
        await ann.add_items([user("1")])
        await store.session("s", owner=("acme", "ann")).add_items([user("2")])
        # A caller that names no owner may use any session.
        assert len(await store.session("s").get_items()) == 2
        for other in ("acme", ("acme", "an"), ("acme", "ann", "x"), "acme\x01ann"):
            with pytest.raises(OwnerError):
                await store.session("s", owner=other).get_items()

    async def test_objects_made_from_one_ask_for_the_same_owner(self, open_here: OpenStore) -> None:
        store = open_here()
        await store.session("s", owner="bob").add_items([user("1")])
        foreign = store.session("s", owner="ann")
        for made in (foreign.as_author("a"), foreign.on_branch("main")):
            with pytest.raises(OwnerError):
                await made.get_items()
            with pytest.raises(OwnerError):
                await made.add_items([user("2")])

    async def test_of_two_owners_that_begin_a_session_one_has_it(self, open_here: OpenStore) -> None:
        store = open_here()
        owners = [f"owner {number}" for number in range(6)]
        appends = [store.session("s", owner=owner).add_items([user(owner)]) for owner in owners]
        results = await asyncio.gather(*appends, return_exceptions=True)
        (begun,) = [owner for owner, result in zip(owners, results, strict=True) if result is None]
        assert sum(isinstance(result, OwnerError) for result in results) == len(owners) - 1
        assert await store.session("s", owner=begun).get_items() == [user(begun)]

    async def test_a_session_that_is_deleted_is_anybodys(self, open_here: OpenStore) -> None:
        store = open_here()
        await store.session("s", owner="bob").add_items([user("1")])
        ann = store.session("s", owner="ann")
        with pytest.raises(OwnerError):
            await ann.get_items()
        await store.delete("s")
        await ann.add_items([user("2")])
        assert await ann.get_items() == [user("2")]
        with pytest.raises(OwnerError):
            await store.session("s", owner="bob").pop_item()

    async def test_no_owner_in_place_of_one_is_refused(self, open_here: OpenStore) -> None:
        """A login that failed must not open the conversations of all."""
        store, nobody = open_here(), cast("Any", None)
        await store.session("s", owner="ann").add_items([user("1")], keys=["k"])
        with pytest.raises(TypeError, match=r"owner is None.*leave the argument out"):
            store.session("s", owner=nobody)
        for name in ("owner", "below"):
            for read in (store.sessions, store.count, store.usage):
                with pytest.raises(TypeError, match=f"{name} is None"):
                    await read(**{name: nobody})
        with pytest.raises(TypeError, match="owner is None"):
            await store.find("k", owner=nobody)
        assert len(await store.sessions()) == await store.count() == len(await store.find("k")) == 1
