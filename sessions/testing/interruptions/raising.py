"""Interruptions: errors of callers' functions, each kind in a session of its own, as a new database costs more."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import pytest

from sessions.errors import CounterError, SessionsError
from sessions.items.window import Window
from sessions.settings import Compaction
from sessions.testing.interruptions.codec import FaultyCodec
from sessions.testing.interruptions.shared import HANGS_AFTER, Action, Operation, awaited, summarise
from sessions.testing.tree_model import item

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessions.session.base import LogSession
    from sessions.testing.fixtures import MakeLogSession

_NEIGHBOURS: Final = 8


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


READERS: Final[dict[str, Operation]] = {
    "get_items": lambda s: s.get_items(),
    "the last item": lambda s: s.get_items(1),
    "window": lambda s: s.window(3),
    "entries": lambda s: s.entries(),
    "turns": lambda s: s.turns(),
    "undo": lambda s: s.undo(),
    "pop_item": lambda s: s.pop_item(),
    "compact": lambda s: s.compact(summarise, keep_turns=0),
}


class Raising:
    """What a caller's function raises reaches that caller alone."""

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
        setting = {"window": window} if where == "window" else {"compaction": Compaction(summarise, above=window)}

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
            async with self._neighbours(make, own, None, lambda s: s.compact(summarise, keep_turns=0)):
                await self._raises(raised, partial(session.compact, fail))
            assert len(await session.get_items()) == 3
            assert await session.compact(summarise) is not None

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
            tasks.append(asyncio.ensure_future(awaited(partial(operation, other))))
            if number in (1, _NEIGHBOURS // 2):
                await asyncio.sleep(0.005)
        yield
        done, pending = await asyncio.wait(tasks, timeout=HANGS_AFTER)
        assert not pending, "the neighbours hang"
        for task in done:
            task.result()
        # The connection is as before: no transaction is open, no thread has ended.
        last = make(f"last {own}")
        await asyncio.wait_for(last.add_items([item("u1")]), HANGS_AFTER)
        assert await asyncio.wait_for(last.get_items(), HANGS_AFTER) == [item("u1")]

    async def _raises(self, expected: type[BaseException], operation: Action) -> None:
        """Expect an error here, in the caller: in a task of its own, an interrupt would stop the event loop."""
        caught: BaseException | None = None
        try:
            async with asyncio.timeout(HANGS_AFTER):
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
