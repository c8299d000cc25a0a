"""An event loop in another thread, for what another process would do."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from concurrent.futures import Future

    Start: TypeAlias = Callable[[Coroutine[Any, Any, Any]], Future[Any]]


@contextmanager
def another_loop() -> Iterator[Start]:
    """Yield a function that starts a coroutine there."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield partial(asyncio.run_coroutine_threadsafe, loop=loop)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
