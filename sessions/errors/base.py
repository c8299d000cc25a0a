"""The base class of all errors, and their sentences."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self


class SessionsError(Exception):
    """The base class of this package's errors."""

    def about(self, subject: str) -> Self:
        """Return the same error with its subject at the front of the message, as in "session 'user_123': …", once.

        Example: ``error.about("session 'user_123'")``
        """
        if str(self).startswith(f"{subject}: "):
            return self
        error = copy(self)
        error.args = (f"{subject}: {self}", *self.args[1:])
        error.__cause__ = self.__cause__
        return error


def sentence(error: Exception) -> str:
    """Return an error's message with a full stop, to be followed by another sentence."""
    text = str(error)
    return text if text.endswith(".") else f"{text}."
