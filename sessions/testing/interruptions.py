"""The contract for interruptions, as tests to run on your own store.

As `sessions.testing.HistoryContract`, with ``make(session_id, **settings)`` that also takes ``codec``: an operation
that is cancelled twice, again and again, or by a scope of anyio's has happened completely or not at all; and errors of
a caller's function reach only that caller. Needs anyio, too, which the extra ``agent-session-store[testing]`` installs.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias
from uuid import uuid4

import anyio
import pytest

from sessions.codecs.json import JSONCodec
from sessions.errors import CounterError, SessionsError
from sessions.items.window import Window
from sessions.settings import Compaction
from sessions.testing.fixtures import SessionAndClock
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

    from sessions.session.base import LogSession
    from sessions.testing.fixtures import MakeLogSession

Action: TypeAlias = "Callable[[], Awaitable[Any]]"
Operation: TypeAlias = "Callable[[LogSession], Awaitable[Any]]"

_HANGS_AFTER: Final = 60
_NEIGHBOURS: Final = 8
_CALL: Final = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}


class PanicError(BaseException):
    """The panic of an extension, which is not an `Exception`."""


RAISED: Final[tuple[type[BaseException], ...]] = (
    PanicError,
    StopIteration,
    StopAsyncIteration,
    GeneratorExit,
    KeyboardInterrupt,
    SystemExit,
    ZeroDivisionError,
    ConnectionError,
    TimeoutError,
)

# --- Ways to cancel -----------------------------------------------------------------------------------------------


async def _twice(operation: Action, moment: Action) -> bool:
    task = asyncio.ensure_future(_awaited(operation))
    await moment()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    return await _was_cancelled(task)


async def _again_and_again(operation: Action, moment: Action) -> bool:
    task = asyncio.ensure_future(_awaited(operation))
    await moment()
    while not task.done():
        task.cancel()
        await asyncio.sleep(0.0005)
    return await _was_cancelled(task)


async def _by_a_scope(operation: Action, moment: Action) -> bool:
    """As web frameworks do when a client goes away."""
    scope = anyio.CancelScope()

    async def within() -> None:
        with scope:
            await operation()

    task = asyncio.ensure_future(within())
    await moment()
    scope.cancel()
    await _was_cancelled(task)
    return scope.cancelled_caught


WAYS: Final = {"twice": _twice, "again and again": _again_and_again, "by a scope of anyio's": _by_a_scope}
"""Each has an operation cancelled at a moment, and tells whether it was."""


def _after(steps: int, event: asyncio.Event | None = None) -> Action:
    """Return an action that waits for so many cycles of the event loop, after an event."""

    async def wait() -> None:
        if event is not None:
            await asyncio.wait_for(event.wait(), _HANGS_AFTER)
        for _ in range(steps):
            await asyncio.sleep(0)

    return wait


async def _awaited(operation: Action) -> None:
    await operation()


async def _was_cancelled(task: asyncio.Task[None]) -> bool:
    done, _ = await asyncio.wait([task], timeout=_HANGS_AFTER)
    assert done, "it hangs"
    with suppress(asyncio.CancelledError):
        await task
    return task.cancelled()


# --- Cancelled operations -----------------------------------------------------------------------------------------


async def _summarise(items: list[Any]) -> str:
    return f"{len(items)} items"


async def _choose_the_other(session: LogSession) -> None:
    await session.choose((await session.siblings(2))[0])


CHANGES: Final[dict[str, Operation]] = {
    "add_items": lambda s: s.add_items([item("u9"), item("a9")]),
    "add_items with a key": lambda s: s.add_items([item("u9")], idempotency_key="k"),
    "pop_item": lambda s: s.pop_item(),
    "clear_session": lambda s: s.clear_session(),
    "undo": lambda s: s.undo(),
    "rewind": lambda s: s.rewind(1),
    "choose": _choose_the_other,
    "create": lambda s: s.branches.create("c", switch=True),
    "switch": lambda s: s.branches.switch("b"),
    "rename": lambda s: s.branches.rename("b", "d"),
    "delete": lambda s: s.branches.delete("b"),
    "handover": lambda s: s.handover("somebody"),
    "repair": lambda s: s.repair(apply=True),
    "compact": lambda s: s.compact(_summarise),
    "undo_compaction": lambda s: s.undo_compaction(),
    "record": lambda s: s.usage.record(model="m", input_tokens=1, output_tokens=2),
}


async def _fill(session: LogSession, change: str) -> None:
    await session.add_items([item("u1"), item("a1"), item("u2"), item("a2")])
    await session.branches.create("b", turn=2)
    await session.undo()
    await session.add_items([item("u3"), _CALL if change == "repair" else item("a3")])
    if change == "undo_compaction":
        await session.compact(_summarise)


async def _state(session: LogSession) -> list[Any]:
    """Return all that a change may change, but for ids and times."""
    listed = await session.branches.list()
    state: list[Any] = [(branch.name, branch.current, branch.items, branch.redoable) for branch in listed]
    for branch in listed:
        there = session.on_branch(branch.name)
        state.append([(entry.kind, entry.hidden, _plainly(entry.item)) for entry in await there.entries()])
        state.append(await there.get_items())
    usage = await session.usage.total()
    return [*state, usage.requests, usage.input_tokens]


def _plainly(found: Any) -> Any:
    """Return an item without a time that it may hold."""
    return {key: value for key, value in found.items() if key != "made_at"}


# --- Callers' functions ------------------------------------------------------------------------------------------


class FaultyCodec:
    """JSON, but a "slow" item takes a while, and a "bad" one raises while `fault` is set.

    No subclass of `JSONCodec`, for which stores may know shorter ways.
    """

    fault: type[BaseException] | None = None

    def __init__(self) -> None:
        self._json = JSONCodec()

    def encode_all(self, items: Sequence[Any]) -> list[bytes]:
        """Return each item's payload."""
        payloads = self._json.encode_all(items)
        if self.fault and any(b"unwritable" in payload for payload in payloads):
            raise self.fault("by a codec")
        return payloads

    def decode_all(self, payloads: Iterable[bytes]) -> list[Any]:
        """Return the items of payloads."""
        return [self.decode(payload) for payload in payloads]

    def decode(self, payload: bytes) -> Any:
        """Return the item of a payload."""
        if b"slow" in payload:
            time.sleep(0.05)
        if self.fault and b"bad" in payload:
            raise self.fault("by a codec")
        return self._json.decode(payload)

    def digest(self, items: Sequence[Any]) -> bytes:
        """Return the digest of a list of items."""
        return self._json.digest(items)


READERS: Final[dict[str, Operation]] = {
    "get_items": lambda s: s.get_items(),
    "the last item": lambda s: s.get_items(1),
    "window": lambda s: s.window(3),
    "entries": lambda s: s.entries(),
    "turns": lambda s: s.turns(),
    "undo": lambda s: s.undo(),
    "pop_item": lambda s: s.pop_item(),
    "compact": lambda s: s.compact(_summarise, keep_turns=0),
}


class InterruptionContract(SessionAndClock):
    """Derive from this and provide the fixture ``make``."""

    # --- Cancellation -----------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("change", CHANGES)
    async def test_a_change_has_happened_wholly_or_not_at_all(self, make: MakeLogSession, change: str) -> None:
        own = f"{uuid4()}"
        whole = make(f"whole {own}")
        await _fill(whole, change)
        before = await _state(whole)
        await CHANGES[change](whole)
        after = await _state(whole)
        assert after != before
        ways = list(WAYS.values())
        cancelled = 0
        for steps in (0, 1, 2, 3, 4, 6, 9, 13, 19):
            session = make(f"{steps} {own}")
            await _fill(session, change)
            cancelled += await ways[steps % len(ways)](partial(CHANGES[change], session), _after(steps))
            fresh = make(f"{steps} {own}")
            state = await _state(fresh)
            assert state in (before, after)
            # It is decided by now: nothing comes later.
            await make("somebody else").add_items([item("u1")])
            assert await _state(fresh) == state
            await fresh.add_items([item("u4")])
        assert cancelled

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("on_busy", ["wait", "reject", "fork"])
    async def test_a_lease_is_given_back(
        self, make: MakeLogSession, session: LogSession, way: str, on_busy: Literal["wait", "reject", "fork"]
    ) -> None:
        await session.add_items([item("u1")])

        async def hold() -> None:
            async with session.lease(on_busy=on_busy) as leased:
                await leased.add_items([item("u2")])
                held.set()
                await asyncio.sleep(_HANGS_AFTER)

        # While it is being taken, while something is added, and while it is held.
        for steps in (1, 2, 3, 5, 8, 13, None):
            held = asyncio.Event()
            moment = _after(0, held) if steps is None else _after(steps)
            assert await WAYS[way](hold, moment)
            async with make(session.session_id).lease(on_busy="reject"):
                pass

    @pytest.mark.parametrize("way", WAYS)
    async def test_a_lease_that_is_being_left_is_given_back(
        self, make: MakeLogSession, session: LogSession, way: str
    ) -> None:
        await session.add_items([item("u1")])

        async def leave() -> None:
            with suppress(ZeroDivisionError):
                async with session.lease():
                    left.set()
                    raise ZeroDivisionError

        for steps in (0, 1, 2, 3, 5, 8):
            left = asyncio.Event()
            await WAYS[way](leave, _after(steps, left))
            async with make(session.session_id).lease(on_busy="reject"):
                pass

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("on_failure", ["keep", "drop"])
    async def test_an_attempt_that_is_cancelled_in_its_block_leaves_the_old_way(
        self, make: MakeLogSession, way: str, on_failure: Literal["keep", "drop"]
    ) -> None:
        """Fails without: session/attempts.py, `settle` in `end` (what is to be dropped would stay)."""
        session_id = f"{uuid4()}"
        session = make(session_id)
        await session.add_items([item("u1"), item("a1")])

        async def attempt() -> None:
            async with session.attempt(1, on_failure=on_failure) as tried:
                await tried.add_items([item("u1b")])
                added.set()
                await asyncio.sleep(_HANGS_AFTER)

        for number in range(3):
            added = asyncio.Event()
            assert await WAYS[way](attempt, _after(number, added))
            fresh = make(session_id)
            assert await fresh.get_items() == [item("u1"), item("a1")]
            kept = [True] + [False] * (number + 1 if on_failure == "keep" else 0)
            assert [sibling.current for sibling in await fresh.siblings(1)] == kept

    @pytest.mark.parametrize("way", WAYS)
    async def test_an_attempt_that_is_cancelled_at_its_end_is_the_branchs_or_beside_it(
        self, make: MakeLogSession, way: str
    ) -> None:
        old, new = [item("u1"), item("a1")], [item("u1b")]
        for steps in (0, 1, 2, 3, 5, 8, 13):
            session_id = f"{uuid4()}"
            session = make(session_id)
            await session.add_items(old)
            written = asyncio.Event()

            async def attempt(session: LogSession = session, written: asyncio.Event = written) -> None:
                async with session.attempt(1, on_failure="drop") as tried:
                    await tried.add_items(new)
                    written.set()

            await WAYS[way](attempt, _after(steps, written))
            fresh = make(session_id)
            found = await fresh.get_items()
            assert found in (old, new)
            # Its block had ended, so that nothing of it is dropped.
            assert [sibling.current for sibling in await fresh.siblings(1)] == [found == old, found == new]
            await fresh.add_items([item("u2")])

    @pytest.mark.parametrize("way", WAYS)
    async def test_who_stops_waiting_for_a_lease_is_not_waited_for(
        self, make: MakeLogSession, session: LogSession, way: str
    ) -> None:
        for steps in (1, 4, 9, 50):
            async with session.lease():
                assert await WAYS[way](lambda: make(session.session_id).lease().__aenter__(), _after(steps))
            async with make(session.session_id).lease(on_busy="reject"):
                pass

    @pytest.mark.parametrize("way", WAYS)
    async def test_a_watch_leaves_nothing_behind(self, session: LogSession, way: str) -> None:
        await session.add_items([item("u1")])
        before = asyncio.all_tasks()
        for steps in (1, 3, 9, 50):
            watch = session.watch(after=0)
            await anext(watch)
            assert await WAYS[way](watch.__anext__, _after(steps))
            with pytest.raises(StopAsyncIteration):
                await anext(watch)
        if left := asyncio.all_tasks() - before:
            await asyncio.wait(left, timeout=_HANGS_AFTER)
        assert asyncio.all_tasks() == before

    # --- Errors of callers' functions: each kind in a session of its own, as a new database costs more ---------------

    @pytest.mark.parametrize("reader", READERS)
    async def test_what_a_codec_raises_while_reading(self, make: MakeLogSession, reader: str) -> None:
        read = READERS[reader]
        for raised in RAISED:
            codec, own = FaultyCodec(), uuid4()
            bad = make(f"bad {own}", codec=codec)
            await bad.add_items([item("u1"), item("u2 bad"), item("a2 bad")])
            async with self._neighbours(make, own, codec, read):
                codec.fault = raised
                await self._raises(raised, partial(read, bad))
                await self._raises(raised, partial(read, bad))
                codec.fault = None
            assert len(await bad.get_items()) == 3
            await bad.add_items([item("u3")])
            assert (await bad.pop_item()) == item("u3")

    async def test_what_a_codec_raises_while_writing(self, make: MakeLogSession) -> None:
        for raised in RAISED:
            codec, own = FaultyCodec(), uuid4()
            bad = make(f"bad {own}", codec=codec)
            await bad.add_items([item("u1")])
            async with self._neighbours(make, own, codec, lambda s: s.add_items([item("u2")])):
                codec.fault = raised
                await self._raises(raised, partial(bad.add_items, [item("u2"), item("unwritable")]))
            assert len(await bad.get_items()) == 1

    @pytest.mark.parametrize("where", ["window", "compaction"])
    async def test_what_a_counter_raises(self, make: MakeLogSession, where: str) -> None:
        def count(counted: Any) -> int:
            if "slow" in counted["content"]:
                time.sleep(0.05)
            if "bad" in counted["content"]:
                raise raised("by a counter")
            return 1

        window = Window(tokens=100, counter=count)
        setting = {"window": window} if where == "window" else {"compaction": Compaction(_summarise, above=window)}

        def with_setting(session_id: str, **_: Any) -> LogSession:
            return make(session_id, session_settings=setting)

        for raised in RAISED:
            own = uuid4()
            bad = with_setting(f"bad {own}")
            await bad.add_items([item("u1"), item("u2 bad")])
            async with self._neighbours(with_setting, own, None, lambda s: s.get_items()):
                await self._raises(CounterError if issubclass(raised, Exception) else raised, bad.get_items)
            assert len(await bad.get_items(5)) == 2

    async def test_what_a_summariser_raises(self, make: MakeLogSession) -> None:
        async def fail(_: list[Any]) -> str:
            raise raised("by a summariser")

        for raised in RAISED:
            own = uuid4()
            session = make(f"bad {own}")
            await session.add_items([item("u1"), item("a1"), item("u2")])
            async with self._neighbours(make, own, None, lambda s: s.compact(_summarise, keep_turns=0)):
                await self._raises(raised, partial(session.compact, fail))
            assert len(await session.get_items()) == 3
            assert await session.compact(_summarise) is not None

    async def test_what_the_body_of_a_lease_raises(self, make: MakeLogSession) -> None:
        async def fail() -> None:
            async with session.lease() as leased:
                await leased.add_items([item("u1")])
                raise raised("by the body of a lease")

        for raised in RAISED:
            session = make(f"{uuid4()}")
            await self._raises(raised, fail)
            async with make(session.session_id).lease(on_busy="reject"):
                assert len(await session.get_items()) == 1

    @asynccontextmanager
    async def _neighbours(
        self, make: MakeLogSession, own: Any, codec: FaultyCodec | None, operation: Operation
    ) -> AsyncIterator[None]:
        """Have other sessions do the same at the same time: in the same group, where there are groups."""
        options = {} if codec is None else {"codec": codec}
        others = [make(f"neighbour {own} {number}", **options) for number in range(_NEIGHBOURS)]
        for number, other in enumerate(others):
            # The first two keep the threads busy until the others wait.
            await other.add_items([item("u1 slow" if number < 2 else "u1"), item("u2")])
        tasks = []
        for number, other in enumerate(others):
            tasks.append(asyncio.ensure_future(_awaited(partial(operation, other))))
            if number in (1, _NEIGHBOURS // 2):
                await asyncio.sleep(0.005)
        yield
        done, pending = await asyncio.wait(tasks, timeout=_HANGS_AFTER)
        assert not pending, "the neighbours hang"
        for task in done:
            task.result()
        # The connection is as before: no transaction is open, no thread has ended.
        last = make(f"last {own}")
        await asyncio.wait_for(last.add_items([item("u1")]), _HANGS_AFTER)
        assert await asyncio.wait_for(last.get_items(), _HANGS_AFTER) == [item("u1")]

    async def _raises(self, expected: type[BaseException], operation: Action) -> None:
        """Expect an error here, in the caller: in a task of its own, an interrupt would stop the event loop."""
        caught: BaseException | None = None
        try:
            async with asyncio.timeout(_HANGS_AFTER):
                await operation()
        except BaseException as error:  # noqa: BLE001 - that is the question
            caught = error
        if issubclass(expected, StopIteration):
            # A coroutine cannot raise it; Python does this.
            assert isinstance(caught, RuntimeError)
            caught = caught.__cause__
        elif issubclass(expected, StopAsyncIteration) and isinstance(caught, RuntimeError):
            caught = caught.__cause__
        assert type(caught) is expected
        assert not isinstance(caught, SessionsError) or expected is CounterError
