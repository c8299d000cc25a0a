"""Errors about the threads of graphs."""

from __future__ import annotations

from sessions.errors.base import SessionsError
from sessions.errors.session import ConflictError, OwnerError


class UndecodableStateError(SessionsError, ValueError):
    """A graph's stored state names a class that may not be revived, or cannot be decoded. Nothing was changed.

    Attributes:
        type_name: The class, as in ``"app.Preferences"``; empty if none is concerned.
    """

    def __init__(self, message: str, type_name: str = "") -> None:
        super().__init__(message)
        self.type_name = type_name


class MissingThreadIdError(SessionsError, ValueError):
    """The config of a call names no thread. Nothing was read or written."""


class ThreadConflictError(ConflictError):
    """A run's checkpoint does not follow the thread's last one: another run has put one since. Nothing was stored."""


class ThreadGoneError(SessionsError):
    """The thread was deleted, erased or has expired while a run was using it. Nothing was stored: it stays gone."""


class ThreadExistsError(SessionsError, ValueError):
    """A thread of that id exists already, so that no other one can be copied to it. Nothing was changed."""


class ThreadOwnerError(OwnerError, ConflictError):
    """The thread belongs to another owner than the one it was used for, or to none. Nothing was read or written."""


class ReadOnlyConversationError(SessionsError):
    """The conversation is a view of a graph's thread, and is changed through the graph's state only."""


class UnadoptedThreadsWarning(UserWarning):
    """A database has threads of another saver of LangGraph, and none of ours: nobody has adopted them."""
