"""Waking those who watch sessions on Postgres: one connection for each engine listens for all of them.

Whoever watches a session holds a shared advisory lock for it, on that connection. Each change tries to take the
exclusive one, for its transaction, once it has locked the session's row (`log/dialect.py`, ``tell_watchers``): only
if that fails does it notify. So writers learn whether somebody watches without a table or a round trip, and a watcher
that dies is forgotten with its connection. A writer that has found nobody holds the lock until its change can be seen,
and only then does the watcher get it: who reads after that misses nothing.

Until the lock is there, and where a connection may not listen, there is polling instead (`stores/sql/polling.py`).
Behind a pooler, a statement may run on another connection of the server each time: the server's number for the
connection is then not the one that the pooler gave to the driver.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.util import greenlet_spawn

from sessions.log.dialect import WATCHERS_CHANNEL, WATCHERS_KEY
from sessions.stores.sql.asyncpg_database import end_what_listeners_began
from sessions.stores.sql.deadline import Deadline
from sessions.stores.sql.errors import is_database_error
from sessions.stores.sql.polling import PollingWaker

if TYPE_CHECKING:
    from sessions.stores.sql.database import Database
    from sessions.stores.sql.polling import Looks

_MOST_LOCKED: Final = 1000
"""Sessions that one connection holds locks for, as the server's table of locks is finite; others are looked at."""

_HEARTBEAT: Final = 10.0
"""Seconds after which a silent connection is asked whether it is still there."""

_ANSWER_WITHIN: Final = 5.0
_RETRY_LOCK: Final = 0.05
_RETRY_CONNECTION: Final = 1.0
_RETRY_AT_LEAST_EVERY: Final = 30.0

_LOCK: Final = f"""
    select session_id, key, pg_try_advisory_lock_shared(key)
    from (select session_id, {WATCHERS_KEY} from unnest($1::text[]) u (session_id)) k (session_id, key)
"""  # noqa: S608 - of constants
_UNLOCK: Final = "select pg_advisory_unlock_shared(key) from unnest($1::bigint[]) u (key)"


class ListeningWaker(PollingWaker):
    """A `Waker` that is told by a listener, and for whom somebody looks only while that cannot be relied on."""

    def __init__(self, looks: Looks, listener: Listener, session_id: str) -> None:
        super().__init__(looks, session_id)
        self._listener = listener
        listener.join(self)

    async def wait(self) -> None:
        """Return when something may have changed."""
        if not self._listener.hears(self.session_id):
            await super().wait()
            return
        self._looks.leave(self)
        await self.event.wait()
        self.event.clear()

    async def aclose(self) -> None:
        """Leave the others alone; the last one closes the connection."""
        self._looks.leave(self)
        await self._listener.leave(self)


class Listener:
    """Listens through one connection of an engine, while somebody watches."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wakers: dict[str, set[ListeningWaker]] = {}
        self._locked: dict[str, int] = {}
        """The keys of the locks that are held, by session."""
        self._task: asyncio.Task[None] | None = None
        self._due = asyncio.Event()
        self._pause = _RETRY_CONNECTION

    def hears(self, session_id: str) -> bool:
        """Tell whether changes of a session are heard of."""
        return session_id in self._locked

    def join(self, waker: ListeningWaker) -> None:
        """Wake someone from now on."""
        self._wakers.setdefault(waker.session_id, set()).add(waker)
        self._due.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def leave(self, waker: ListeningWaker) -> None:
        """Wake someone no more; close the connection if that was the last."""
        wakers = self._wakers.get(waker.session_id, set())
        wakers.discard(waker)
        if not wakers:
            self._wakers.pop(waker.session_id, None)
            self._due.set()
        if not self._wakers and self._task is not None:
            task, self._task = self._task, None
            # At once: while that connection closes, another one may be opened for who comes next.
            self._locked.clear()
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        """Listen, again and again if the connection ends, until cancelled or where that is no use."""
        may_listen = True
        while may_listen:
            try:
                may_listen = await self._listen()
            except Exception as error:
                if not is_database_error(error):
                    raise
            finally:
                if self._task is asyncio.current_task():
                    # What happened meanwhile is found by looking.
                    self._locked.clear()
                    self._wake(self._wakers)
            if may_listen:
                await asyncio.sleep(self._pause)
                self._pause = min(2 * self._pause, _RETRY_AT_LEAST_EVERY)

    async def _listen(self) -> bool:
        """Listen until the connection ends; return False at once if it cannot be relied on."""
        async with Deadline(self._database.attempt_timeout):
            pooled = await self._database.engine.raw_connection()
            connection: Any = pooled.driver_connection
            await end_what_listeners_began(pooled)
            # The pool may open another one: this one is not used for statements, nor given back.
            await greenlet_spawn(pooled.detach)
        try:
            connection.add_termination_listener(lambda _: self._due.set())
            if await connection.fetchval("select pg_backend_pid()") != connection.get_server_pid():
                return False
            await connection.add_listener(WATCHERS_CHANNEL, self._heard)
            self._pause = _RETRY_CONNECTION
            while not connection.is_closed():
                self._due.clear()
                waiting = await self._lock_and_unlock(connection)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_RETRY_LOCK if waiting else _HEARTBEAT):
                        await self._due.wait()
            return True
        finally:
            await _close(connection)

    async def _lock_and_unlock(self, connection: Any) -> bool:
        """Hold the locks of those who are watched, and no others; return whether some were not to be had yet."""
        wanted = [session_id for session_id in self._wakers if session_id not in self._locked]
        wanted = wanted[: max(0, _MOST_LOCKED - len(self._locked))]
        found = await connection.fetch(_LOCK, wanted, timeout=_ANSWER_WITHIN)
        locked = {session_id: key for session_id, key, is_locked in found if is_locked}
        self._locked.update(locked)
        self._wake(locked)
        left = [session_id for session_id in self._locked if session_id not in self._wakers]
        if left:
            keys = [self._locked.pop(session_id) for session_id in left]
            await connection.fetch(_UNLOCK, keys, timeout=_ANSWER_WITHIN)
        return len(locked) < len(wanted)

    def _heard(self, connection: object, pid: int, channel: str, payload: object) -> None:
        """Wake those who watch a session that was changed."""
        del connection, pid, channel
        self._wake([session_id for session_id, key in self._locked.items() if str(key) == payload])

    def _wake(self, session_ids: Any) -> None:
        for session_id in session_ids:
            for waker in self._wakers.get(session_id, ()):
                waker.event.set()


async def _close(connection: Any) -> None:
    """Close a connection, without waiting for a network that is dead."""
    try:
        await connection.close(timeout=1)
    except Exception:  # noqa: BLE001 - whatever it is, nobody needs the connection any more
        connection.terminate()
