"""Waking watchers on databases without notifications, by polling.

One look, at all topics that are watched through an engine, is one statement for each hundred of a kind. Where a
connection goes by its borrower's context, as the tenant of a request, everybody looks for themselves.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sessions.db.topics import AT_ONCE
from sessions.errors import SessionsError

if TYPE_CHECKING:
    from sessions.db.sqlalchemy.database import Database
    from sessions.db.topics import Look, Topic

_SHORTEST: Final = 0.05
_LONGEST: Final = 0.5
"""Seconds between two looks: after a change, and when nothing has happened for a while."""

_GROWTH: Final = 1.3


class PollingWaker:
    """A `Waker` that a poller wakes."""

    def __init__(self, looks: Looks, topic: Topic) -> None:
        self.topic = topic
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
            seen = await self._looks.value(self.topic)
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
    """Polls for all watchers of an engine that get no notifications."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wakers: dict[Topic, set[PollingWaker]] = {}
        self._seen: dict[Topic, object] = {}
        self._task: asyncio.Task[None] | None = None

    def are_separate(self) -> bool:
        """Tell whether everybody has to look for themselves."""
        return bool(self._database.carried())

    async def value(self, topic: Topic) -> object:
        """Return a value that changes with the topic; a new one if it cannot be read."""
        try:
            values = await self._database.read(lambda tx: topic.look(tx, [topic.name]), "watching")
        except SessionsError:
            # The watcher's own next read raises it.
            return object()
        return (values.get(topic.name),)

    def join(self, waker: PollingWaker) -> None:
        """Look for someone from now on."""
        wakers = self._wakers.setdefault(waker.topic, set())
        if waker in wakers:
            return
        wakers.add(waker)
        # Changes that the others know may be news to this one.
        self._seen.pop(waker.topic, None)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def leave(self, waker: PollingWaker) -> None:
        """Look for someone no more."""
        wakers = self._wakers.get(waker.topic, set())
        wakers.discard(waker)
        if not wakers:
            self._wakers.pop(waker.topic, None)
            self._seen.pop(waker.topic, None)
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
        """Wake those whose topics have changed, and tell whether there were any."""
        kinds: dict[Look, list[Topic]] = {}
        for topic in self._wakers:
            kinds.setdefault(topic.look, []).append(topic)
        changed = False
        for look, topics in kinds.items():
            for start in range(0, len(topics), AT_ONCE):
                changed |= await self._look_at(look, topics[start : start + AT_ONCE])
        return changed

    async def _look_at(self, look: Look, topics: list[Topic]) -> bool:
        seen = self._seen
        changed = False
        try:
            values = await self._database.read(lambda tx: look(tx, [topic.name for topic in topics]), "watching")
        except SessionsError:
            # Each watcher's own next read raises it.
            values = {}
            for topic in topics:
                seen.pop(topic, None)
        for topic in self._wakers.keys() & topics:
            value = values.get(topic.name)
            if topic not in seen or seen[topic] != value:
                seen[topic] = value
                changed = True
                for waker in self._wakers.get(topic, ()):
                    waker.event.set()
        return changed
