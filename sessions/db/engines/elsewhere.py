"""Where a database behind an engine is used for callers that block their thread: on an event loop of another thread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from sqlalchemy.pool import NullPool

from sessions.db.dialect import SQLITE
from sessions.db.engines.databases import has_connections, loops_of
from sessions.db.engines.of_loop import EngineOfLoop
from sessions.errors import SyncCallInLoopError
from sessions.waits.blocking import blocked
from sessions.waits.portal import is_portal

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

_CURE: Final = "pass a URL instead of an engine"


def loop_for(source: AsyncEngine | EngineOfLoop, subject: str) -> asyncio.AbstractEventLoop | None:
    """Return the event loop on which an operation is to be awaited; ``None`` for the portal's.

    Raises:
        SyncCallInLoopError: It is a loop that this call blocks, or one that is not running.
    """
    standing = _standing_still()
    if isinstance(source, EngineOfLoop):
        if any(source.is_used_in(loop) for loop in standing):
            raise _in_use(subject)
        return None
    users = loops_of(source)
    if any(loop in standing for loop in users):
        raise _in_use(subject)
    if isinstance(source.pool, NullPool):
        return None
    for loop in users:
        if is_portal(loop):
            return None
        if not loop.is_running():
            raise SyncCallInLoopError(
                f"{subject}: the engine's connections belong to an event loop that is not running, so nothing can be "
                f"awaited there. Nothing was changed. Await the operation in that loop, or {_CURE}."
            )
        return loop
    if standing or (source.dialect.name != SQLITE and has_connections(source)):
        raise SyncCallInLoopError(
            f"{subject}: the engine seems to belong to an event loop"
            f"{' of this thread, which this call would block' if standing else ', as it has open connections'}. "
            "Nothing was changed. Await one operation of the asynchronous classes in that loop and then call this on "
            f"another thread, or {_CURE}."
        )
    return None


def _standing_still() -> tuple[asyncio.AbstractEventLoop, ...]:
    """Return the event loops that stand still until this call returns."""
    call = blocked()
    if call is not None:
        return call.loops
    try:
        return (asyncio.get_running_loop(),)
    except RuntimeError:
        return ()


def _in_use(subject: str) -> SyncCallInLoopError:
    return SyncCallInLoopError(
        f"{subject}: this thread's event loop uses the database, and its own operations would stand still until this "
        "one ends, which may wait for them. Nothing was changed. Await the operation, with the asynchronous classes, "
        "or call this on another thread: await asyncio.to_thread(…)."
    )
