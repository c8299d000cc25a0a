"""Running the asynchronous classes without an event loop: the common base of their counterparts in `sessions.blocking`.

Every method of `sessions.blocking` calls the method of the same name of an asynchronous object and runs its coroutine
with `without_loop`, in the calling thread. So there is one implementation of everything.
"""

from __future__ import annotations

import copy
import inspect
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Self, TypeAlias, TypeVar

from sessions.waits.blocking import without_loop as run
from sessions.waits.portal import leave_to_portal

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterable
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

__all__ = [
    "Block",
    "Entered",
    "Part",
    "Steps",
    "Summariser",
    "as_asynchronous",
    "as_summariser",
    "awaiting",
    "calling",
    "run",
    "stepwise",
]

T = TypeVar("T")

Summariser: TypeAlias = "Callable[[list[Any]], Any]"
"""A function from items, oldest first, to their summary: a text, which is shown as a user message; an item; or a list
of items. It is called on the calling thread; an asynchronous one runs on an event loop of this package's own."""


class Part:
    """A counterpart of an asynchronous object.

    Args:
        asynchronous: The object whose methods this runs.
    """

    def __init__(self, asynchronous: Any) -> None:
        self._async = asynchronous

    @classmethod
    def _of(cls, asynchronous: Any) -> Self:
        """Return the counterpart of an object, without calling the class's own constructor."""
        made = cls.__new__(cls)
        Part.__init__(made, asynchronous)
        return made

    def _like(self, asynchronous: Any) -> Self:
        """Return an object that is like this one, for another asynchronous object."""
        made = copy.copy(self)
        made._async = asynchronous  # noqa: SLF001 - it is one of ours
        return made


class Entered(Part):
    """The counterpart of an asynchronous context manager."""

    def __enter__(self) -> Self:
        run(self._async.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        run(self._async.__aexit__(kind, error, trace))


class Block(AbstractContextManager[T]):
    """The block of `lease` and `attempt`.

    Args:
        asynchronous: The asynchronous block.
        wrap: Returns the counterpart of the object that it gives.
    """

    def __init__(self, asynchronous: AbstractAsyncContextManager[Any], wrap: Callable[[Any], T]) -> None:
        self._async = asynchronous
        self._wrap = wrap
        self._process = os.getpid()

    def __enter__(self) -> T:
        self._process = os.getpid()
        return self._wrap(run(awaiting(self._async.__aenter__())))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        # After Ctrl-C, another one does not keep the block from being ended properly.
        hushed = kind is not None and issubclass(kind, KeyboardInterrupt)
        return run(awaiting(self._async.__aexit__(kind, error, trace)), hushed=hushed)

    def __del__(self) -> None:
        # Entered and never left, as with `block.__enter__()`: the generator is within its block.
        with suppress(Exception):
            _let_go(self._async.gen, is_ours=self._process == os.getpid())  # type: ignore[attr-defined]


class Steps(Iterator[T], Generic[T]):
    """An iterator that waits for its next value, as that of `watch`.

    Example: ``with session.watch() as changes: print(next(changes).kind)``

    `close`, or leaving a ``with`` block, releases its resources at once.
    """

    def __init__(self, asynchronous: AsyncIterator[T]) -> None:
        # Ours are generators.
        self._async: AsyncGenerator[T] = asynchronous  # type: ignore[assignment]

    def __next__(self) -> T:
        try:
            return run(awaiting(anext(self._async)))
        except StopAsyncIteration:
            raise StopIteration from None

    def close(self) -> None:
        """Release its resources. Afterwards the iterator has ended.

        Example: ``changes.close()``
        """
        run(awaiting(self._async.aclose()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        with suppress(Exception):
            _let_go(self._async)


def _let_go(generator: AsyncGenerator[Any], *, is_ours: bool = True) -> None:
    """Close a generator that is garbage: in any thread, in the middle of anything, so nothing may be waited for.

    Args:
        generator: The generator.
        is_ours: Whether this process has begun it. Otherwise it is never closed, as its parent still uses what it has.
    """
    if getattr(generator, "ag_frame", None) is None:
        return  # It has ended.
    if not is_ours:
        import ctypes  # noqa: PLC0415 - needed in such a child only

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(generator))
    elif not leave_to_portal(generator.aclose):
        # Without a portal there is nothing to release: this is a forked child, or the program's end.
        run(awaiting(generator.aclose()), alone=True)


async def awaiting(waiting: Awaitable[T]) -> T:
    """Return the result of anything that can be awaited."""
    return await waiting


async def calling(function: Callable[[], T]) -> T:
    """Call a function that begins something on an event loop: under `run`, on another thread's."""
    return function()


def as_asynchronous(value: Any) -> Any:
    """Return the asynchronous object behind an object of `sessions.blocking`; anything else as it is."""
    return value._async if isinstance(value, Part) else value  # noqa: SLF001 - it is one of ours


def as_summariser(summarise: Any) -> Any:
    """Return a summariser as the asynchronous classes take it. An asynchronous one stays one."""
    return partial(_summarise, summarise) if callable(summarise) else summarise


def _summarise(summarise: Callable[[list[Any]], Any], items: list[Any]) -> Any:
    found = summarise(items)
    return found if inspect.isawaitable(found) else _Ready(found)


class _Ready(Generic[T]):
    """A result that can be awaited."""

    def __init__(self, value: T) -> None:
        self._value = value

    def __await__(self) -> Generator[Any, Any, T]:
        return self._value
        yield


async def stepwise(values: Iterable[T]) -> AsyncIterator[T]:
    """Return an iterable as an asynchronous iterator."""
    for value in values:
        yield value
