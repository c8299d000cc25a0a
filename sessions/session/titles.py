"""Titles from first messages, made by a function of the caller's: after the append, outside of its transaction."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sessions.clock import now
from sessions.errors import ConflictError
from sessions.validation import check_text

if TYPE_CHECKING:
    from sessions.db.background import Background
    from sessions.db.transaction import Transaction
    from sessions.log.info import TitleSource
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
                "changed. Write title=lambda message: sessions.text_of(message)[:60]; to set one session's title, call "
                "set_info(title=…)."
            )
        self._make = make
        self._seen: dict[str, None] = {}
        self._tasks: list[Background] = []

    def forget(self, session_id: str) -> None:
        """Let a session that was deleted have a title when it begins again."""
        self._seen.pop(session_id, None)

    def in_attempt(self) -> TitlesOfAttempt:
        """Return a title maker that waits until the attempt is chosen: a failed attempt leaves no title."""
        return TitlesOfAttempt(self)

    async def chosen(self, handle: Handle) -> None:
        """Do nothing: items added outside of attempts have had their turn."""

    async def after(self, handle: Handle, *messages: Any) -> None:
        """Make the session's title if one of `messages`, just added, is its first one and it has no title."""
        session_id = handle.conversation.session_id
        if session_id in self._seen:
            return
        self._seen[session_id] = None
        while len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        try:
            found = await handle.read(lambda tx: _untitled(tx, handle, messages))
            if found is None:
                return
            title = self._make(found.item)
            if not isawaitable(title):
                await _set(handle, title, found)
                return
        except Exception as error:  # noqa: BLE001 - the items are added; whatever the function raises is its own
            _report(handle, error)
            return
        # It may ask a model: the caller does not wait for that.
        from sessions.db.background import begin  # noqa: PLC0415 - for those who have such a function

        self._tasks = [task for task in self._tasks if not task.is_over]
        self._tasks.append(begin(handle.backend, partial(_set_later, handle, title, found), "sessions-title"))

    async def settle(self) -> None:
        """Wait until all titles that were begun on this event loop are set."""
        for task in self._tasks:
            await task.ended()


class TitlesOfAttempt(Titles):
    """Keeps an attempt's messages of users until it is chosen."""

    def __init__(self, titles: Titles) -> None:
        super().__init__(titles._make)
        self._titles = titles
        self._messages: list[Any] = []

    async def after(self, handle: Handle, *messages: Any) -> None:
        """Keep the messages, if they were added in the attempt."""
        if handle.conversation.attempt is None:
            await self._titles.after(handle, *messages)
        else:
            self._messages += messages

    async def chosen(self, handle: Handle) -> None:
        """Make the title of the session to which `handle` belongs: the branch has the attempt's messages now."""
        if self._messages:
            await self._titles.after(handle, *self._messages)


def _untitled(tx: Transaction, handle: Handle, messages: tuple[Any, ...]) -> TitleSource | None:
    """Return the session's first message if it is among these, and the session has no title; else ``None``."""
    from sessions.log.info import title_source  # noqa: PLC0415 - for those who have such a function

    found = title_source(tx, handle.conversation, handle.target)
    # Of several that were added at once by different callers, one is the first.
    return found if found is not None and found.item in messages else None


async def _set_later(handle: Handle, title: Awaitable[Any], source: TitleSource) -> None:
    try:
        await _set(handle, await title, source)
    except Exception as error:  # noqa: BLE001 - as above
        _report(handle, error)


async def _set(handle: Handle, title: object, source: TitleSource) -> None:
    from sessions.log.info import SetInfo  # noqa: PLC0415 - as above
    from sessions.types.info import MAX_TITLE_BYTES  # noqa: PLC0415 - as above

    if title is None:
        return
    if (wrong := _why_not(title, MAX_TITLE_BYTES)) is not None:
        _log.warning("%s: no title was made: the function returned %s", handle.subject, wrong)
        return
    details = {"title": title}
    try:
        await handle.write(SetInfo(handle.conversation, now(), {}, details, only_untitled=True, title_of=source))
    except ConflictError:
        return  # A title was set meanwhile, or the message was redacted.


def _why_not(title: object, most: int) -> str | None:
    """Return why something is no title, without its text; ``None`` if it is one."""
    if not isinstance(title, str):
        return f"{type(title).__name__}; it must return text or None"
    length = len(title.encode(errors="replace"))
    if not title:
        return "an empty text; return None for no title"
    if length > most:
        return f"{length} bytes; at most {most} are allowed"
    try:
        check_text(title, "title", most)
    except ValueError:
        return "text with a NUL character or a lone surrogate"
    return None


def _report(handle: Handle, error: Exception) -> None:
    # Its text may hold message contents.
    _log.warning("%s: no title was made: the function raised %s", handle.subject, type(error).__name__)
