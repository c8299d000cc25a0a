"""The common base of a session object's parts."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from sessions.session.handle import Handle


class SessionPart:
    """A part of every session over the log: methods of one topic. A session's state is its settings and its handle."""

    session_id: str
    session_settings: Any
    _handle: Handle

    def _with(self, handle: Handle) -> Self:
        """Return an object that is like this one, with another hold on the same conversation."""
        copied = copy.copy(self)
        copied._handle = handle  # noqa: SLF001
        return copied
