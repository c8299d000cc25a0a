"""An engine for each event loop, URL and options, however many use it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sessions.db.sqlalchemy import forks, shared_engine
from sessions.db.sqlalchemy.shared_engine import SharedEngine
from sessions.db.sqlalchemy.urls import understand
from sessions.errors import StoreError
from sessions.waits import portal

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from sqlalchemy import URL
    from sqlalchemy.ext.asyncio import AsyncEngine

_memories: set[Hashable] = set()
"""Databases in memory that the parent of this process has, by URL and options."""


class EngineOfLoop:
    """Where an engine is found in each event loop: by its URL and options.

    Raises:
        TypeError: `url` is not a URL.
        ValueError: It names no database; see `understand`.
    """

    def __init__(self, url: str | URL, options: Mapping[str, Any] | None = None) -> None:
        given = dict(options or {})
        self._url, connect_args = understand(url)
        # Parameters of statements hold users' content, and belong in no log and no error.
        self._options = {"hide_parameters": True, **given}
        if connect_args:
            self._options["connect_args"] = _merged(connect_args, given.get("connect_args") or {})
        self._key = str(url) if isinstance(url, str) else url, _frozen(given)
        self._last: SharedEngine | None = None

    def engine(self, holder: object) -> AsyncEngine:
        """Return this event loop's engine, made at the first call; it stays until `holder` lets go, or is garbage."""
        loop = asyncio.get_running_loop()
        shared = self._last
        if shared is None or shared.loop is not loop or shared.is_over:
            shared = shared_engine.engines.get((loop, self._key))
            if shared is None:
                shared = self._made()
            self._last = shared
        shared.hold(holder)
        return shared.engine

    def is_used_in(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Tell whether an event loop has an engine of this URL and these options."""
        return (loop, self._key) in shared_engine.engines

    async def let_go(self, holder: object, *, linger: bool = False) -> None:
        """End the engines with no holder except `holder`: at once, or with `linger` after a moment.

        That of the running event loop has ended when this returns.
        """
        shared_engine.sweep()
        self._last = None
        for (loop, key), shared in tuple(shared_engine.engines.items()):
            if key == self._key and shared.release(holder):
                if loop is not asyncio.get_running_loop():
                    loop.call_soon_threadsafe(shared.unheld if linger else shared.end_soon)
                elif linger and shared.lingers:
                    shared.unheld()
                else:
                    await shared.dispose()

    def _made(self) -> SharedEngine:
        shared_engine.sweep()
        if self._key in _memories:
            raise StoreError(
                "this process was forked from the one that made a database in memory, which cannot be shared. "
                "Nothing was changed. Use a file instead."
            )
        return SharedEngine(self._key, self._url, self._options)


def _merged(translated: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a driver's arguments: those of the URL, and the caller's, which take precedence."""
    merged = {**translated, **given}
    if "server_settings" in translated:
        merged["server_settings"] = {**translated["server_settings"], **(given.get("server_settings") or {})}
    return merged


class _Same:
    """An option that is equal only to itself: two different ones may have the same `repr`."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self._value is other._value

    def __hash__(self) -> int:
        return id(self._value)


def _frozen(value: object) -> Hashable:
    """Return a hashable value for an option, by which engines are found."""
    if isinstance(value, dict):
        return "dict", frozenset((str(name), _frozen(part)) for name, part in value.items())
    if isinstance(value, list | tuple):
        return "list", tuple(_frozen(part) for part in value)
    if value is None or type(value) in (str, bytes, bool, int, float):
        return type(value).__name__, value
    return _Same(value)


def _leave_to_parent() -> None:
    """Forget, in a forked child, everything that belongs to its parent."""
    _memories.update(key for (_, key), shared in shared_engine.engines.items() if shared.is_in_memory)
    shared_engine.leave_to_parent()


async def _dispose_all() -> None:
    """Dispose of the portal's engines: the program is ending."""
    here = asyncio.get_running_loop()
    for (loop, _), shared in tuple(shared_engine.engines.items()):
        if loop is here:
            await shared.dispose()


forks.after_fork.append(_leave_to_parent)
portal.at_end.append(_dispose_all)
