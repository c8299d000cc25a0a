"""Waking watchers on Postgres: one connection of each engine listens for all of its watchers.

Topics share a small number of advisory locks (`db/dialect.py`, ``BUCKETS``). An engine with watchers holds those of
the watched topics, shared, on the connection that listens. Each change, once it has changed a row, tries to take the
exclusive lock and releases it at once (`telling`). Only if that fails does it notify, with the topic's own number, so
only this topic's watchers wake. So writers learn of possible watchers without a table or a round trip, no lock outlives
the check, and a watcher that dies is forgotten with its connection.

A writer may have looked before the lock was there, and commit later. Such a transaction has a number by then, as it has
changed a row. So once it has the lock, a watcher continues to poll until every transaction with a number from before
has ended. Later ones notify.

Until then, and where a connection may not listen, there is polling instead (`db/sqlalchemy/polling.py`).
Behind a pooler, a statement may run on another connection of the server each time: the server's number for the
connection then differs from the one that the pooler gave to the driver.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.util import greenlet_spawn

from sessions.db.dialect import WATCHERS_CHANNEL, watchers_key, watchers_lock
from sessions.db.postgres.transaction import end_what_listeners_began
from sessions.db.sqlalchemy.deadline import Deadline
from sessions.db.sqlalchemy.errors import is_database_error
from sessions.db.sqlalchemy.polling import PollingWaker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sessions.db.sqlalchemy.database import Database
    from sessions.db.sqlalchemy.polling import Looks
    from sessions.db.topics import Topic

_HEARTBEAT: Final = 10.0
"""Seconds after which a silent connection is asked whether it is still there."""

_ANSWER_WITHIN: Final = 5.0
_RETRY_LOCK: Final = 0.05
_RETRY_LOCK_AT_LEAST_EVERY: Final = 1.0
_RETRY_CONNECTION: Final = 1.0
_RETRY_AT_LEAST_EVERY: Final = 30.0

_PLACES: Final = f"""
    select name, {watchers_key("name")}, {watchers_lock("name")} from unnest($1::text[]) u (name)
"""  # noqa: S608 - of constants
_LOCK: Final = "select key, pg_try_advisory_lock_shared(key) from unnest($1::bigint[]) u (key)"
_UNLOCK: Final = "select pg_advisory_unlock_shared(key) from unnest($1::bigint[]) u (key)"
_NUMBER: Final = "select pg_current_xact_id()::text::bigint"
"""A number for this transaction, which is higher than those of all that have changed something until now. (The end of
a snapshot is not: transactions beyond it may be under way.)"""

_OLDEST: Final = "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
"""The number below which all transactions have ended."""


class ListeningWaker(PollingWaker):
    """A `Waker` that a listener notifies. It polls only while notifications are unreliable."""

    def __init__(self, looks: Looks, listener: Listener, topic: Topic) -> None:
        super().__init__(looks, topic)
        self._listener = listener
        listener.join(self)

    async def wait(self) -> None:
        """Return when something may have changed."""
        if not self._listener.hears(self.topic.name):
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
    """Listens through one connection of an engine, while it has watchers."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wakers: dict[str, set[ListeningWaker]] = {}
        self._places: dict[str, tuple[int, int]] = {}
        """Of topics that are watched, by name, the number by which they are told of, and their lock."""
        self._told: dict[str, set[str]] = {}
        """Names of topics by the number that a notification has."""
        self._locked: dict[int, int] = {}
        """The locks that are held, each with the number of the transaction from which on changes are told of; or 0
        once all before it have ended."""
        self._task: asyncio.Task[None] | None = None
        self._due = asyncio.Event()
        self._pause = _RETRY_CONNECTION

    def hears(self, name: str) -> bool:
        """Tell whether changes of the topic of a name are heard of."""
        place = self._places.get(name)
        return place is not None and self._locked.get(place[1]) == 0

    def join(self, waker: ListeningWaker) -> None:
        """Wake someone from now on."""
        self._wakers.setdefault(waker.topic.name, set()).add(waker)
        self._due.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def leave(self, waker: ListeningWaker) -> None:
        """Wake someone no more; close the connection if that was the last."""
        wakers = self._wakers.get(waker.topic.name, set())
        wakers.discard(waker)
        if not wakers:
            self._wakers.pop(waker.topic.name, None)
            self._due.set()
        if not self._wakers and self._task is not None:
            task, self._task = self._task, None
            # At once: while that connection closes, another one may be opened for the next watcher.
            self._forget()
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        """Listen until cancelled, reconnecting whenever the connection ends; give up where listening cannot work."""
        may_listen = True
        while may_listen:
            try:
                may_listen = await self._listen()
            except Exception as error:
                if not is_database_error(error):
                    raise
            finally:
                if self._task is asyncio.current_task():
                    # Polling finds the changes since then.
                    self._forget()
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
            retry = _RETRY_LOCK
            while not connection.is_closed():
                self._due.clear()
                waiting = await self._lock_and_unlock(connection)
                with suppress(TimeoutError):
                    async with asyncio.timeout(retry if waiting else _HEARTBEAT):
                        await self._due.wait()
                        retry = _RETRY_LOCK / 2
                retry = min(2 * retry, _RETRY_LOCK_AT_LEAST_EVERY)
            return True
        finally:
            await _close(connection)

    async def _lock_and_unlock(self, connection: Any) -> bool:
        """Hold exactly the locks of the watched topics; return whether some topics are not notified yet."""

        async def fetch(statement: str, *values: Any) -> list[Any]:
            return list(await connection.fetch(statement, *values, timeout=_ANSWER_WITHIN))

        new = [name for name in self._wakers if name not in self._places]
        for name, key, lock in await fetch(_PLACES, new):
            self._places[name] = key, lock
            self._told.setdefault(str(key), set()).add(name)
        # Polling once more finds the changes that were notified before this.
        self._wake(new)
        for name in [name for name in self._places if name not in self._wakers]:
            key, _ = self._places.pop(name)
            self._told.pop(str(key)) if len(self._told[str(key)]) == 1 else self._told[str(key)].discard(name)
        wanted = {lock for _, lock in self._places.values()}
        taken = [lock for lock, is_locked in await fetch(_LOCK, list(wanted - self._locked.keys())) if is_locked]
        if taken:
            [(number,)] = await fetch(_NUMBER)
            self._locked.update(dict.fromkeys(taken, number))
        if any(self._locked.values()):
            [(oldest,)] = await fetch(_OLDEST)
            ended = {lock for lock, since in self._locked.items() if 0 < since <= oldest}
            self._locked.update(dict.fromkeys(ended, 0))
            self._wake([name for name, (_, lock) in self._places.items() if lock in ended])
        left = list(self._locked.keys() - wanted)
        if left:
            for lock in left:
                del self._locked[lock]
            await fetch(_UNLOCK, left)
        return any(self._locked.values()) or len(self._locked) < len(wanted)

    def _forget(self) -> None:
        """Forget the locks of a connection that ends."""
        self._places.clear()
        self._told.clear()
        self._locked.clear()

    def _heard(self, connection: object, pid: int, channel: str, payload: object) -> None:
        """Wake the watchers of a changed topic."""
        del connection, pid, channel
        self._wake(self._told.get(str(payload), ()))

    def _wake(self, names: Iterable[str]) -> None:
        for name in tuple(names):
            for waker in self._wakers.get(name, ()):
                waker.event.set()


async def _close(connection: Any) -> None:
    """Close a connection, without waiting for a network that is dead."""
    try:
        await connection.close(timeout=1)
    except Exception:  # noqa: BLE001 - in any case, the connection is no longer needed
        connection.terminate()
