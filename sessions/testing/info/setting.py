"""Info: setting and reading titles, tags and metadata."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import pytest

from sessions.errors import ConflictError, InvalidItemError
from sessions.testing.info.shared import user
from sessions.types.info import Info

if TYPE_CHECKING:
    from sessions.testing.expiry_model import OpenStore

BAD_INFO: Final[list[tuple[dict[str, Any], type[Exception]]]] = [
    ({"title": ""}, ValueError),
    ({"title": "a\0"}, ValueError),
    ({"title": "\ud800"}, ValueError),
    ({"title": "é" * 513}, ValueError),
    ({"title": 1}, TypeError),
    ({"tags": "abc"}, TypeError),
    ({"tags": 1}, TypeError),
    ({"tags": ["a", ""]}, ValueError),
    ({"tags": ["a\0b"]}, ValueError),
    ({"tags": ["é" * 128]}, ValueError),
    ({"tags": [f"{n}" for n in range(65)]}, ValueError),
    ({"metadata": {"a": "x" * 10_000_000}}, ValueError),
    ({"metadata": [1]}, InvalidItemError),
    ({"metadata": {"a": {1, 2}}}, InvalidItemError),
    ({"metadata": {"a": float("nan")}}, InvalidItemError),
    ({"metadata": {1: "a"}}, InvalidItemError),
    ({"archived": 1}, TypeError),
    ({"archived": None}, TypeError),
    ({"owner": ""}, ValueError),
    ({"owner": 1}, TypeError),
    ({"expected_version": 1}, ValueError),
    ({"title": "t", "expected_version": -1}, ValueError),
    ({}, ValueError),
]
"""What `set_info` refuses."""


class Setting:
    """What is set stays until it is set again."""

    async def test_a_session_that_is_not_there_has_empty_info(self, open_here: OpenStore) -> None:
        store = open_here()
        assert await store.session("s").info() == Info(metadata={})
        assert await store.get("s") is None
        assert await store.sessions() == []
        assert await store.count() == 0

    async def test_what_is_set_stays_and_the_rest_too(self, open_here: OpenStore) -> None:
        store = open_here()
        session = store.session("s", owner="ann")
        await session.set_info(title="Rome", tags=["a", "b", "a"], metadata={"n": 2**70, "f": 0.1}, archived=True)
        found = await session.info()
        assert (found.owner, found.title, found.tags, found.archived, found.version) == (
            "ann", "Rome", ("a", "b"), True, 1,
        )  # fmt: skip
        assert found.metadata == {"n": 2**70, "f": 0.1}
        assert await session.get_items() == []
        await session.add_items([user("1")])
        await session.set_info(title=None)
        assert (await session.set_info(metadata=MappingProxyType({"a": 1}))).metadata == {"a": 1}
        await session.set_info(tags=None, metadata=None, archived=False)
        assert await session.info() == Info(owner="ann", metadata={}, version=4)
        assert await session.get_items() == [user("1")]

    async def test_set_info_at_a_version(self, open_here: OpenStore) -> None:
        store = open_here()
        session = store.session("s")
        await session.set_info(title="1", expected_version=0)
        await session.add_items([user("1")])
        await session.clear_session()
        # Nothing but set_info raises it.
        assert (await session.info()).version == 1
        settings = [store.session("s").set_info(title=f"2.{number}", expected_version=1) for number in range(5)]
        results = await asyncio.gather(*settings, return_exceptions=True)
        (done,) = [result for result in results if isinstance(result, Info)]
        assert await session.info() == done
        assert done.version == 2
        version = await session.version()
        for result in results:
            if not isinstance(result, Info):
                assert isinstance(result, ConflictError)
                assert result.version == 2
        with pytest.raises(ConflictError, match="Nothing was changed"):
            await session.set_info(tags=["x"], expected_version=1)
        assert await session.version() == version
        with pytest.raises(ConflictError):
            await store.session("new").set_info(tags=["x"], expected_version=1)
        assert await store.get("new") is None

    async def test_watchers_are_told(self, open_here: OpenStore) -> None:
        session = open_here().session("s")
        await session.set_info(title="t")
        await session.add_items([user("1")])
        await session.set_info(title="u")
        async with aclosing(session.watch(after=0)) as watch:
            changes = [await anext(watch) for _ in range(3)]
        assert [change.kind for change in changes] == ["info_changed", "appended", "info_changed"]
        assert changes[-1].version == await session.version()

    async def test_a_lease_does_not_keep_others_from_naming_the_session(self, open_here: OpenStore) -> None:
        store = open_here()
        session = store.session("s")
        async with session.lease(exclusive=True) as held:
            await held.add_items([user("1")])
            await store.session("s").set_info(title="t")
            await held.add_items([user("2")])
        assert (await session.info()).title == "t"

    async def test_clearing_keeps_info_and_deleting_does_not(self, open_here: OpenStore) -> None:
        store = open_here()
        session = store.session("s", owner="ann")
        await session.add_items([user("1")])
        await session.set_info(title="t", tags=["a"])
        await session.clear_session()
        assert (await session.info()).title == "t"
        assert await store.count(owner="ann") == 1
        await store.delete("s")
        await session.add_items([user("2")])
        assert await session.info() == Info(owner="ann", metadata={})

    async def test_what_cannot_be_set_is_refused(self, open_here: OpenStore) -> None:
        store = open_here()
        session = store.session("s")
        await session.set_info(title="before", tags=["before"])
        before = await session.info()
        for values, error in BAD_INFO:
            with pytest.raises(error):
                await session.set_info(**values)
        with pytest.raises(ValueError, match="at most 65536 bytes"):
            await session.set_info(metadata={"a": "x" * 10_000_000})
        assert await session.info() == before

    async def test_the_limits_themselves_are_accepted(self, open_here: OpenStore) -> None:
        session = open_here().session("s")
        tags = [f"{number:03}" + "é" * 126 for number in range(64)]
        metadata = {"a": "x" * (65_536 - len('{"a":""}'))}
        found = await session.set_info(title="é" * 512, tags=tags, metadata=metadata)
        assert found == await session.info()
        assert (found.title, found.tags, found.metadata) == ("é" * 512, tuple(tags), metadata)
