"""Titles from first messages, made by a function of the caller's: after the append, outside of its transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sessions.clock import now
from sessions.errors import ConflictError, TurnNotFoundError
from sessions.validation import check_text

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.session.handle import Handle

MakeTitle: TypeAlias = Callable[[Any], "str | Awaitable[str | None] | None"]
"""Returns a title for a user's first message, an item; ``None`` for no title."""

_REMEMBERED: Final = 10_000
"""Of how many sessions an object knows that they have had their first message."""

_log = logging.getLogger("sessions")


class Titles:
    """Gives titles to sessions. Its failures are logged without content, and never reach the caller of an append.

    Args:
        make: The function.
    """

    def __init__(self, make: MakeTitle) -> None:
        if not callable(make):
            raise TypeError(
                f"title must be a function of the first message, not {type(make).__name__}. Nothing was "
                "changed. Define it with "
                "async def."
            )
        self._make = make
        self._seen: dict[str, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def forget(self, session_id: str) -> None:
        """Let a session that was deleted have a title when it begins again."""
        self._seen.pop(session_id, None)

    async def after(self, handle: Handle, message: Any) -> None:
        """Make the session's title if `message`, which was just added, is its first one and it has no title."""
        session_id = handle.conversation.session_id
        if session_id in self._seen:
            return
        self._seen[session_id] = None
        while len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        try:
            if not await handle.read(lambda tx: _wants_title(tx, handle, message)):
                return
            title = self._make(message)
            if not isawaitable(title):
                await _set(handle, title)
                return
        except Exception as error:  # noqa: BLE001 - the items are added; whatever the function raises is its own
            _report(handle, error)
            return
        # It may ask a model: the caller does not wait for that.
        task = asyncio.create_task(_set_later(handle, title))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait until all titles that were begun on this event loop are set."""
        loop = asyncio.get_running_loop()
        if tasks := [task for task in self._tasks if task.get_loop() is loop]:
            await asyncio.wait(tasks)


def _wants_title(tx: Transaction, handle: Handle, message: Any) -> bool:
    from sessions.log.core.turns import read_turn  # noqa: PLC0415 - for those who have such a function
    from sessions.log.info import read_info  # noqa: PLC0415 - as above

    if read_info(tx, handle.conversation).title is not None:
        return False
    try:
        first, *_ = read_turn(tx, handle.conversation, 1, handle.target)
    except TurnNotFoundError:
        return False
    # Of several that were added at once by different callers, one is the first.
    return bool(first.items[0] == message)


async def _set_later(handle: Handle, title: Awaitable[Any]) -> None:
    try:
        await _set(handle, await title)
    except Exception as error:  # noqa: BLE001 - as above
        _report(handle, error)


async def _set(handle: Handle, title: object) -> None:
    from sessions.log.info import SetInfo  # noqa: PLC0415 - as above
    from sessions.session.info import MAX_TITLE_BYTES  # noqa: PLC0415 - as above

    if title is None:
        return
    details = {"title": check_text(title, "title", MAX_TITLE_BYTES)}
    try:
        await handle.write(SetInfo(handle.conversation, now(), {}, details, only_untitled=True))
    except ConflictError:
        return  # A title was set meanwhile.


def _report(handle: Handle, error: Exception) -> None:
    # Its text may hold what was said.
    _log.warning("%s: no title was made: the function raised %s", handle.subject, type(error).__name__)
