"""The contract for forks of sessions, as tests to run on your own store.

As `sessions.testing.InfoContract`: a fixture `open_here` returns a function that opens a `Store` on the test's
database, with the options of `open_store`. Each test calls it once.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pytest

from sessions.errors import (
    ConflictError,
    InAttemptError,
    ItemKeyConflictError,
    OwnerError,
    SessionClosedError,
    SessionExistsError,
    UnknownBranchError,
    UnknownEntryError,
    UnknownSessionError,
)
from sessions.log.moving import source as pages
from sessions.sqlite import SQLiteSession
from sessions.store.transfer import _Transfer
from sessions.testing.expiry_model import MovableClock
from sessions.testing.fork_model import ForkMachine
from sessions.testing.machines import run_machine
from sessions.testing.verified import check_verified

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessions.session.base import LogSession
    from sessions.testing.expiry_model import OpenStore
    from sessions.types import Entry

_CALL: Final = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}
_OUTPUT: Final = {"type": "function_call_output", "call_id": "c", "output": "."}

BAD_CALLS: Final[list[tuple[tuple[Any, ...], dict[str, Any], type[Exception]]]] = [
    (("s", "s"), {}, SessionExistsError),
    (("s", "there"), {}, SessionExistsError),
    (("s", "there"), {"at": 1}, SessionExistsError),
    (("missing", "new"), {}, UnknownSessionError),
    (("missing", "there"), {}, UnknownSessionError),
    (("s", "new"), {"at": 5}, UnknownEntryError),
    (("s", "new"), {"at": "e1-1-1f"}, UnknownEntryError),
    (("s", "new"), {"at": "1"}, UnknownEntryError),
    (("s", "new"), {"key": "missing"}, UnknownEntryError),
    (("s", "new"), {"at": 0}, ValueError),
    (("s", "new"), {"at": 1.0}, TypeError),
    (("s", "new"), {"at": True}, TypeError),
    (("s", "new"), {"key": ""}, ValueError),
    (("s", "new"), {"key": 1}, TypeError),
    (("s", "new"), {"at": 1, "key": "a"}, TypeError),
    (("s", "new"), {"owner": None}, TypeError),
    (("s", "new"), {"owner": ""}, ValueError),
    (("s", ""), {}, ValueError),
    (("s", "a\0"), {}, ValueError),
    (("s", 1), {}, TypeError),
    ((1, "new"), {}, TypeError),
    ((None, "new"), {}, TypeError),
    (("", "new"), {}, ValueError),
]
"""What `fork` refuses where the sessions ``s``, with four entries, and ``there`` exist."""


def user(text: str) -> dict[str, str]:
    """Return a message of a user."""
    return {"role": "user", "content": text}


def answer(text: str) -> dict[str, str]:
    """Return a message of an assistant."""
    return {"role": "assistant", "content": text}


def facts(entries: list[Entry]) -> list[tuple[object, ...]]:
    """Return all that is known of entries but their ids, which no two sessions share."""
    return [
        (
            entry.position, entry.turn, entry.kind, entry.tool, entry.author, entry.key, entry.created_at,
            entry.expires_at, entry.item, entry.hidden,
        )
        for entry in entries
    ]  # fmt: skip


async def seen(session: LogSession) -> list[object]:
    """Return all that readers of a session's current branch see."""
    return [
        facts(await session.entries()),
        await session.get_items(),
        await session.turns(),
        await session.window(1000),
        [(one.first, one.last, one.items, one.position) for one in await session.summaries()],
    ]


async def summary_of(_: list[Any]) -> str:
    """Return a summary of any items."""
    return "summary of it"


async def filled(store: Any, session_id: str = "s", **options: Any) -> LogSession:
    """Return a session with all kinds of entries: keys, authors, calls, a handover, a summary, an expiry."""
    session: LogSession = store.session(session_id, **options)
    await session.as_author("ann").add_items([user("1"), answer("a1")], keys=["k1", None])
    await session.add_items([user("2"), _CALL, _OUTPUT, answer("a2")], keys=[None, "call", None, None])
    await session.handover("b", note="go on")
    await session.compact(summary_of, keep_turns=1)
    await session.as_author("bob").add_items([user("3"), {"strange": [1, 2.5, None, "é😀"]}], ttl=3600)
    return session


class Between:
    """Does something between two pages of a fork, whose pages are short."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, action: Callable[[int], Awaitable[object]]) -> None:
        self.pages = 0
        monkeypatch.setattr(pages, "PAGE", 2)
        write = _Transfer._write  # noqa: SLF001 - nothing outside is between two pages

        async def after_action(transfer: Any, page: Any) -> None:
            await write(transfer, page)
            self.pages += 1
            await action(self.pages)

        monkeypatch.setattr(_Transfer, "_write", after_action)


class ForkContract:
    """The promises of `Store.fork`. Subclass it as ``Test…`` with the fixture `open_here`."""

    EXAMPLES: ClassVar[int] = 30
    """How many sequences of operations are compared with the model; fewer do for a slow store that shares its code."""

    @pytest.fixture
    def time(self, monkeypatch: pytest.MonkeyPatch) -> MovableClock:
        """Return the clock of all sessions in this test."""
        return MovableClock(monkeypatch)

    def test_any_sequence_of_operations(self, open_here: OpenStore) -> None:
        run_machine(lambda: ForkMachine(open_here), self.EXAMPLES, steps=20)

    # --- The content -------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("size", [1, 2, 3, 512])
    async def test_a_fork_is_what_its_source_is(
        self, open_here: OpenStore, monkeypatch: pytest.MonkeyPatch, size: int
    ) -> None:
        monkeypatch.setattr(pages, "PAGE", size)
        store = open_here()
        session = await filled(store)
        before, version = await seen(session), await session.version()
        fork = await store.fork("s", "new")
        await check_verified(fork)
        assert await seen(fork) == before
        assert await seen(session) == before
        assert await session.version() == version
        # Each goes its own way.
        await fork.undo()
        await fork.undo_compaction()
        await fork.add_items([user("another")])
        assert await seen(session) == before
        assert (await fork.get_items())[-1] == user("another")
        await session.add_items([user("4")])
        await store.delete("s")
        assert (await fork.get_items())[-1] == user("another")
        assert len(await fork.siblings(3)) == 2

    async def test_a_fork_ends_with_an_entry(self, open_here: OpenStore) -> None:
        store = open_here()
        session = await filled(store)
        entries = await session.entries()
        for number, entry in enumerate(entries):
            at: Any
            for way, at in enumerate((entry.position, entry.id, entry)):
                fork = await store.fork("s", f"{number}.{way}", at=at)
                assert facts(await fork.entries()) == facts(entries[: number + 1])
                assert [turn.number for turn in await fork.turns()] == sorted(
                    {one.turn for one in entries[: number + 1] if not one.hidden}
                )
        fork = await store.fork("s", "by key", key="call")
        assert facts(await fork.entries()) == facts(entries[:4])

    async def test_an_entry_of_an_undone_turn_or_another_branch(self, open_here: OpenStore) -> None:
        store = open_here()
        session = store.session("s")
        await session.add_items([user("1"), answer("a1"), user("2"), answer("a2")], keys=[None, None, None, "undone"])
        undone = (await session.entries())[-1]
        await session.undo()
        await session.add_items([user("other 2"), answer("other a2")])
        await session.branches.create("b", turn=2)
        branch = session.on_branch("b")
        await branch.add_items([user("b2")], keys=["of b"])
        whole = [user("1"), answer("a1"), user("2"), answer("a2")]
        assert await (await store.fork("s", "f1", at=undone)).get_items() == whole
        assert await (await store.fork("s", "f2", key="undone")).get_items() == whole
        assert await (await store.fork("s", "f3", key="of b")).get_items() == [*whole[:2], user("b2")]
        assert await (await store.fork(branch, "f4")).get_items() == [*whole[:2], user("b2")]
        assert await (await store.fork(branch, "f5", at=3)).get_items() == [*whole[:2], user("b2")]
        assert await (await store.fork("s", "f6", at=3)).get_items() == [*whole[:2], user("other 2")]
        for number in range(1, 7):
            (found,) = await store.session(f"f{number}").branches.list()
            assert (found.name, found.current, found.lineage, found.redoable) == ("main", True, (), 0)
        with pytest.raises(UnknownBranchError):
            await store.fork(session.on_branch("missing"), "f7")

    async def test_an_empty_session(self, open_here: OpenStore) -> None:
        store = open_here()
        session = store.session("s")
        await session.set_info(title="empty")
        fork = await store.fork("s", "new")
        assert (await fork.get_items(), (await fork.info()).title) == ([], "empty")
        await fork.add_items([user("1"), answer("a")])
        await fork.undo()
        assert await fork.redo() == [user("1"), answer("a")]
        await session.add_items([user("2")])
        await session.clear_session()
        assert await (await store.fork("s", "cleared")).get_items() == []

    async def test_many_entries_and_large_ones(self, open_here: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pages, "PAGE_BYTES", 100_000)
        store = open_here()
        session = store.session("s")
        items = [user(f"{number} " + "x" * (60_000 * (number % 50 == 0))) for number in range(1300)]
        await session.add_items(items)
        assert await (await store.fork("s", "new")).get_items() == items
        assert (await store.sessions(limit=1))[0].item_count == len(items)

    async def test_keys_of_items_are_known_in_the_fork(self, open_here: OpenStore) -> None:
        store = open_here()
        session = store.session("s")
        await session.add_items([user("1"), answer("a")], keys=["k1", "k2"])
        await session.add_items([answer("popped")], keys=["k3"])
        await session.pop_item()
        fork = await store.fork("s", "new")
        await fork.add_items([user("1"), answer("b")], keys=["k1", "k4"])
        assert await fork.get_items() == [user("1"), answer("a"), answer("b")]
        with pytest.raises(ItemKeyConflictError):
            await fork.add_items([user("2")], keys=["k1"])
        assert (await fork.entry(key="k2")).item == answer("a")
        assert {session_id for session_id, _ in await store.find("k1")} == {"s", "new"}
        # What was popped is no part of the fork.
        await fork.add_items([answer("popped")], keys=["k3"])
        assert (await fork.get_items())[-1] == answer("popped")

    @pytest.mark.parametrize("how", ["redact", "remove"])
    async def test_a_repeated_delivery_brings_back_nothing_that_was_corrected(
        self, open_here: OpenStore, how: str
    ) -> None:
        """Fails without: store/transfer.py, `barred_keys`."""
        async with open_here() as store:
            session = store.session("s")
            await session.add_items([user("1"), answer("2")], keys=["k1", "k2"])
            await session.branches.create("draft")
            await session.on_branch("draft").add_items([user("hunter2")], keys=["k3"])
            await getattr(session, how)(2)
            await getattr(session.on_branch("draft"), how)(3)
            fork = await store.fork("s", "fork")
            again = await store.fork("fork", "again")
            for each in (session, fork, again):
                before = await each.get_items()
                await each.add_items([user("1"), answer("2"), user("hunter2")], keys=["k1", "k2", "k3"])
                assert await each.get_items() == before
                await each.branches.create("first", turn=1)
                await each.on_branch("first").add_items([answer("2")], keys=["k2"])
                assert "2" not in [item["content"] for item in await each.on_branch("first").get_items()]
                with pytest.raises(ItemKeyConflictError):
                    await each.add_items([user("another")], keys=["k1"])
                assert [str(finding) async for finding in each.verify()] == []

    async def test_what_stays_behind(self, open_here: OpenStore) -> None:
        store = open_here()
        session = store.session("s")
        await session.add_items([user("1")], idempotency_key="retry")
        await session.usage.record(input_tokens=10)
        async with session.lease() as leased:
            await leased.add_items([answer("a")])
            fork = await store.fork("s", "new")
            await fork.add_items([user("2")], idempotency_key="retry")
            await leased.add_items([answer("b")])
        assert await fork.get_items() == [user("1"), answer("a"), user("2")]
        assert (await fork.usage.total()).input_tokens == 0
        assert (await session.usage.total()).input_tokens == 10
        async with fork.lease(on_busy="reject"):
            pass

    async def test_items_expire_in_the_fork_when_they_do_in_the_source(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        store = open_here()
        session = store.session("s")
        await session.add_items([user("1"), answer("a1")], ttl=10)
        await session.add_items([user("2"), answer("a2")], ttl=100)
        await session.add_items([user("3")])
        await session.add_items([answer("last")], ttl=10)
        time.move(20)
        fork = await store.fork("s", "new")
        assert await seen(fork) == await seen(session)
        assert [entry.position for entry in await fork.entries()] == [3, 4, 5]
        await store.purge_expired()
        assert await seen(fork) == await seen(session)
        again = await store.fork("s", "again")
        assert await seen(again) == await seen(session)
        time.move(100)
        assert await again.get_items() == await session.get_items() == [user("3")]
        assert [one.item_count for one in await store.sessions()] == [1, 1, 1]
        for one in (session, fork, again):
            await one.add_items([answer("a3")])
        assert (await seen(fork))[1:3] == (await seen(session))[1:3] == (await seen(again))[1:3]
        with pytest.raises(UnknownEntryError):
            await store.fork("s", "none", at=3)

    # --- Its name and owner ------------------------------------------------------------------------------------------

    async def test_info_goes_along(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        session = store.session("s", owner=("acme", "ann"))
        await session.add_items([user("1")])
        await session.set_info(title="Rome", archived=True)
        await session.set_info(tags=["b", "a"], metadata={"n": [1]})
        time.move(1000)
        fork = await store.fork("s", "new")
        info = await fork.info()
        assert (info.title, info.tags, info.metadata, info.owner) == ("Rome", ("b", "a"), {"n": [1]}, ("acme", "ann"))
        assert (info.archived, info.version) == (False, 1)
        found = await store.get("new")
        assert found is not None
        assert found.created_at == found.active_at == found.updated_at
        (entry,) = await fork.entries()
        assert found.created_at - entry.created_at == timedelta(seconds=1000)
        assert (await fork.set_info(title="Paris", expected_version=1)).version == 2
        assert (await session.info()).title == "Rome"
        assert [one.session_id for one in await store.sessions(archived=False)] == ["new"]
        assert [one.session_id for one in await store.sessions(owner=("acme", "ann"))] == ["new", "s"]

    async def test_an_owner_of_its_own(self, open_here: OpenStore) -> None:
        store = open_here()
        await store.session("s", owner="ann").add_items([user("1")])
        fork = await store.fork("s", "new", owner=("bob", "x"))
        assert await fork.get_items() == [user("1")]
        with pytest.raises(OwnerError):
            await store.session("new", owner="ann").get_items()
        assert await store.session("new", owner=("bob", "x")).get_items() == [user("1")]
        # The session object says whose the source has to be.
        with pytest.raises(OwnerError):
            await store.fork(store.session("s", owner="bob"), "stolen", owner="bob")
        assert await store.get("stolen") is None
        await store.fork(store.session("s", owner="ann"), "anns")
        assert await store.session("anns", owner="ann").get_items() == [user("1")]

    # --- Refusals ----------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize(("given", "options", "error"), BAD_CALLS)
    async def test_what_is_refused_changes_nothing(
        self, open_here: OpenStore, given: tuple[Any, ...], options: dict[str, Any], error: type[Exception]
    ) -> None:
        store = open_here()
        session = store.session("s")
        await session.add_items([user("SECRET 1"), answer("a"), user("SECRET 2"), answer("a")], keys=["a", *[None] * 3])
        await store.session("there").add_items([user("SECRET 3")])
        before = await store.sessions()
        with pytest.raises(error) as caught:
            await store.fork(*given, **options)
        assert type(caught.value) is error
        assert "Nothing was" in str(caught.value)
        assert "SECRET" not in str(caught.value)
        assert await store.sessions() == before
        assert await store.session("there").get_items() == [user("SECRET 3")]

    async def test_sessions_of_other_stores_and_attempts_are_refused(self, open_here: OpenStore) -> None:
        store = open_here()
        session = store.session("s")
        await session.add_items([user("1")])
        with pytest.raises(TypeError, match="such a session, not list"):
            await store.fork([], "new")  # type: ignore[arg-type]
        async with session.attempt() as tried:
            with pytest.raises(InAttemptError):
                await store.fork(tried, "new")
        with pytest.raises(ValueError, match="not opened by this store"):
            await store.fork(SQLiteSession("s"), "new")
        await session.aclose()
        with pytest.raises(SessionClosedError):
            await store.fork(session, "new")

    # --- While others write ------------------------------------------------------------------------------------------

    async def test_nobody_sees_a_part_of_it(self, open_here: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
        store = open_here()
        session = store.session("s", owner="ann")
        await session.add_items([user(f"{number}") for number in range(6)], keys=[f"k{n}" for n in range(6)])
        await session.set_info(title="t", tags=["red"])

        async def look(_: int) -> None:
            assert [one.session_id for one in await store.sessions()] == ["s"]
            assert await store.count() == await store.count(owner="ann") == 1
            assert await store.get("new") is None
            assert [session_id for session_id, _ in await store.find("k0")] == ["s"]
            other = store.session("new")
            assert (await other.get_items(), await other.version(), await other.entries()) == ([], 0, [])
            assert [row.session for row in await store.usage("session")] == []

        between = Between(monkeypatch, look)
        await store.fork("s", "new")
        assert between.pages == 3
        assert [one.session_id for one in await store.sessions()] == ["new", "s"]

    async def test_the_first_to_make_a_session_has_it(
        self, open_here: OpenStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = open_here()
        await store.session("s").add_items([user("1"), answer("2"), user("3")])

        async def take(page: int) -> None:
            if page == 1:
                await store.session("new").add_items([user("mine")])

        Between(monkeypatch, take)
        with pytest.raises(SessionExistsError):
            await store.fork("s", "new")
        assert await store.session("new").get_items() == [user("mine")]
        monkeypatch.undo()
        results = await asyncio.gather(*(store.fork("s", "both") for _ in range(4)), return_exceptions=True)
        assert sorted(isinstance(result, SessionExistsError) for result in results) == [False, True, True, True]
        assert await store.session("both").get_items() == [user("1"), answer("2"), user("3")]

    async def test_what_is_added_meanwhile_is_no_part_of_it(
        self, open_here: OpenStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = open_here()
        session = store.session("s")
        items = [user("1"), answer("a1"), user("2"), answer("a2"), user("3"), answer("a3")]
        await session.add_items(items)

        async def change(page: int) -> None:
            await session.add_items([user(f"later {page}")])
            await session.undo(2)
            await session.branches.create(f"b{page}", switch=True)

        between = Between(monkeypatch, change)
        fork = await store.fork("s", "new")
        assert between.pages == 3
        assert await fork.get_items() == items

    async def test_a_source_that_loses_entries_is_read_again(
        self, open_here: OpenStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = open_here()
        session = store.session("s")
        await session.add_items([user("1"), answer("a1"), user("2"), answer("a2"), user("3"), answer("a3")])

        async def pop(page: int) -> None:
            if page == 1:
                for _ in range(4):
                    await session.pop_item()
                await session.add_items([user("x2"), answer("x a2"), user("x3"), answer("x a3"), user("x4")])

        Between(monkeypatch, pop)
        fork = await store.fork("s", "new")
        whole = [user("1"), answer("a1"), user("x2"), answer("x a2"), user("x3"), answer("x a3"), user("x4")]
        assert await fork.get_items() == whole

    @pytest.mark.parametrize("way", ["clear", "delete", "delete and begin again", "pop"])
    async def test_a_source_that_goes(self, open_here: OpenStore, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
        store = open_here()
        session = store.session("s")
        items = [user("1"), answer("a1"), user("2"), answer("a2")]
        await session.add_items(items)

        async def remove(_: int) -> None:
            if way == "clear":
                await session.clear_session()
            elif way == "pop":
                await session.pop_item()
                await session.add_items([answer("again")])
            else:
                await store.delete("s")
                if way != "delete":
                    await store.session("s").add_items(items)

        Between(monkeypatch, remove)
        forking = store.fork("s", "new", at=4) if way == "clear" else store.fork("s", "new")
        expected = {
            "clear": (UnknownEntryError, ConflictError),
            "delete": (UnknownSessionError, ConflictError),
        }.get(way, ConflictError)
        with pytest.raises(expected, match=r"Nothing was changed|No session was made"):
            await forking
        assert await store.get("new") is None
        monkeypatch.undo()
        await store.session("s").add_items([user("z")])
        assert (await (await store.fork("s", "new")).get_items())[-1] == user("z")

    async def test_a_cancelled_fork_leaves_nothing_that_is_seen(
        self, open_here: OpenStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = open_here()
        await store.session("s").add_items([user("1"), answer("a1"), user("2"), answer("a2")])
        reached = asyncio.Event()

        async def wait(_: int) -> None:
            reached.set()
            await asyncio.sleep(60)

        Between(monkeypatch, wait)
        forking = asyncio.create_task(store.fork("s", "new"))
        await reached.wait()
        forking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await forking
        assert await store.get("new") is None
        monkeypatch.undo()
        assert len(await (await store.fork("s", "new")).get_items()) == 4
