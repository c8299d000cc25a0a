"""Functions that users pass: summarisers, titles, progress and key providers."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

import sessions
from sessions.blocking import (
    Compaction,
    DecryptionError,
    EncryptedSession,
    KeyRing,
    SQLiteSession,
    SummaryError,
    Window,
    generate_key,
    open_store,
)

if TYPE_CHECKING:
    from pathlib import Path


def _user(text: object) -> dict[str, Any]:
    return {"role": "user", "content": str(text)}


def _fill(session: Any, turns: int = 4) -> None:
    for number in range(turns):
        session.add_items([_user(f"u{number}"), {"role": "assistant", "content": f"a{number}"}])


def test_a_plain_summariser_runs_on_the_calling_thread_and_may_use_the_session(anywhere: str) -> None:
    with open_store(anywhere, create_tables=True) as store:
        session = store.session("s")
        _fill(session)
        threads = []

        def summarise(items: list[Any]) -> str:
            threads.append(threading.current_thread())
            session.add_items([_user("meanwhile")])
            return f"{len(items)} of {len(session.get_items())} items"

        summary = session.compact(summarise, keep_turns=1)
        assert summary is not None
        assert summary.items == [_user("6 of 9 items")]
        assert threads == [threading.current_thread()]


def test_an_asynchronous_summariser_runs_on_an_event_loop(anywhere: str) -> None:
    async def summarise(items: list[Any]) -> str:
        await asyncio.sleep(0.01)
        return f"{len(items)} items"

    with open_store(anywhere, create_tables=True) as store:
        session = store.session("s")
        _fill(session)
        summary = session.compact(summarise, keep_turns=1)
        assert summary is not None
        assert summary.items == [_user("6 items")]
        session.session_settings = {"compaction": sessions.Compaction(summarise, above=Window(items=4))}
        _fill(session, 1)
        assert session.get_items() == [_user("3 items"), _user("u0"), {"role": "assistant", "content": "a0"}]


def test_a_plain_summariser_as_a_setting(tmp_path: Path) -> None:
    setting = Compaction(lambda items: f"{len(items)} items", above=Window(items=4))
    session = SQLiteSession("s", tmp_path / "a.db", session_settings={"compaction": setting})
    _fill(session)
    assert session.get_items()[0] == _user("6 items")
    session.aclose()


def test_a_summary_that_is_none_is_refused(tmp_path: Path) -> None:
    session = SQLiteSession("s", tmp_path / "a.db")
    _fill(session)
    with pytest.raises(SummaryError, match="must return a text"):
        session.compact(lambda _: None)
    with pytest.raises(TypeError, match="summarise must be"):
        session.compact("no function")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="summarise must be"):
        Compaction("no function", above=Window(items=2))  # type: ignore[arg-type]
    session.aclose()


class Provider:
    """A key provider that needs an event loop, and one and the same."""

    def __init__(self) -> None:
        self.current = "2026"
        self.loops: set[asyncio.AbstractEventLoop] = set()
        self.destroyed: list[Any] = []

    async def wrap(self, secret: bytes, *, key_id: str, **_: Any) -> bytes:
        await self._ask()
        return key_id.encode() + secret[::-1]

    async def unwrap(self, wrapped: bytes, *, key_id: str, **_: Any) -> bytes:
        await self._ask()
        if not wrapped.startswith(key_id.encode()):
            raise LookupError(key_id)
        return wrapped[len(key_id) :][::-1]

    async def destroy(self, *, subject: Any) -> None:
        await self._ask()
        self.destroyed.append(subject)

    async def _ask(self) -> None:
        self.loops.add(asyncio.get_running_loop())
        await asyncio.sleep(0.001)


def test_a_key_provider_is_asked_on_one_event_loop(anywhere: str) -> None:
    provider = Provider()
    with open_store(anywhere, create_tables=True, encryption_key=provider) as store:
        for number in range(3):
            session = store.session(f"s{number}")
            session.add_items([_user(number)])
            session.set_info(title=f"t{number}")
        assert [info.title for info in store.sessions(order="created")] == ["t2", "t1", "t0"]
    other = Provider()
    with open_store(anywhere, encryption_key=other) as store:
        assert store.session("s1").get_items() == [_user(1)]
        other.current = "2027"
        progress: list[Any] = []
        assert store.rotate(progress=progress.append).rewrapped == 3
        assert progress
        session = store.session("s2")
        assert isinstance(session, EncryptedSession)
        assert session.rotate(reencrypt=True).reencrypted == 1
        store.erase("s0")
        assert [subject.name for subject in other.destroyed] == ["s0"]
    assert len(provider.loops) == 1
    assert provider.loops == other.loops


def test_64_threads_ask_a_key_provider(anywhere: str) -> None:
    with open_store(anywhere, create_tables=True, encryption_key=Provider()) as store:
        with ThreadPoolExecutor(64) as threads:
            list(threads.map(lambda number: store.session(f"s{number % 8}").add_items([_user(number)]), range(64)))
        found = [item["content"] for number in range(8) for item in store.session(f"s{number}").get_items()]
    assert sorted(map(int, found)) == list(range(64))


def test_a_key_provider_that_calls_back_is_refused(tmp_path: Path) -> None:
    """It would wait for the event loop that it runs on."""

    class CallsBack(Provider):
        async def wrap(self, secret: bytes, **_: Any) -> bytes:
            other.session("x").add_items([_user("1")])
            return secret

    with (
        open_store(f"sqlite:///{tmp_path}/a.db", encryption_key=CallsBack()) as other,
        pytest.raises(sessions.SyncCallInLoopError, match="would wait for itself"),
    ):
        other.session("s").add_items([_user("1")])


def test_a_passphrase(tmp_path: Path) -> None:
    with pytest.warns(sessions.WeakKeyWarning):
        ring = KeyRing({"old": "correct horse battery staple"})
    session = EncryptedSession("s", SQLiteSession("s", tmp_path / "a.db"), ring, ttl=None)
    session.add_items([_user("1")])
    assert session.get_items() == [_user("1")]
    wrong = EncryptedSession("s", SQLiteSession("s", tmp_path / "a.db"), generate_key(), ttl=None)
    with pytest.raises(DecryptionError):
        wrong.get_items()
    session.aclose()
    wrong.aclose()


@pytest.mark.parametrize("is_asynchronous", [False, True])
def test_titles(anywhere: str, *, is_asynchronous: bool) -> None:
    async def later(message: Any) -> str:
        await asyncio.sleep(0.2)
        return f"about {message['content']}"

    title: Any = later if is_asynchronous else lambda message: f"about {message['content']}"
    with open_store(anywhere, create_tables=True, title=title) as store:
        store.session("s").add_items([_user("cats")])
    with open_store(anywhere) as store:
        assert store.session("s").info().title == "about cats"


def test_progress_is_told_on_the_calling_thread(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/a.db", encryption_key=generate_key()) as store:
        store.session("s").add_items([_user("1")])
        threads: list[threading.Thread] = []
        store.rotate(progress=lambda _: threads.append(threading.current_thread()))
    assert set(threads) == {threading.current_thread()}


def test_a_program_of_the_callers_own_loop_inside_of_a_summariser(tmp_path: Path) -> None:
    """There, asynchronous sessions wait in that loop, and block no thread."""
    asynchronous = sessions.SQLiteSession("other", tmp_path / "a.db")
    ran: list[str] = []

    async def main() -> None:
        async def beside() -> None:
            ran.append("beside")

        task = asyncio.create_task(beside())
        await asynchronous.add_items([_user("1")])
        assert task.done()

    def summarise(_: list[Any]) -> str:
        asyncio.run(main())
        return "a summary"

    session = SQLiteSession("s", tmp_path / "a.db")
    _fill(session)
    assert session.compact(summarise) is not None
    assert ran == ["beside"]
    session.aclose()
    asyncio.run(asynchronous.aclose())
