"""The contract that every session keeps, as tests to run on your own.

A store's author writes a few lines; pytest does the rest::

    from sessions.testing import SessionContract

    class TestMyStore(SessionContract):
        @pytest.fixture
        def make(self, tmp_path):
            return lambda session_id, **settings: MySession(session_id, tmp_path / "db", **settings)

``make(session_id, **settings)`` returns a new object each time it is called; objects with the same id are the same
conversation. It takes the keyword ``session_settings``. Needs pytest, pytest-asyncio and hypothesis, which the extra
``agent-session-store[testing]`` installs.
"""

from __future__ import annotations

import asyncio
import math
import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from sessions.errors import IdempotencyKeyReusedError, InvalidItemError
from sessions.protocol import Session, SessionSettings
from sessions.testing.list_model import (
    Item,
    KeyedSession,
    ListMachine,
    MakeSession,
    assert_same,
    check_batches,
    json_items,
    json_values,
    user,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


def _circular() -> Item:
    item: Item = {"role": "user", "content": []}
    item["content"].append({"again": item})
    return item


__all__ = ["MakeSession", "SessionContract", "check_batches", "json_items", "json_values", "user"]

# Values that are not JSON, and the place that a message must name.
BAD_ITEMS: list[tuple[Any, str]] = [
    ("text", "items[1]"),
    (None, "items[1]"),
    (["list"], "items[1]"),
    ({"a": math.nan}, "items[1]['a']"),
    ({"a": [1, {"b": math.inf}]}, "items[1]['a'][1]['b']"),
    ({"a": b"bytes"}, "items[1]['a']"),
    ({"a": datetime(2026, 1, 1, tzinfo=UTC)}, "items[1]['a']"),
    ({"a": {"set"}}, "items[1]['a']"),
    ({"a": ("tuple",)}, "items[1]['a']"),
    ({"a": uuid4()}, "items[1]['a']"),
    ({"a": {1: "key"}}, "items[1]['a']"),
    ({"a": "\ud800"}, "items[1]['a']"),
    ({"\udfff": 1}, "items[1]"),
    (_circular(), "items[1]['content'][0]['again']"),
]

# Pairs that a database might take for the same, or for SQL.
DISTINCT_IDS = [
    "user", "User", "usér", "use\u0301r", "user ", " user", "user\n", "us\u0435r", "\U0001d4caser", 'user"', "user%",
    "user_", "😀", "user\\", "a" * 1024, "user'; drop table sessions; --",
]  # fmt: skip


class SessionContract:
    """The promises of a session. Subclass it, name the subclass ``Test…`` and give it the fixture `make`."""

    EXAMPLES: ClassVar[int] = 40
    """How many sequences of operations are compared with the model; fewer do for a slow store that shares its code."""

    @pytest.fixture
    def session(self, make: MakeSession) -> KeyedSession:
        """Return a session with an id of its own."""
        return make(f"session-{uuid4()}")

    # --- The four methods --------------------------------------------------------------------------------------

    def test_is_a_session(self, session: KeyedSession) -> None:
        assert isinstance(session, Session)
        assert session.session_id.startswith("session-")

    async def test_begins_empty(self, session: KeyedSession) -> None:
        assert await session.get_items() == []
        assert await session.get_items(limit=3) == []
        assert await session.pop_item() is None
        await session.clear_session()
        assert await session.get_items() == []

    async def test_keeps_the_order_of_adding(self, session: KeyedSession) -> None:
        await session.add_items([user("1"), user("2")])
        await session.add_items([])
        await session.add_items([user("3")])
        assert await session.get_items() == [user("1"), user("2"), user("3")]

    async def test_limit_counts_from_the_end(self, session: KeyedSession) -> None:
        items = [user(str(number)) for number in range(10)]
        await session.add_items(items)
        for limit in (0, 1, 3, 9, 10, 11, 10**9):
            assert await session.get_items(limit) == items[max(0, 10 - limit) :]
            assert await session.get_items(limit=limit) == items[max(0, 10 - limit) :]

    async def test_settings_give_the_limit_that_the_caller_does_not(self, make: MakeSession) -> None:
        session = make("limited", session_settings=SessionSettings(limit=2))
        await session.add_items([user("1"), user("2"), user("3")])
        assert await session.get_items() == [user("2"), user("3")]
        assert await session.get_items(3) == [user("1"), user("2"), user("3")]
        assert await session.get_items(0) == []

    async def test_pop_takes_the_last_item(self, session: KeyedSession) -> None:
        await session.add_items([user("1"), user("2"), user("3")])
        assert await session.pop_item() == user("3")
        await session.add_items([user("4")])
        assert await session.pop_item() == user("4")
        assert await session.pop_item() == user("2")
        assert await session.get_items() == [user("1")]
        assert await session.pop_item() == user("1")
        assert await session.pop_item() is None

    async def test_clear_removes_all_and_the_session_goes_on(self, session: KeyedSession) -> None:
        await session.add_items([user("1"), user("2")])
        await session.clear_session()
        assert await session.get_items() == []
        assert await session.pop_item() is None
        await session.add_items([user("3")])
        assert await session.get_items() == [user("3")]

    async def test_objects_of_one_id_are_one_conversation(self, make: MakeSession) -> None:
        one, other = make("shared"), make("shared")
        await one.add_items([user("1")])
        await other.add_items([user("2")])
        assert await one.get_items() == await other.get_items() == [user("1"), user("2")]
        assert await one.pop_item() == user("2")
        assert await other.get_items() == [user("1")]

    async def test_ids_differ_if_one_byte_does(self, make: MakeSession) -> None:
        for session_id in DISTINCT_IDS:
            await make(session_id).add_items([user(session_id)])
        for session_id in DISTINCT_IDS:
            assert await make(session_id).get_items() == [user(session_id)]
        await make("user").clear_session()
        for session_id in DISTINCT_IDS[1:]:
            assert await make(session_id).get_items() == [user(session_id)]

    # --- Losslessness ------------------------------------------------------------------------------------------

    def test_what_was_put_in_comes_out(self, make: MakeSession) -> None:
        @settings(
            max_examples=2 * self.EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
        )
        @given(st.lists(json_items(), max_size=5))
        def check(items: list[Item]) -> None:
            async def round_trip() -> None:
                session = make(f"json-{uuid4()}")
                await session.add_items(items)
                assert_same(await session.get_items(), items)
                for item in reversed(items):
                    assert_same(await session.pop_item(), item)

            asyncio.run(round_trip())

        check()

    async def test_large_and_deep_items(self, session: KeyedSession) -> None:
        deep: Any = "bottom"
        for _ in range(200):
            deep = [deep]
        items = [{"role": "user", "content": "é" * 2_000_000}, {"deep": deep}, {"integer": -(10**1000)}]
        await session.add_items(items)
        assert await session.get_items() == items

    async def test_the_caller_may_change_items_after_adding(self, session: KeyedSession) -> None:
        item = user("before")
        adding = asyncio.ensure_future(session.add_items([item]))
        await asyncio.sleep(0)
        item["content"] = "after"
        await adding
        (stored,) = await session.get_items()
        assert stored == user("before")
        stored["content"] = "changed by a reader"
        assert await session.get_items() == [user("before")]

    # --- Bad input changes nothing -----------------------------------------------------------------------------

    @pytest.mark.parametrize(("bad", "place"), BAD_ITEMS, ids=lambda value: value if isinstance(value, str) else "")
    async def test_refuses_what_is_no_json_object(self, session: KeyedSession, bad: Any, place: str) -> None:
        with pytest.raises(InvalidItemError) as caught:
            await session.add_items([user("good"), bad, user("good")])
        assert place in str(caught.value)
        assert session.session_id in str(caught.value)
        assert await session.get_items() == []

    @pytest.mark.parametrize("items", ["text", b"bytes", user("one item, not a list"), None, 3])
    async def test_refuses_what_is_no_list_of_items(self, session: KeyedSession, items: Any) -> None:
        with pytest.raises(TypeError):
            await session.add_items(items)
        assert await session.get_items() == []

    @pytest.mark.parametrize(
        ("limit", "error"), [("3", TypeError), (2.0, TypeError), (True, TypeError), (-1, ValueError)]
    )
    async def test_refuses_what_is_no_limit(self, session: KeyedSession, limit: Any, error: type[Exception]) -> None:
        with pytest.raises(error, match="limit"):
            await session.get_items(limit)

    @pytest.mark.parametrize(
        ("session_id", "error"),
        [("", ValueError), ("a\0b", ValueError), ("\ud800", ValueError), ("a" * 1025, ValueError), (7, TypeError)],
        ids=["empty", "NUL", "surrogate", "long", "number"],
    )
    def test_refuses_what_is_no_id(self, make: MakeSession, session_id: Any, error: type[Exception]) -> None:
        with pytest.raises(error, match="session_id"):
            make(session_id)

    # --- Idempotency -------------------------------------------------------------------------------------------

    async def test_a_key_adds_once(self, make: MakeSession) -> None:
        session, elsewhere = make("idempotent"), make("idempotent")
        await session.add_items([user("1")], idempotency_key="first")
        await session.add_items([user("2")])
        for again in (session, elsewhere, make("idempotent")):
            await again.add_items([user("1")], idempotency_key="first")
        # The order of members does not matter for the equality of JSON objects.
        await session.add_items([{"content": "1", "role": "user"}], idempotency_key="first")
        assert await session.get_items() == [user("1"), user("2")]

    async def test_a_key_of_other_items_is_refused(self, session: KeyedSession) -> None:
        await session.add_items([user("1")], idempotency_key="key")
        for items in ([user("2")], [user("1"), user("1")], []):
            with pytest.raises(IdempotencyKeyReusedError, match="session-"):
                await session.add_items(items, idempotency_key="key")
        assert await session.get_items() == [user("1")]

    async def test_a_key_belongs_to_its_session_and_outlives_pop_and_clear(self, make: MakeSession) -> None:
        one, other = make("one"), make("other")
        await one.add_items([user("1")], idempotency_key="key")
        await other.add_items([user("2")], idempotency_key="key")
        assert await other.get_items() == [user("2")]
        await one.pop_item()
        await one.add_items([user("1")], idempotency_key="key")
        assert await one.get_items() == []
        await one.clear_session()
        await one.add_items([user("1")], idempotency_key="key")
        assert await one.get_items() == []

    async def test_a_key_adds_once_from_many_tasks(self, make: MakeSession) -> None:
        await asyncio.gather(*(make("race").add_items([user("1"), user("2")], idempotency_key="k") for _ in range(20)))
        assert await make("race").get_items() == [user("1"), user("2")]

    @pytest.mark.parametrize(
        ("key", "error"),
        [("", ValueError), ("a\0b", ValueError), ("\x01k", ValueError), ("k" * 256, ValueError), (7, TypeError)],
    )
    async def test_refuses_what_is_no_key(self, session: KeyedSession, key: Any, error: type[Exception]) -> None:
        with pytest.raises(error, match="idempotency_key"):
            await session.add_items([user("1")], idempotency_key=key)
        assert await session.get_items() == []

    # --- Concurrency -------------------------------------------------------------------------------------------

    async def test_batches_of_many_writers_stay_whole(self, make: MakeSession) -> None:
        async def write(writer: int) -> None:
            session = make("many writers")
            for batch in range(10):
                await session.add_items([{"writer": writer, "batch": batch, "part": part} for part in range(3)])

        await asyncio.gather(*(write(writer) for writer in range(20)))
        check_batches(await make("many writers").get_items(), writers=20, batches=10, parts=3)

    async def test_each_item_is_popped_once(self, make: MakeSession) -> None:
        items = [user(str(number)) for number in range(60)]
        await make("popped").add_items(items)
        popped = await asyncio.gather(*(make("popped").pop_item() for _ in range(70)))
        assert sorted(int(item["content"]) for item in popped if item) == list(range(60))
        assert popped.count(None) == 10

    async def test_what_was_added_is_read_at_once(self, make: MakeSession) -> None:
        async def converse(number: int) -> None:
            session = make(f"own writes {number}")
            for turn in range(20):
                await session.add_items([user(str(turn))])
                assert await session.get_items(1) == [user(str(turn))]

        await asyncio.gather(*(converse(number) for number in range(10)))

    def test_works_from_several_threads_and_loops_and_again(self, make: MakeSession) -> None:
        session = make("loops")
        asyncio.run(session.add_items([user("first loop")]))
        failures: list[BaseException] = []

        def work(writer: int) -> None:
            async def write() -> None:
                for batch in range(10):
                    await session.add_items([{"writer": writer, "batch": batch, "part": 0}])
                    await session.get_items(2)

            try:
                asyncio.run(write())
            except BaseException as error:  # noqa: BLE001 - the test must see an error that a thread cannot raise
                failures.append(error)

        threads = [threading.Thread(target=work, args=(writer,)) for writer in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        first, *rest = asyncio.run(session.get_items())
        assert first == user("first loop")
        check_batches(rest, writers=4, batches=10, parts=1)

    @pytest.mark.parametrize("operation", ["add", "pop", "clear"])
    async def test_a_cancelled_change_has_happened_wholly_or_not_at_all(
        self, make: MakeSession, operation: str
    ) -> None:
        before, added = [user("1"), user("2"), user("3")], [user("4"), user("5")]
        changes: dict[str, tuple[Callable[[KeyedSession], Coroutine[Any, Any, Any]], list[Item]]] = {
            "add": (lambda session: session.add_items(added), before + added),
            "pop": (lambda session: session.pop_item(), before[:-1]),
            "clear": (lambda session: session.clear_session(), []),
        }
        change, after = changes[operation]
        cancelled, late = 0, 0
        for steps in range(50):
            if late == 3:
                break  # Later than the end, all are alike.
            session = make(f"cancelled {operation} {steps}")
            await session.add_items(before)
            task = asyncio.ensure_future(change(session))
            for _ in range(steps):
                await asyncio.sleep(0)
            late = late + 1 if task.done() else 0
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            cancelled += task.cancelled()
            outcome = await session.get_items()
            assert outcome in (before, after)
            # It is decided by now: nothing comes later.
            await make("somebody else").add_items([user("later")])
            assert await session.get_items() == outcome
        assert cancelled

    # --- Against a model ---------------------------------------------------------------------------------------

    def test_behaves_like_a_list(self, make: MakeSession) -> None:
        class Machine(ListMachine):
            def __init__(self) -> None:
                super().__init__(make)

        run_state_machine_as_test(
            Machine, settings=settings(max_examples=self.EXAMPLES, stateful_step_count=30, deadline=None)
        )
