"""Waking those who watch sessions where the database tells nobody of changes: by looking again and again.

One look, at all sessions that are watched through an engine, is one statement for each hundred of them. Where a
connection goes by its borrower's context, as the tenant of a request, everybody looks for themselves.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sessions.db.transaction import Statement
from sessions.errors import SessionsError

if TYPE_CHECKING:
    from sessions.db.sqlalchemy.database import Database
    from sessions.db.transaction import Transaction

_SHORTEST: Final = 0.05
_LONGEST: Final = 0.5
"""Seconds between two looks: after a change, and when nothing has happened for a while."""

_GROWTH: Final = 1.3

_AT_ONCE: Final = 100

_NAMES: Final = [f"s{number}" for number in range(_AT_ONCE)]
_VERSIONS: Final = Statement(
    "The versions of some sessions.",
    "select session_id, id, version from {sessions} where session_id in (:" + ", :".join(_NAMES) + ")",  # noqa: S608
)


class PollingWaker:
    """A `Waker` for whom somebody looks."""

    def __init__(self, looks: Looks, session_id: str) -> None:
        self.session_id = session_id
        self.event = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._looks = looks
        self._seen: object = None
        """What this one saw last, where it looks alone; nothing that it could see at first."""

    async def wait(self) -> None:
        """Return when something may have changed."""
        if self._looks.are_separate():
            self._looks.leave(self)
            await self._look_alone()
            return
        self._looks.join(self)
        await self.event.wait()
        self.event.clear()

    async def _look_alone(self) -> None:
        """Look, in this caller's context, until something may have changed."""
        pause = _SHORTEST
        while not self.event.is_set():
            seen = await self._looks.version(self.session_id)
            if seen != self._seen:
                self._seen = seen
                break
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self.event.wait()
            pause = min(pause * _GROWTH, _LONGEST)
        self.event.clear()

    def wake(self) -> None:
        """Have `wait` return."""
        with suppress(RuntimeError):  # The loop has been closed.
            self._loop.call_soon_threadsafe(self.event.set)

    async def aclose(self) -> None:
        """Leave the others alone; the last one ends the looking."""
        self._looks.leave(self)


class Looks:
    """Looks for all who watch sessions through an engine and are not told."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wakers: dict[str, set[PollingWaker]] = {}
        self._seen: dict[str, tuple[int, int] | None] = {}
        self._task: asyncio.Task[None] | None = None

    def are_separate(self) -> bool:
        """Tell whether everybody has to look for themselves."""
        return bool(self._database.carried())

    async def version(self, session_id: str) -> object:
        """Return what tells whether a session has changed; something new if that cannot be read."""
        try:
            versions = await self._database.read(partial(_versions, session_ids=[session_id]), "watching")
        except SessionsError:
            # It is raised to the one who watches, by its own next read.
            return object()
        return (versions.get(session_id),)

    def join(self, waker: PollingWaker) -> None:
        """Look for someone from now on."""
        wakers = self._wakers.setdefault(waker.session_id, set())
        if waker in wakers:
            return
        wakers.add(waker)
        # What the others have been woken for may be news to this one.
        self._seen.pop(waker.session_id, None)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def leave(self, waker: PollingWaker) -> None:
        """Look for someone no more."""
        wakers = self._wakers.get(waker.session_id, set())
        wakers.discard(waker)
        if not wakers:
            self._wakers.pop(waker.session_id, None)
            self._seen.pop(waker.session_id, None)
        if not self._wakers and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        pause = _SHORTEST
        while True:
            changed = await self._look()
            pause = _SHORTEST if changed else min(pause * _GROWTH, _LONGEST)
            await asyncio.sleep(pause)

    async def _look(self) -> bool:
        """Wake those whose sessions have changed, and tell whether there were any."""
        session_ids = list(self._wakers)
        seen = self._seen
        changed = False
        for start in range(0, len(session_ids), _AT_ONCE):
            some = session_ids[start : start + _AT_ONCE]
            try:
                versions = await self._database.read(partial(_versions, session_ids=some), "watching")
            except SessionsError:
                # It is raised to each who watches, by its own next read.
                versions = {}
                for session_id in some:
                    seen.pop(session_id, None)
            for session_id in self._wakers.keys() & some:
                version = versions.get(session_id)
                if session_id not in seen or seen[session_id] != version:
                    seen[session_id] = version
                    changed = True
                    for waker in self._wakers.get(session_id, ()):
                        waker.event.set()
        return changed


def _versions(tx: Transaction, session_ids: list[str]) -> dict[str, tuple[int, int]]:
    """Return internal id and version of each session that is there."""
    padded = session_ids + session_ids[:1] * (_AT_ONCE - len(session_ids))
    rows: list[Any] = tx.all(_VERSIONS, **dict(zip(_NAMES, padded, strict=True)))
    # MariaDB keeps ids as bytes.
    return {name.decode() if isinstance(name, bytes) else name: (id_, version) for name, id_, version in rows}
