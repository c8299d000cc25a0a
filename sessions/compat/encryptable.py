"""Which objects an `EncryptedSession` goes around, and how: below the log, or item by item."""

from __future__ import annotations

from enum import Enum, auto
from inspect import Parameter, getattr_static, signature
from typing import TYPE_CHECKING, Any, Final

from sessions.compat.advanced import FlatMethods
from sessions.protocol import coerce_settings
from sessions.session.base import LogSession

if TYPE_CHECKING:
    from collections.abc import Callable

METHODS: Final = ("get_items", "add_items", "pop_item", "clear_session")
_CALLED_ANYWAY: Final = ("close", "aclose")
_NAMED: Final = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


class Way(Enum):
    """How a session is encrypted."""

    LOG = auto()
    """Below the log."""
    FLAT = auto()
    """Below the log, with the flat methods of `AdvancedSQLiteSession`."""
    ITEMS = auto()
    """Item by item: the other object's own methods are called, with envelopes."""


def way_around(session: Any, session_id: str) -> Way:
    """Return how a session is to be encrypted.

    Raises:
        TypeError: It is not a session, is already encrypted, or has methods that would be bypassed.
        ValueError: Its id differs, or its settings have to read items.
    """
    if not isinstance(session, LogSession):
        _check_foreign(session)
        return Way.ITEMS
    if session_id != session.session_id:
        raise ValueError(
            f"session_id is {session_id!r}, but underlying_session has {session.session_id!r}. No session was "
            "made. Pass the same id to both."
        )
    own = _overridden(session)
    if own.isdisjoint((*METHODS, "run_compaction")):
        _refuse(session, own)
        return Way.FLAT if isinstance(session, FlatMethods) else Way.LOG
    _refuse(session, own.difference(METHODS, ("run_compaction",)))
    check_settings(session)
    return Way.ITEMS


def check_settings(session: Any) -> Any:
    """Return the settings of a session that gets envelopes, as ours.

    Raises:
        ValueError: They have a window, repair or compaction, which must read items.
    """
    settings = coerce_settings(getattr(session, "session_settings", None))
    if settings.window or settings.repair or settings.compaction:
        raise ValueError(
            f"the session_settings of {type(session).__name__} have a window, repair or compaction, which "
            "must read items, but it stores encrypted ones. Nothing was done. Remove these settings."
        )
    return settings


def takes_wrapper(session: Any) -> bool:
    """Tell whether all four methods of a session take the run's context, as the OpenAI Agents SDK's runner asks."""
    return all(_takes_wrapper(getattr(session, method, None)) for method in METHODS)


def _takes_wrapper(method: Callable[..., Any] | None) -> bool:
    try:
        parameters = signature(method).parameters if method is not None else {}
    except (TypeError, ValueError):
        return False
    return "wrapper" in parameters and parameters["wrapper"].kind in _NAMED


def _check_foreign(session: Any) -> None:
    has_all = all(callable(getattr(session, method, None)) for method in METHODS)
    if not has_all or isinstance(session, type):
        raise TypeError(
            f"underlying_session must be a session, not {type(session).__name__}. No session was made. Pass "
            "an object such as SQLiteSession(session_id, path)."
        )
    if isinstance(getattr(session, "asynchronous", None), LogSession):
        raise TypeError(
            "underlying_session is a session of sessions.blocking, which cannot be awaited. No session was made. Pass "
            "session.asynchronous, or use EncryptedSession of sessions.blocking."
        )
    for kind in type(session).__mro__:
        # It reads the items and sends them to the vendor. The name is enough: the SDK is not imported here.
        if kind.__name__ == "OpenAIResponsesCompactionSession" and kind.__module__.partition(".")[0] == "agents":
            raise TypeError(
                "underlying_session is an OpenAIResponsesCompactionSession, which cannot compact encrypted "
                "items. No session was made. Put it outside: OpenAIResponsesCompactionSession(session_id, "
                "EncryptedSession(…))."
            )


def _overridden(session: LogSession) -> set[str]:
    """Return the names of the session's public methods that are not ours: of a subclass, set on the object, patched."""
    ours: type[LogSession] = FlatMethods if isinstance(session, FlatMethods) else LogSession
    public = {name for name in dir(ours) if not name.startswith("_")}.difference(_CALLED_ANYWAY)
    theirs = type(session)
    return {
        name
        for name in public
        if name in vars(session) or getattr_static(theirs, name) is not getattr_static(ours, name)
    }


def _refuse(session: LogSession, names: set[str]) -> None:
    if names:
        raise TypeError(
            f"{type(session).__name__} overrides {', '.join(sorted(names))}, which encryption would bypass. "
            "No session was made. Override them in a subclass of EncryptedSession instead."
        )
