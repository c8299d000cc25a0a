"""Which objects an `EncryptedSession` goes around: each beside the SDK's, nothing that they do is bypassed."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import agents
import agents.extensions.memory as sdk
import pytest
from agents import Agent, RunConfig, Runner
from agents.memory import OpenAIResponsesCompactionSession
from agents.testing import ScriptedModel, assistant_message

import sessions
from sessions import (
    AdvancedSQLiteSession,
    Compaction,
    EncryptedSession,
    SessionSettings,
    SQLAlchemySession,
    SQLiteSession,
    Window,
    generate_key,
)
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = generate_key()
LIBRARIES = [(sdk, agents.SQLiteSession), (sessions, SQLiteSession)]
UNDER: dict[str, Callable[[Path], Any]] = {
    "ours": lambda path: SQLiteSession("s", path / "s.db"),
    "advanced": lambda path: AdvancedSQLiteSession(session_id="s", db_path=path / "s.db"),
    "foreign": lambda path: agents.SQLiteSession("s", path / "s.db"),
    "metered": lambda path: metered(SQLiteSession)("s", path / "s.db"),
}


def metered(base: Any) -> Any:
    class Metered(base):  # type: ignore[misc]  # A class that comes as an argument.
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.calls: list[tuple[str, Any]] = []

        async def get_items(self, *args: Any, **options: Any) -> Any:
            self.calls.append(("get", None))
            return await super().get_items(*args, **options)

        async def add_items(self, items: Any, **options: Any) -> None:
            self.calls.append(("add", items))
            await super().add_items(items, **options)

        async def pop_item(self, **options: Any) -> Any:
            self.calls.append(("pop", None))
            return await super().pop_item(**options)

        async def clear_session(self, **options: Any) -> None:
            self.calls.append(("clear", None))
            await super().clear_session(**options)

    return Metered


# --- Overridden methods -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("library", "base"), LIBRARIES)
async def test_overridden_methods_are_called_with_encrypted_items(library: Any, base: Any) -> None:
    inner = metered(base)("s")
    session = library.EncryptedSession("s", inner, KEY)
    await session.add_items([item("my card is 4111")])
    assert await session.get_items() == [item("my card is 4111")]
    assert await session.pop_item() == item("my card is 4111")
    await session.clear_session()

    assert {name for name, _ in inner.calls} == {"add", "get", "pop", "clear"}
    assert "4111" not in str(inner.calls)
    inner.close()


@pytest.mark.parametrize("how", ["a mixin", "on the object", "patched"])
@pytest.mark.parametrize("base", [SQLiteSession, AdvancedSQLiteSession])
async def test_however_they_are_overridden(base: Any, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    async def pop_item(self: Any, **_: Any) -> Any:
        calls.append(self)
        return await original(self)

    original = base.pop_item
    kind = base
    if how == "a mixin":
        mixin = type("Mixin", (), {"pop_item": pop_item})
        kind = type("Mixed", (mixin, base), {})
    elif how == "patched":
        monkeypatch.setattr(base, "pop_item", pop_item)
    inner = kind(session_id="s")
    if how == "on the object":
        inner.pop_item = pop_item.__get__(inner)
    session = EncryptedSession("s", inner, KEY)
    await session.add_items([item("u1")])

    assert await session.pop_item() == item("u1")
    assert calls == [inner]


@pytest.mark.parametrize("method", ["undo", "turns", "compact", "watch", "purge_expired", "branches", "usage"])
def test_an_overridden_method_that_would_be_bypassed_is_refused(method: str) -> None:
    kind = type("Mine", (SQLiteSession,), {method: property(lambda _: None), "add_items": lambda *_: None})
    with pytest.raises(TypeError, match=rf"Mine overrides {method}, which encryption would bypass.*subclass"):
        EncryptedSession("s", kind("s"), KEY)


async def test_what_is_added_to_a_class_is_no_override() -> None:
    class Mine(SQLiteSession):
        async def count(self) -> int:
            return len(await self.get_items())

        def __repr__(self) -> str:
            return "mine"

    session = EncryptedSession("s", Mine("s"), KEY)
    await session.add_items([item("u1")])
    assert len(await session.turns()) == 1, "encrypted below the log"


async def test_encrypted_items_are_not_read_for_what_they_say() -> None:
    async def summarise(_: Any) -> str:
        return "a summary"

    def inner() -> Any:
        return metered(SQLiteSession)("s")

    for settings in (
        SessionSettings(window=Window(items=2)),
        SessionSettings(repair=True),
        SessionSettings(compaction=Compaction(summarise, above=Window(items=2))),
    ):
        before = inner()
        before.session_settings = settings
        with pytest.raises(ValueError, match="the session_settings of Metered have a window, repair or compaction"):
            EncryptedSession("s", before, KEY)
        session = EncryptedSession("s", inner(), KEY)
        session.session_settings = settings
        with pytest.raises(ValueError, match="window, repair or compaction"):
            await session.get_items()


# --- Subclasses -------------------------------------------------------------------------------------------------------


class Mine(EncryptedSession):
    """Sees items in the clear, before they are encrypted and after."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.seen: list[Any] = []

    async def add_items(self, items: Any, **options: Any) -> None:
        self.seen += items
        await super().add_items(items, **options)


class OfUser(EncryptedSession):
    """A constructor of its own: the object underneath is made there."""

    def __init__(self, user: str, under: Any) -> None:
        super().__init__(user, under, KEY, ttl=None)


@pytest.mark.parametrize("name", UNDER)
@pytest.mark.parametrize("kind", [Mine, OfUser])
async def test_a_subclass_goes_over_anything(kind: Any, name: str, tmp_path: Path) -> None:
    inner = UNDER[name](tmp_path)
    session = kind("s", inner, KEY) if kind is Mine else OfUser("s", inner)
    await session.add_items([item("u1"), item("a1")])

    assert isinstance(session, kind)
    assert type(session).__name__ == kind.__name__
    assert await session.get_items(1) == [item("a1")]
    assert hasattr(session, "list_branches") == (name == "advanced")
    if kind is Mine:
        assert session.seen == [item("u1"), item("a1")]
    if name in ("ours", "advanced"):
        assert [turn.number for turn in await copy.copy(session).on_branch("main").turns()] == [1]
    assert await session.pop_item() == item("a1")
    again = EncryptedSession("s", inner, KEY)
    assert await again.get_items() == [item("u1")]
    inner.close()


@pytest.mark.parametrize("name", UNDER)
@pytest.mark.parametrize("kind", [EncryptedSession, Mine])
async def test_it_is_an_encrypted_session_whatever_is_inside(kind: Any, name: str, tmp_path: Path) -> None:
    """Fails without: encrypted.py, `_class_for`."""
    inner = UNDER[name](tmp_path)
    session = kind("s", inner, KEY)
    made = [session, copy.copy(session)]
    if name in ("ours", "advanced"):
        made += [session.as_author("a"), session.on_branch("main")]
        async with session.lease() as leased:
            made.append(leased)
    for each in made:
        assert isinstance(each, EncryptedSession)
        assert isinstance(each, kind)
        assert issubclass(type(each), EncryptedSession)
        assert isinstance(each, sessions.Session)
        assert isinstance(each, agents.memory.Session)
    inner.close()


def test_the_class_of_a_subclass_is_made_once(tmp_path: Path) -> None:
    made = {type(Mine("s", agents.SQLiteSession("s"), KEY)) for _ in range(3)}
    assert len(made) == 1
    assert type(Mine("s", UNDER["ours"](tmp_path), KEY)) is type(Mine("s", UNDER["ours"](tmp_path), KEY))

    class Further(Mine):
        pass

    assert isinstance(Further("s", agents.SQLiteSession("s"), KEY), Further)


# --- Compaction -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", [agents.SQLiteSession, SQLiteSession])
@pytest.mark.parametrize("kind", [EncryptedSession, Mine])
def test_the_vendors_compaction_goes_around(kind: Any, base: Any) -> None:
    inner = OpenAIResponsesCompactionSession("s", base("s"), client=object())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"Put it outside: OpenAIResponsesCompactionSession\(session_id, EncryptedSes"):
        kind("s", inner, KEY)


@pytest.mark.parametrize(("library", "base"), LIBRARIES)
async def test_a_compaction_of_ones_own_is_called_after_a_run(library: Any, base: Any) -> None:
    calls: list[Any] = []

    class Own(base):  # type: ignore[misc]  # A class that comes as an argument.
        async def run_compaction(self, args: Any = None, *, wrapper: Any = None) -> None:
            calls.append((args, wrapper.context))

    session = library.EncryptedSession("s", Own("s"), KEY)
    agent = Agent(name="a", model=ScriptedModel([[assistant_message("ok")]]))
    await Runner.run(agent, "hello", session=session, context=7, run_config=RunConfig(tracing_disabled=True))

    assert len(calls) == 1
    assert calls[0][1] == 7


def test_without_one_there_is_none() -> None:
    for inner in (SQLiteSession("s"), agents.SQLiteSession("s"), metered(SQLiteSession)("s")):
        assert not hasattr(EncryptedSession("s", inner, KEY), "run_compaction")


# --- max_scan_items ---------------------------------------------------------------------------------------------------


def test_the_bound_is_the_fifth_argument_and_checked() -> None:
    for library, base in LIBRARIES:
        library_: Any = library
        assert library_.EncryptedSession("s", base("s"), KEY, 600, 100).max_scan_items == 100
        assert library_.EncryptedSession("s", base("s"), KEY).max_scan_items is None
        for bad in (0, -1):
            with pytest.raises(ValueError, match="max_scan_items must be positive or None"):
                library_.EncryptedSession("s", base("s"), KEY, max_scan_items=bad)
    for wrong in (True, 1.5, "10"):
        with pytest.raises(TypeError, match="max_scan_items must be an integer or None"):
            EncryptedSession("s", SQLiteSession("s"), KEY, max_scan_items=wrong)  # type: ignore[arg-type]


async def _outcome(session: Any, limit: int | None) -> Any:
    try:
        return [found["content"] for found in await session.get_items(limit)]
    except RuntimeError as error:
        assert "max_scan_items exhausted before a complete history result" in str(error)  # noqa: PT017 - returned, too
        return "too many"


@pytest.mark.parametrize("most", [1, 3, 4, 5, 6, 9, 10, 11, 100])
@pytest.mark.parametrize("limit", [None, 0, 1, 3, 4, 5, 6, 50])
@pytest.mark.parametrize("name", UNDER)
async def test_the_bound_holds_as_in_the_sdk(name: str, limit: int | None, most: int, tmp_path: Path) -> None:
    theirs: Any = sdk.EncryptedSession("s", agents.SQLiteSession("s"), KEY, 600, most)
    inner = UNDER[name](tmp_path)
    ours = EncryptedSession("s", inner, KEY, 600, most)
    for session in (theirs, ours):
        await session.add_items([item(f"u{number}") for number in range(5)])

    assert await _outcome(ours, limit) == await _outcome(theirs, limit)
    inner.close()


async def test_no_more_envelopes_are_read_than_the_bound_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = agents.SQLiteSession("s")
    await EncryptedSession("s", inner, KEY).add_items([item("old")])
    await EncryptedSession("s", inner, KEY, ttl=1).add_items([item(f"x{number}") for number in range(20)])
    moment = sessions.clock.now() + 2_000_000
    monkeypatch.setattr("sessions.compat.envelopes.now", lambda: moment)
    read: list[int] = []
    get_items = inner.get_items

    async def counted(limit: int | None = None) -> Any:
        items = await get_items(limit)
        read.append(len(items))
        return items

    monkeypatch.setattr(inner, "get_items", counted)
    for most in range(1, 60):
        for limit in (None, 1, 2):
            read.clear()
            found = await _outcome(EncryptedSession("s", inner, KEY, 600, most), limit)
            assert sum(read) <= most
            assert found in ("too many", ["old"])


async def test_a_bound_and_a_window_exclude_each_other() -> None:
    session = EncryptedSession("s", SQLiteSession("s"), KEY, 600, 10)
    session.session_settings = SessionSettings(window=Window(items=2))
    with pytest.raises(ValueError, match="max_scan_items limits plain reads"):
        await session.get_items()


@pytest.mark.parametrize("settings", [{"limit": 2}, SessionSettings(limit=2), agents.SessionSettings(limit=2)])
async def test_the_limit_of_settings_counts(settings: Any) -> None:
    inner = SQLiteSession("s", session_settings=settings)
    session = EncryptedSession("s", inner, KEY, 600, 2)
    await session.add_items([item(f"u{number}") for number in range(5)])
    assert await session.get_items() == [item("u3"), item("u4")]
    with pytest.raises(RuntimeError, match="max_scan_items"):
        await session.get_items(3)


# --- Settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("library", "base"), LIBRARIES)
async def test_settings_are_one_with_those_underneath(library: Any, base: Any) -> None:
    settings = agents.SessionSettings(limit=1)
    inner = base("s", session_settings=settings)
    assert inner.session_settings is settings
    session = library.EncryptedSession("s", inner, KEY)
    await session.add_items([item("u1"), item("u2"), item("u3")])
    assert session.session_settings is settings
    settings.limit = 2
    assert len(await session.get_items()) == 2
    session.session_settings = agents.SessionSettings(limit=3)
    assert inner.session_settings is session.session_settings
    assert len(await session.get_items()) == 3


def test_settings_handed_in_stay_what_they_are(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/s.db"
    for settings in (agents.SessionSettings(limit=1), SessionSettings(limit=1)):
        for session in (
            SQLiteSession("s", session_settings=settings),
            AdvancedSQLiteSession(session_id="s", session_settings=settings),
            SQLAlchemySession.from_url("s", url=url, session_settings=settings),
        ):
            assert session.session_settings is settings
    assert isinstance(SQLiteSession("s", session_settings={"limit": 1}).session_settings, SessionSettings)
