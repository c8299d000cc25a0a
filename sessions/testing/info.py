"""The contract for owners, info and lists of sessions, as tests to run on your own store.

As `sessions.testing.ExpiryContract`: a fixture `open_here` returns a function that opens a `Store` on the test's
database, with the options of `open_store`. Each test calls it once.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from sessions.errors import ConflictError, InvalidItemError, OwnerError
from sessions.info_types import Info
from sessions.testing.expiry_model import MovableClock
from sessions.testing.info_model import InfoMachine
from sessions.validation import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.session.base import LogSession
    from sessions.store.store import Store
    from sessions.testing.expiry_model import OpenStore


def _user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


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


BAD_FILTERS: Final[list[tuple[dict[str, Any], type[Exception]]]] = [
    ({"owner": ""}, ValueError),
    ({"owner": 1}, TypeError),
    ({"below": ()}, ValueError),
    ({"owner": "a", "below": "a"}, ValueError),
    ({"archived": 1}, TypeError),
    ({"since": datetime(2026, 1, 1)}, ValueError),  # noqa: DTZ001 - that is the mistake
    ({"since": 5}, TypeError),
    ({"order": "name"}, ValueError),
    ({"order": ["active"]}, ValueError),
    ({"limit": 0}, ValueError),
    ({"limit": "1"}, TypeError),
]
"""What `sessions` and `count` refuse."""


async def _fail(session: LogSession, on_failure: Any) -> None:
    async with session.attempt(on_failure=on_failure) as tried:
        await tried.add_items([_user("SECRET")])
        raise OSError("no model")


class InfoContract:
    """The promises of a store about owners, info and lists. Subclass it as ``Test…`` with the fixture `open_here`."""

    EXAMPLES: ClassVar[int] = 30
    """How many sequences of operations are compared with the model; fewer do for a slow store that shares its code."""

    encrypted: ClassVar[bool] = False
    """Whether the store encrypts its sessions: their tags are in no index."""

    @pytest.fixture
    def time(self, monkeypatch: pytest.MonkeyPatch) -> MovableClock:
        """Return the clock of all sessions in this test."""
        return MovableClock(monkeypatch)

    def test_any_sequence_of_operations(self, open_here: OpenStore, time: MovableClock) -> None:
        run_state_machine_as_test(
            lambda: InfoMachine(open_here, time, encrypted=self.encrypted),  # type: ignore[arg-type]
            settings=settings(
                max_examples=self.EXAMPLES,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
            ),
        )

    # --- Owners ------------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("owner", ["bob", None])
    async def test_every_operation_of_another_owner_is_refused(self, open_here: OpenStore, owner: str | None) -> None:
        store = open_here()
        session = store.session("s", owner=owner or DEFAULT)
        await session.add_items([_user("1")])
        version = await session.version()
        for operation in OPERATIONS.values():
            foreign = store.session("s", owner="ann")
            for _ in range(2):
                with pytest.raises(OwnerError, match=r"session 's'.*Nothing was read or written") as caught:
                    await operation(foreign)
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

    # --- Info --------------------------------------------------------------------------------------------------------

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
        await session.add_items([_user("1")])
        await session.set_info(title=None)
        assert (await session.set_info(metadata=MappingProxyType({"a": 1}))).metadata == {"a": 1}
        await session.set_info(tags=None, metadata=None, archived=False)
        assert await session.info() == Info(owner="ann", metadata={}, version=4)
        assert await session.get_items() == [_user("1")]

    async def test_set_info_at_a_version(self, open_here: OpenStore) -> None:
        store = open_here()
        session = store.session("s")
        await session.set_info(title="1", expected_version=0)
        await session.add_items([_user("1")])
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
        await session.add_items([_user("1")])
        await session.set_info(title="u")
        async with aclosing(session.watch(after=0)) as watch:
            changes = [await anext(watch) for _ in range(3)]
        assert [change.kind for change in changes] == ["info_changed", "appended", "info_changed"]
        assert changes[-1].version == await session.version()

    async def test_a_lease_does_not_keep_others_from_naming_the_session(self, open_here: OpenStore) -> None:
        store = open_here()
        session = store.session("s")
        async with session.lease(exclusive=True) as held:
            await held.add_items([_user("1")])
            await store.session("s").set_info(title="t")
            await held.add_items([_user("2")])
        assert (await session.info()).title == "t"

    async def test_clearing_keeps_info_and_deleting_does_not(self, open_here: OpenStore) -> None:
        store = open_here()
        session = store.session("s", owner="ann")
        await session.add_items([_user("1")])
        await session.set_info(title="t", tags=["a"])
        await session.clear_session()
        assert (await session.info()).title == "t"
        assert await store.count(owner="ann") == 1
        await store.delete("s")
        await session.add_items([_user("2")])
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

    # --- Titles from first messages ----------------------------------------------------------------------------------

    async def test_a_title_is_made_of_the_first_message_once(self, open_here: OpenStore) -> None:
        asked: list[Any] = []

        def title(message: Any) -> str | None:
            asked.append(message)
            return f"About {message['content']}"

        store = open_here(title=title)
        session = store.session("s", owner="ann")
        await session.add_items([{"role": "system", "content": "be kind"}])
        assert asked == []
        await session.add_items([_user("Rome"), {"role": "assistant", "content": "Rome is"}])
        assert (await session.info()).title == "About Rome"
        await session.add_items([_user("Paris")])
        await store.session("s").add_items([_user("Rome")])
        await store.session("titled").set_info(title="mine")
        await store.session("titled").add_items([_user("Rome")])
        assert asked == [_user("Rome")]
        assert (await store.session("titled").info()).title == "mine"
        await store.session("untitled", title=None).add_items([_user("Rome")])
        assert (await store.session("untitled").info()).title is None
        await store.session("own", title=lambda _: "own").add_items([_user("Rome")])
        assert (await store.session("own").info()).title == "own"
        await store.delete("s")
        await session.add_items([_user("Oslo")])
        assert (await session.info()).title == "About Oslo"

    async def test_of_several_first_messages_one_is_first(self, open_here: OpenStore) -> None:
        asked: list[Any] = []

        def title(message: Any) -> str:
            asked.append(message)
            return str(message["content"])

        store = open_here()
        sessions = [store.session("s", title=title) for _ in range(5)]
        await asyncio.gather(*(one.add_items([_user(f"{n}")]) for n, one in enumerate(sessions)))
        (first, *_) = await sessions[0].get_items()
        assert asked == [first]
        assert (await sessions[0].info()).title == first["content"]

    async def test_no_owner_in_place_of_one_is_refused(self, open_here: OpenStore) -> None:
        """A login that failed must not open the conversations of all."""
        store, nobody = open_here(), cast("Any", None)
        await store.session("s", owner="ann").add_items([_user("1")], keys=["k"])
        with pytest.raises(TypeError, match=r"owner is None.*leave the argument out"):
            store.session("s", owner=nobody)
        for name in ("owner", "below"):
            for read in (store.sessions, store.count, store.usage):
                with pytest.raises(TypeError, match=f"{name} is None"):
                    await read(**{name: nobody})
        with pytest.raises(TypeError, match="owner is None"):
            await store.find("k", owner=nobody)
        assert len(await store.sessions()) == await store.count() == len(await store.find("k")) == 1

    @pytest.mark.parametrize("on_failure", ["keep", "drop"])
    async def test_an_attempt_gives_a_title_only_once_it_is_chosen(self, open_here: OpenStore, on_failure: Any) -> None:
        """A failed attempt is not to be seen in the list of conversations; nor does it ask a model for a title."""
        asked: list[str] = []

        def title(message: Any) -> str:
            asked.append(message["content"])
            return asked[-1]

        store = open_here(title=title)
        session = store.session("s")
        with pytest.raises(OSError, match="no model"):
            await _fail(session, on_failure)
        assert ((await session.info()).title, asked) == (None, [])
        async with session.attempt() as tried:
            await tried.add_items([_user("popped")])
            await tried.pop_item()
            await tried.as_author("ann").add_items([_user("1")])
            await tried.add_items([_user("2")])
            assert (await store.session("s").info()).title is None
        assert ((await session.info()).title, asked) == ("1", ["1"])
        async with session.attempt(1) as tried:
            await tried.add_items([_user("3")])
        await session.add_items([_user("4")])
        assert ((await session.info()).title, asked) == ("1", ["1"])

    async def test_nothing_waits_for_an_asynchronous_title_but_closing(self, open_here: OpenStore) -> None:
        asked, ready = asyncio.Event(), asyncio.Event()

        async def title(message: Any) -> str:
            asked.set()
            await ready.wait()
            return str(message["content"])

        async with open_here(title=title) as store:
            session = store.session("s")
            await session.add_items([_user("1")])
            await asked.wait()
            other = store.session("other")
            await other.add_items([_user("2")])
            await other.set_info(title="mine")
            assert (await session.info()).title is None
            ready.set()
            while (await session.info()).title is None:  # noqa: ASYNC110 - it is in a database
                await asyncio.sleep(0)
            assert (await session.info()).title == "1"
            assert (await other.info()).title == "mine"
        assert not [task for task in asyncio.all_tasks() if "_set_later" in repr(task)]

    async def test_a_title_that_fails_fails_nothing_else(
        self, open_here: OpenStore, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def later(message: Any) -> str:
            raise OSError(message["content"])

        def at_once(message: Any) -> str:
            raise ValueError(message["content"])

        titles: dict[str, Any] = {
            "later": later, "at once": at_once, "number": lambda _: 5, "empty": lambda _: "", "nul": lambda _: "\0",
            "long": lambda message: message["content"] * 500, "surrogate": lambda _: "\ud800",
        }  # fmt: skip
        async with open_here() as store:
            for name, title in titles.items():
                session = store.session(name, title=title)
                await session.add_items([_user("SECRET")])
                assert await session.get_items() == [_user("SECRET")]
            while caplog.text.count("no title was made") < len(titles):  # noqa: ASYNC110 - it is in a log
                await asyncio.sleep(0)
            for name in titles:
                assert (await store.session(name).info()).title is None
        assert "SECRET" not in caplog.text
        assert "session 'later': no title was made: the function raised OSError" in caplog.text
        assert "session 'number': no title was made: the function returned int; it must" in caplog.text
        assert "session 'long': no title was made: the function returned 3000 bytes; at most 1024" in caplog.text

    async def test_what_is_no_function_is_refused(self, open_here: OpenStore) -> None:
        with pytest.raises(TypeError, match="title must be a function"):
            open_here(title="Rome")

    # --- Lists -------------------------------------------------------------------------------------------------------

    async def test_an_idle_session_is_never_missed_while_others_are_active(
        self, open_here: OpenStore, time: MovableClock
    ) -> None:
        store = open_here()
        for number in range(12):
            await store.session(f"s{number}", owner="ann").add_items([_user("1")])
            time.move(1)
        busy = {"s3", "s7"}
        seen: list[str] = []
        cursor = None
        while page := await store.sessions(owner="ann", limit=2, after=cursor):
            seen += [one.session_id for one in page]
            cursor = page[-1].cursor
            time.move(61)
            await asyncio.gather(*(store.session(name).add_items([_user("2")]) for name in busy))
            await store.session(f"new {len(seen)}", owner="ann").add_items([_user("1")])
        idle = [name for name in seen if name not in busy]
        assert idle == [f"s{number}" for number in range(11, -1, -1) if f"s{number}" not in busy]

    async def test_a_session_moves_at_most_once_a_minute(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        session = store.session("s")
        begun = datetime.fromtimestamp(time.seconds, UTC)
        seen = []
        for _ in range(5):
            await session.add_items([_user("1")])
            found = await store.get("s")
            assert found is not None
            seen.append(((found.active_at - begun).seconds, (found.updated_at - begun).seconds))
            time.move(29)
        assert seen == [(0, 0), (0, 29), (0, 58), (87, 87), (87, 116)]

    async def test_appends_at_once_in_a_new_minute(self, open_here: OpenStore, time: MovableClock) -> None:
        store = open_here()
        for name in "abc":
            await store.session(name).add_items([_user("1")])
            time.move(1)
        await store.session("a").set_info(tags=None if self.encrypted else ["t"])
        time.move(100)
        await asyncio.gather(*(store.session("a").add_items([_user(str(n))]) for n in range(20)))
        assert [one.session_id for one in await store.sessions()] == ["a", "c", "b"]
        assert [one.session_id for one in await store.sessions(order="created")] == ["c", "b", "a"]
        if not self.encrypted:
            (found,) = await store.sessions(tag="t")
            assert found.active_at == datetime.fromtimestamp(time.seconds, UTC)
            assert found.item_count == 21

    async def test_what_is_no_cursor_is_refused(self, open_here: OpenStore) -> None:
        store = open_here()
        cursors: list[Any] = ["", "x", "a1", "a1.", "1.1", "a1.1.1", "a" + "9" * 30 + ".1", "a1.\u0661", "a1.1;", 1]
        for cursor in cursors:
            with pytest.raises(ValueError, match=r"after .* the cursor"):
                await store.sessions(after=cursor)

    async def test_a_cursor_of_another_order_is_refused(self, open_here: OpenStore) -> None:
        store = open_here()
        await store.session("s").add_items([_user("1")])
        for order, other in (("active", "created"), ("created", "active")):
            (one,) = await store.sessions(order=order)  # type: ignore[arg-type]
            with pytest.raises(ValueError, match=f"order='{order}'"):
                await store.sessions(order=other, after=one.cursor)  # type: ignore[arg-type]

    async def test_filters_that_mean_nothing_are_refused(self, open_here: OpenStore) -> None:
        store = open_here()
        for filters, error in BAD_FILTERS:
            with pytest.raises(error):
                await store.sessions(**filters)
            if not filters.keys() & {"order", "limit"}:
                with pytest.raises(error):
                    await store.count(**filters)

    async def test_tags(self, open_here: OpenStore) -> None:
        store = open_here()
        if self.encrypted:
            for call in (store.sessions, store.count):
                with pytest.raises(ValueError, match="encrypts its sessions"):
                    await call(tag="a")
            return
        await self._tagged(store)
        for tag in ("", "a\0", "é" * 128):
            with pytest.raises(ValueError, match="tag"):
                await store.sessions(tag=tag)

    async def _tagged(self, store: Store) -> None:
        await store.session("1", owner="ann").set_info(tags=["a", "A"])
        await store.session("2", owner="bob").set_info(tags=["a", "a "])
        await store.session("3", owner=("ann", "x")).set_info(tags=["a"], archived=True)

        async def names(**filters: Any) -> str:
            return " ".join(sorted(one.session_id for one in await store.sessions(**filters)))

        assert await names(tag="a") == "1 2 3"
        assert (await names(tag="A"), await names(tag="a "), await names(tag="b")) == ("1", "2", "")
        assert await names(tag="a", owner="ann") == "1"
        assert await names(tag="a", below="ann") == "1 3"
        assert await names(tag="a", archived=False) == "1 2"
        await store.session("1").set_info(tags=["A"])
        await store.delete("2")
        assert await names(tag="a") == "3"
        assert await store.count(tag="a") == 1
