"""Which conversation an operation is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from sessions.log.dialect import check_name

if TYPE_CHECKING:
    from collections.abc import Iterable


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
            check_name(name)
        return self


class Decoder(Protocol):
    """Makes items of payloads."""

    def decode_all(self, payloads: Iterable[bytes]) -> list[Any]:
        """Return the items of payloads, fast; raise `ValueError` if one of them needs `decode`, or cannot be read."""
        ...

    def decode(self, payload: bytes) -> Any:
        """Return the item of a payload; raise `ValueError` if it cannot be read."""
        ...


class Conversation(NamedTuple):
    """A session as the log is asked for it.

    Attributes:
        session_id: The id that users give.
        decoder: How its payloads are read.
        foreign: Where the OpenAI Agents SDK may have kept it before.
    """

    session_id: str
    decoder: Decoder
    foreign: ForeignTables
