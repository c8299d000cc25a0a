"""The contract for copying sessions from and to other stores, as tests to run on your own store.

As `sessions.testing.InfoContract`: a fixture `open_here` returns a function that opens a `Store` on the test's
database, with the options of `open_store`. A test calls it up to twice, the second time with another `table_prefix`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from sessions.crypto.keys import generate_key
from sessions.encrypted import EncryptedSession
from sessions.errors import (
    ConflictError,
    InAttemptError,
    InvalidItemError,
    OwnerError,
    SessionExistsError,
    StoreFullError,
    UnknownSessionError,
)
from sessions.log.moving import source as pages
from sessions.testing.expiry_model import MovableClock
from sessions.testing.forking import Between, answer, facts, filled, seen, summary_of, user
from sessions.testing.verified import check_verified
from sessions.types.receipts import Copied

if TYPE_CHECKING:
    from sessions.session.base import LogSession
    from sessions.store.store import Store
    from sessions.testing.expiry_model import OpenStore

_CALL: Final = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}
_OUTPUT: Final = {"type": "function_call_output", "call_id": "c", "output": "."}


class ListSession:
    """Another library's session: a list, and how many items each call added.

    Args:
        items: The list.
        fails_after: The number of calls of `add_items` after which it fails.
    """

    def __init__(self, items: list[Any] | None = None, fails_after: int = 1 << 30) -> None:
        self.session_id = "list"
        self.items = items or []
        self.calls: list[int] = []
        self.fails_after = fails_after

    async def get_items(self, limit: int | None = None) -> list[Any]:
        """Return the latest items."""
        return self.items[-limit:] if limit else list(self.items)

    async def add_items(self, items: list[Any]) -> None:
        """Append items."""
        if len(self.calls) == self.fails_after:
            raise OSError("no network")
        self.calls.append(len(items))
        self.items += items

    async def pop_item(self) -> Any:
        """Remove the last item."""
        return self.items.pop() if self.items else None

    async def clear_session(self) -> None:
        """Remove all items."""
        self.items.clear()


def messages(count: int) -> list[dict[str, str]]:
    """Return messages of users and assistants in turn."""
    return [user(f"q{number}") if number % 2 == 0 else answer(f"a{number}") for number in range(count)]


def other_store(open_here: OpenStore, **options: Any) -> Store:
    """Return a second store in the same database."""
    return open_here(table_prefix="other_", **options)


class CopyContract:
    """The promises of `Store.copy`. Subclass it as ``Test…`` with the fixture `open_here`."""

    @pytest.fixture
    def time(self, monkeypatch: pytest.MonkeyPatch) -> MovableClock:
        """Return the clock of all sessions in this test."""
        return MovableClock(monkeypatch)

    # --- Between stores of this package ------------------------------------------------------------------------------

    @pytest.mark.parametrize("size", [1, 3, 512])
    async def test_a_branch_and_its_session_lose_nothing(
        self, open_here: OpenStore, monkeypatch: pytest.MonkeyPatch, time: MovableClock, size: int
    ) -> None:
        monkeypatch.setattr(pages, "PAGE", size)
        store, other = open_here(), other_store(open_here)
        session = await filled(store, owner=("acme", "ann"))
        await session.set_info(title="Rome", tags=["b", "a"], metadata={"n": [1]}, archived=True)
        await session.set_info(title="Paris")
        time.move(500)
        items = len([entry for entry in await session.entries() if not entry.hidden])
        copy = other.session("copy")
        assert await store.copy("s", copy) == Copied(items)
        await check_verified(copy)
        assert await seen(copy) == await seen(session)
        assert await copy.info() == await session.info()
        found, source = await other.get("copy"), await store.get("s")
        assert found is not None
        assert source is not None
        assert (found.created_at, found.updated_at, found.active_at) == (
            source.created_at, source.updated_at, source.active_at,
        )  # fmt: skip
        # A finished copy adds nothing, also if the target has gone on.
        assert await other.copy(session, "copy") == Copied(0, items)
        await copy.add_items([user("more")])
        assert await other.copy(session, copy) == Copied(0, items)
        await copy.undo_compaction()
        assert await seen(session) != await seen(copy)
        time.move(3600)
        left = facts(await session.entries())
        assert len(left) == 8
        assert facts(await copy.entries())[:8] == left

    @pytest.mark.parametrize("how", ["redact", "remove"])
    async def test_a_repeated_delivery_brings_back_nothing_that_was_corrected(
        self, open_here: OpenStore, how: str
    ) -> None:
        """Fails without: store/transfer.py, `barred_keys`."""
        async with open_here() as store, other_store(open_here) as other:
            session = store.session("s")
            await session.add_items(messages(2), keys=["k1", "k2"])
            await getattr(session, how)(2)
            copy = other.session("copy")
            await store.copy("s", copy)
            before = await copy.get_items()
            assert before == await session.get_items()
            await copy.add_items(messages(2), keys=["k1", "k2"])
            assert await copy.get_items() == before
            assert [str(finding) async for finding in copy.verify()] == []
            assert (await store.copy("s", copy)).items == 0

    async def test_a_branch_of_several(self, open_here: OpenStore) -> None:
        store, other = open_here(), other_store(open_here)
        session = store.session("s")
        await session.add_items(messages(4))
        await session.branches.create("b", turn=2)
        await session.on_branch("b").add_items([user("of b")])
        assert await other.copy(session, "s") == Copied(4)
        assert await other.copy(session.on_branch("b"), "b") == Copied(3)
        assert await other.session("b").get_items() == [*messages(2), user("of b")]
        assert [branch.name for branch in await other.session("b").branches.list()] == ["main"]

    async def test_within_a_store(self, open_here: OpenStore) -> None:
        store = open_here()
        session = await filled(store)
        await store.copy("s", "t", owner="bob")
        assert await seen(store.session("t", owner="bob")) == await seen(session)

    async def test_a_target_with_other_items_stays(self, open_here: OpenStore) -> None:
        store, other = open_here(), other_store(open_here)
        session, there = store.session("s"), other.session("s")
        await session.add_items(messages(4))
        await there.add_items(messages(4))
        for _ in range(2):
            with pytest.raises(SessionExistsError, match=r"Nothing was changed\. Copy to another id"):
                await store.copy(session, there)
            await session.pop_item()
        assert await there.get_items() == messages(4)
        await other.delete("s")
        await store.copy(session, there)
        await session.add_items([answer("later")])
        with pytest.raises(SessionExistsError):
            await store.copy(session, there)
        assert await there.get_items() == messages(2)

    @pytest.mark.parametrize("changes", [False, True], ids=["same source", "changed source"])
    async def test_a_copy_that_broke_off_goes_on(
        self,
        open_here: OpenStore,
        monkeypatch: pytest.MonkeyPatch,
        changes: bool,  # noqa: FBT001 - pytest passes it by name
    ) -> None:
        store, other = open_here(), other_store(open_here)
        session = store.session("s", owner="ann")
        await session.add_items(messages(9), keys=["k0", *[None] * 8])
        await session.set_info(title="t")

        async def fail(page: int) -> None:
            if page == 3:
                raise StoreFullError("the disk is full")

        Between(monkeypatch, fail)
        with pytest.raises(StoreFullError):
            await store.copy(session, other.session("s"))
        assert (await other.count(), await other.session("s").get_items()) == (0, [])
        monkeypatch.undo()
        reports: list[Copied] = []
        if changes:
            await session.add_items([answer("later")])
            assert await store.copy(session, other.session("s"), progress=reports.append) == Copied(10)
        else:
            assert await store.copy(session, other.session("s"), progress=reports.append) == Copied(3, 6)
        assert reports
        assert await seen(other.session("s")) == await seen(session)
        assert await other.session("s").info() == await session.info()
        # The rest of the first try, if it was of no use, goes with upkeep.
        await other.purge_expired()
        assert await seen(other.session("s")) == await seen(session)
        await other.session("s").add_items([user("q0")], keys=["k0"])
        assert len(await other.session("s").get_items()) == 9 + changes

    async def test_a_source_that_loses_entries_is_read_again(
        self, open_here: OpenStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store, other = open_here(), other_store(open_here)
        session = store.session("s")
        await session.add_items(messages(6))

        async def pop(page: int) -> None:
            if page == 1:
                await session.pop_item()
                await session.add_items([answer("again"), user("more")])

        Between(monkeypatch, pop)
        assert await store.copy(session, other.session("s")) == Copied(7)
        assert await other.session("s").get_items() == [*messages(5), answer("again"), user("more")]

    # --- From other libraries ----------------------------------------------------------------------------------------

    async def test_from_another_library(self, open_here: OpenStore) -> None:
        store = open_here()
        items = [*messages(1020), _CALL, _OUTPUT, {"strange": [1, None, 2.5, "é😀"]}, user("last")]
        source, reports = ListSession(items), list[Copied]()
        assert await store.copy(source, "s", owner="ann", progress=reports.append) == Copied(1024)
        session = store.session("s", owner="ann")
        await check_verified(session)
        assert await session.get_items() == items
        assert [report.items for report in reports] == [512, 1024]
        entries = await session.entries(after=1020)
        assert [(entry.position, entry.turn, entry.kind, entry.tool) for entry in entries] == [
            (1021, 510, "tool_call", "look"), (1022, 510, "tool_output", "look"), (1023, 510, "unknown", None),
            (1024, 511, "user", None),
        ]  # fmt: skip
        assert len(await session.turns()) == 511
        await session.undo()
        await session.redo()
        assert await store.copy(source, "s") == Copied(0, 1024)
        # The source has gone on.
        source.items = [*items, answer("new"), user("newer")]
        assert await store.copy(source, session) == Copied(2, 1024)
        assert await session.get_items() == source.items
        assert source.calls == []

    async def test_a_target_of_ours_has_settings(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here(title=lambda message: message["content"])
        source = ListSession(messages(4))
        session = store.session("s", ttl=60, session_settings={"limit": 1}).as_author("ann")
        await store.copy(source, session)
        assert (await session.info()).title == "q0"
        assert {entry.author for entry in await session.entries()} == {"ann"}
        assert await store.copy(source, session) == Copied(0, 4)
        time.move(61)
        assert await store.session("s").get_items() == []

    async def test_a_session_that_was_begun_gets_the_items(self, open_here: OpenStore) -> None:
        store = open_here()
        await store.session("s", owner="ann").set_info(title="mine")
        assert await store.copy(ListSession(messages(3)), "s") == Copied(3)
        assert (await store.session("s").info()).title == "mine"
        with pytest.raises(OwnerError):
            await store.copy(ListSession(messages(4)), store.session("s", owner="bob"))

    async def test_nothing_of_bad_items(self, open_here: OpenStore) -> None:
        store = open_here()
        with pytest.raises(InvalidItemError, match=r"session 's': items\[2\]"):
            await store.copy(ListSession([*messages(2), {"SECRET": {1, 2}}]), "s")
        with pytest.raises(InvalidItemError):
            await store.copy(ListSession(["SECRET"]), "s")
        assert await store.copy(ListSession(), "s") == Copied()
        assert await store.count() == 0

    # --- To other libraries ------------------------------------------------------------------------------------------

    async def test_to_another_library(self, open_here: OpenStore) -> None:
        store = open_here()
        session = store.session("s")
        await session.add_items(messages(50))
        target, reports = ListSession(), list[Copied]()
        assert await store.copy(session, target, plain=True, progress=reports.append) == Copied(50)
        assert (target.items, target.calls) == (messages(50), [20, 20, 10])
        assert [report.items for report in reports] == [20, 40, 50]
        await session.add_items([user("more")])
        assert await store.copy("s", target, plain=True) == Copied(1, 50)
        assert await store.copy("s", target, plain=True) == Copied(0, 51)
        target.items.append(user("the target has gone on"))
        assert await store.copy("s", target, plain=True) == Copied(0, 51)

    async def test_the_items_themselves_go_to_another_library(self, open_here: OpenStore) -> None:
        store = open_here()
        session = store.session("s")
        await session.add_items([user("1"), _CALL])
        assert (await session.repair(apply=True)).repaired
        await session.add_items([_OUTPUT, answer("a")])
        await session.handover("b")
        await session.add_items([user("2"), {**_CALL, "call_id": "d"}])
        await session.compact(summary_of, keep_turns=1)
        await session.repair(apply=True)
        target = ListSession()
        await store.copy(session, target, plain=True)
        *rest, placeholder = target.items
        assert rest == [user("1"), _CALL, _OUTPUT, answer("a"), user("2"), {**_CALL, "call_id": "d"}]
        assert (placeholder["type"], placeholder["call_id"]) == ("function_call_output", "d")

    async def test_a_target_that_fails_goes_on_later(self, open_here: OpenStore) -> None:
        store = open_here()
        await store.session("s").add_items(messages(70))
        target = ListSession(fails_after=2)
        with pytest.raises(OSError, match="no network"):
            await store.copy("s", target, plain=True)
        target.fails_after = 100
        assert await store.copy("s", target, plain=True) == Copied(30, 40)
        assert target.items == messages(70)
        assert await store.copy(target, ListSession(messages(10))) == Copied(60, 10)

    async def test_a_target_with_other_items_is_refused(self, open_here: OpenStore) -> None:
        store = open_here()
        await store.session("s").add_items(messages(5))
        for number in range(5):
            there = messages(5)
            there[number] = user("SECRET")
            for target in (ListSession(there), ListSession(there[: number + 1])):
                with pytest.raises(ConflictError, match=f"another item .* at place {number + 1}. Nothing") as caught:
                    await store.copy("s", target, plain=True)
                assert "SECRET" not in str(caught.value)
                assert target.calls == []
                with pytest.raises(ConflictError, match="another item"):
                    await store.copy(target, "s")
        assert await store.session("s").get_items() == messages(5)

    # --- Refusals ----------------------------------------------------------------------------------------------------

    async def test_what_cannot_be_copied(self, open_here: OpenStore) -> None:
        store, other = open_here(), other_store(open_here)
        session = store.session("s")
        await session.add_items(messages(2))
        before = await store.sessions()
        cases: list[tuple[Any, Any, type[Exception]]] = [
            ("missing", "new", UnknownSessionError),
            ("missing", ListSession(), UnknownSessionError),
            (other.session("missing"), "new", UnknownSessionError),
            ("s", "s", ValueError),
            (session, session, ValueError),
            (session, "s", ValueError),
            ("", "new", ValueError),
            ("s", "", ValueError),
            (None, "new", TypeError),
            ("s", 5, TypeError),
            ("s", object(), TypeError),
            (ListSession, "new", TypeError),
            ("s", [], TypeError),
            ("s", other.session("t").on_branch("b"), ValueError),
        ]
        for source, target, error in cases:
            with pytest.raises(error, match="Nothing was") as caught:
                await store.copy(source, target, plain=True)
            assert type(caught.value) is error
        with pytest.raises(TypeError):
            await store.copy("s", "new", owner=None)  # type: ignore[arg-type]
        async with session.attempt() as tried:
            for source, target in ((tried, "new"), (ListSession(messages(1)), tried)):
                with pytest.raises(InAttemptError):
                    await store.copy(source, target)
        with pytest.raises(OwnerError):
            await other.copy(store.session("s", owner="ann"), "new")
        assert [one.session_id for one in await store.sessions()] == [one.session_id for one in before]
        assert await other.count() == 0

    async def test_encrypted_items_go_nowhere_in_the_clear_by_mistake(self, open_here: OpenStore) -> None:
        store = open_here()
        key = generate_key()
        secret: LogSession = EncryptedSession("secret", _plain(store, "secret"), key, ttl=None)
        await secret.add_items(messages(3))
        for target in (ListSession(), _plain(store, "new")):
            with pytest.raises(ValueError, match=r"is encrypted, but .* is not\. Nothing was copied"):
                await store.copy(secret, target)
            assert await store.count() == 1
        wrapped = EncryptedSession("list", ListSession(), key, ttl=None)
        assert await store.copy(secret, wrapped) == Copied(3)
        assert await wrapped.get_items() == messages(3)
        copied = EncryptedSession("copied", _plain(store, "copied"), generate_key(), ttl=None)
        assert await store.copy(secret, copied) == Copied(3)
        assert await copied.get_items() == messages(3)
        target = ListSession()
        assert await store.copy(secret, target, plain=True) == Copied(3)
        assert target.items == messages(3)


def _plain(store: Store, session_id: str) -> LogSession:
    """Return a session that is not encrypted, also in a store that encrypts its own."""
    session = store.session(session_id)
    return getattr(session, "_underlying", session)
