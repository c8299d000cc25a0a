"""The members that all sessions of `sessions.blocking` share: settings, closing, and the asynchronous session below."""

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sessions.blocking.driving import Part, run
from sessions.waits.portal import foreign

if TYPE_CHECKING:
    from sessions.blocking.session import base as blocking
    from sessions.protocol import Settings
    from sessions.session.base import LogSession


class SessionPart(Part):
    """The common base of sessions and of the parts of their methods."""

    def __repr__(self) -> str:
        return f"blocking.{type(self).__name__}({self.session_id!r})"

    @property
    def asynchronous(self) -> LogSession:
        """Get the asynchronous session of the same conversation, for a framework's runner.

        Example: ``result = Runner.run_sync(agent, "Again?", session=session.asynchronous)``
        """
        session: LogSession = self._async
        return session

    @property
    def session_id(self) -> str:
        """Get the conversation's id.

        Example: ``print(session.session_id)``
        """
        session_id: str = self._async.session_id
        return session_id

    @property
    def session_settings(self) -> Any:
        """Get the defaults for reading. They can be set.

        Example: ``session.session_settings = {"limit": 50}``
        """
        return self._async.session_settings

    @session_settings.setter
    def session_settings(self, settings: Settings | None) -> None:
        self._async.session_settings = settings

    def close(self) -> None:
        """Release this object's hold on the database. Later calls on it raise `SessionClosedError`.

        Example: ``session.close()``

        Closing is optional. A session of a store leaves the store open. A file stays open for at most two seconds, and
        so does the engine of a URL, for a request that may follow; `aclose` closes them at once.
        """
        closing = self._async.close()
        if inspect.isawaitable(closing):
            run(_closed(closing, self._async))

    def aclose(self) -> None:
        """Release this object's hold on the database. A file or the engine of a URL is closed at once if it is unused.

        Example: ``session.aclose()``
        """
        run(_closed(self._async.aclose(), self._async))


def session_of(asynchronous: LogSession) -> blocking.LogSession:
    """Return the counterpart of a session, of its own class or of the nearest base that has one."""
    kind: Any = type(asynchronous)
    return _counterpart(kind)._of(asynchronous)  # noqa: SLF001 - it is one of ours


@lru_cache(maxsize=64)
def _counterpart(kind: Any) -> type[blocking.LogSession]:
    # Imported here because that package imports this module.
    from sessions import blocking as door  # noqa: PLC0415

    names = (base.__name__ for base in kind.__mro__ if base.__module__.startswith("sessions."))
    found: type[blocking.LogSession] = getattr(door, next(name for name in names if name in door.__all__))
    return found


async def _closed(closing: Any, session: LogSession) -> None:
    """Await the end of a session; one over another library's session, where that has an event loop."""
    from sessions.session.base import LogSession  # noqa: PLC0415 - it is imported by now

    if isinstance(session, LogSession):
        await closing
    else:
        await foreign(lambda: closing, f"session {session.session_id!r}")
