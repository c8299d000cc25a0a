"""The run's context: the SDK's runner passes it to a session whose four methods all take `wrapper`."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import agents
import agents.extensions.memory as sdk
import pytest
from agents import Agent, RunContextWrapper, Runner
from agents.testing import ScriptedModel

import sessions
from sessions import (
    AdvancedSQLAlchemySession,
    AdvancedSQLiteSession,
    AsyncSQLiteSession,
    SQLAlchemySession,
    SQLiteSession,
    generate_key,
)
from sessions.encrypted import EncryptedAdvancedSession, EncryptedForeignSession, EncryptedLogSession

from .dialogue import asked, said, says

if TYPE_CHECKING:
    from pathlib import Path

METHODS = ["get_items", "add_items", "pop_item", "clear_session"]
CLASSES = [
    SQLiteSession,
    AsyncSQLiteSession,
    SQLAlchemySession,
    AdvancedSQLiteSession,
    AdvancedSQLAlchemySession,
    EncryptedLogSession,
    EncryptedAdvancedSession,
    EncryptedForeignSession,
]
KEY = generate_key()


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("method", METHODS)
def test_every_class_takes_it_as_the_sdk_does(kind: type, method: str) -> None:
    expected = inspect.signature(getattr(sdk.EncryptedSession, method)).parameters["wrapper"]
    found = inspect.signature(getattr(kind, method)).parameters["wrapper"]
    assert (found.kind, found.default) == (expected.kind, expected.default)


class Tenants:
    """A session that keeps tenants apart by the run's context, as the SDK's documentation shows one."""

    session_settings = None

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.kept: dict[str, list[Any]] = {}

    def _of(self, wrapper: Any) -> list[Any]:
        if wrapper is None:
            raise ValueError("tenant context is required")
        return self.kept.setdefault(wrapper.context["tenant"], [])

    async def get_items(self, limit: int | None = None, *, wrapper: RunContextWrapper[Any] | None = None) -> list[Any]:
        items = self._of(wrapper)
        return items[len(items) - min(len(items), limit) :] if limit is not None else list(items)

    async def add_items(self, items: list[Any], *, wrapper: RunContextWrapper[Any] | None = None) -> None:
        self._of(wrapper).extend(items)

    async def pop_item(self, *, wrapper: RunContextWrapper[Any] | None = None) -> Any:
        items = self._of(wrapper)
        return items.pop() if items else None

    async def clear_session(self, *, wrapper: RunContextWrapper[Any] | None = None) -> None:
        self._of(wrapper).clear()


@pytest.mark.parametrize("library", [sdk, sessions])
async def test_it_reaches_the_session_underneath(library: Any) -> None:
    inner = Tenants("s")
    session = library.EncryptedSession("s", inner, KEY)
    for tenant in "ab":
        model = ScriptedModel([[says(f"{tenant} 1")], [says(f"{tenant} 2")]])
        agent = Agent(name="assistant", model=model)
        for text in "12":
            await Runner.run(agent, text, session=session, context={"tenant": tenant})

    assert {tenant: len(items) for tenant, items in inner.kept.items()} == {"a": 4, "b": 4}
    of_a: Any = RunContextWrapper({"tenant": "a"})
    assert (await session.get_items(3, wrapper=of_a))[0] == said("a 1")
    assert await session.get_items(wrapper=of_a) == [asked("1"), said("a 1"), asked("2"), said("a 2")]
    assert await session.pop_item(wrapper=of_a) == said("a 2")
    await session.clear_session(wrapper=of_a)
    assert {tenant: len(items) for tenant, items in inner.kept.items()} == {"a": 0, "b": 4}
    with pytest.raises(ValueError, match="tenant context"):
        await session.get_items()


class HalfTenants(Tenants):
    """Only some of the methods take it, so none is given it."""

    def _of(self, wrapper: Any) -> list[Any]:
        assert wrapper is None
        return self.kept.setdefault("", [])

    async def clear_session(self) -> None:  # type: ignore[override]  # That is the point.
        self._of(None).clear()


@pytest.mark.parametrize("library", [sdk, sessions])
async def test_it_goes_to_all_four_methods_or_to_none(library: Any) -> None:
    inner = HalfTenants("s")
    session = library.EncryptedSession("s", inner, KEY)
    model = ScriptedModel([[says("hi")]])

    await Runner.run(Agent(name="assistant", model=model), "hello", session=session, context={"tenant": "a"})

    assert len(inner.kept[""]) == 2
    await session.clear_session(wrapper=RunContextWrapper({"tenant": "a"}))
    assert inner.kept[""] == []


@pytest.mark.parametrize("base", [SQLiteSession, AsyncSQLiteSession, AdvancedSQLiteSession])
async def test_a_subclass_of_ours_may_use_it_and_pass_it_on(base: Any, tmp_path: Path) -> None:
    seen: list[Any] = []

    class Audited(base):  # type: ignore[misc]  # A class that comes as an argument.
        async def get_items(self, *args: Any, wrapper: Any = None, **options: Any) -> list[Any]:
            seen.append(("get", wrapper.context))
            items: list[Any] = await super().get_items(*args, wrapper=wrapper, **options)
            return items

        async def add_items(self, items: Any, *, wrapper: Any = None, **options: Any) -> None:
            seen.append(("add", wrapper.context))
            await super().add_items(items, wrapper=wrapper, **options)

    session = Audited(session_id="s", db_path=tmp_path / "s.db")
    model = ScriptedModel([[says("hi")]])
    await Runner.run(Agent(name="assistant", model=model), "hello", session=session, context={"tenant": "a"})

    assert [kind for kind, context in seen if context == {"tenant": "a"}][:2] == ["get", "add"]
    assert await SQLiteSession("s", tmp_path / "s.db").get_items() == [asked("hello"), said("hi")]


@pytest.mark.parametrize("base", [agents.SQLiteSession, SQLiteSession])
async def test_a_subclass_that_does_not_take_it_is_not_given_it(base: Any) -> None:
    class Legacy(base):  # type: ignore[misc]  # A class that comes as an argument.
        async def get_items(self, limit: int | None = None) -> list[Any]:
            items: list[Any] = await super().get_items(limit)
            return items

    session = Legacy("s")
    model = ScriptedModel([[says("hi")]])
    await Runner.run(Agent(name="assistant", model=model), "hello", session=session, context={"tenant": "a"})
    assert len(await session.get_items()) == 2
    session.close()
