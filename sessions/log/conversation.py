"""Which conversation an operation is about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


class ForeignTables(NamedTuple):
    """Names of the two tables in which the OpenAI Agents SDK keeps its sessions."""

    sessions: str = "agent_sessions"
    messages: str = "agent_messages"

    def check(self) -> ForeignTables:
        """Return these names if they can be names of tables.

        Raises:
            ValueError: One cannot.
        """
        for name in self:
            if not isinstance(name, str) or not _IDENTIFIER.fullmatch(name):
                raise ValueError(f"{name!r} cannot name a table: letters, digits and _ only, at most 63")
        return self


class Conversation(NamedTuple):
    """A session as the log is asked for it.

    Attributes:
        session_id: The id that users give.
        decode: Makes an item of a payload; raises `ValueError` for what it cannot read.
        foreign: Where the OpenAI Agents SDK may have kept it before.
    """

    session_id: str
    decode: Callable[[bytes], Any]
    foreign: ForeignTables
