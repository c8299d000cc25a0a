"""Which conversation an operation is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from sessions.db.dialect import PREFIX, check_quoted
from sessions.db.words import all_table_names
from sessions.log.schema import LOG

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from sessions.db.transaction import Transaction
    from sessions.log.encryption.session_encryption import SessionEncryption


class ForeignTables(NamedTuple):
    """Names of the two tables in which the OpenAI Agents SDK keeps its sessions."""

    sessions: str = "agent_sessions"
    messages: str = "agent_messages"

    def check(self, prefix: str = PREFIX) -> ForeignTables:
        """Return these names, without their quotes, if they can be names of tables beside ours.

        Args:
            prefix: The common prefix of our tables' names.

        Raises:
            ValueError: One cannot name a table, or is the name of one of ours.
        """
        if (self, prefix) == (_USUAL, PREFIX):
            return self
        names = _Checked(*map(_plain, self))
        ours = {name.lower() for name in all_table_names((LOG,), prefix)}
        for name in (*names, *ADVANCED_TABLES):
            if name.lower() in ours:
                raise ValueError(
                    f"table_prefix={prefix!r} would give one of our tables the name {name}, which is one of the "
                    "OpenAI Agents SDK's. Nothing was opened. Use another prefix."
                )
        return names


class _Checked(ForeignTables):
    """Names that have been checked, and have no quotes any more."""

    __slots__ = ()

    def check(self, prefix: str = PREFIX) -> ForeignTables:
        """Return them."""
        del prefix
        return self


ADVANCED_TABLES: Final = ("message_structure", "turn_usage", "branch_reservations", "session_clear_generations")
"""The tables that its ``AdvancedSQLiteSession`` has beside these two."""

_USUAL: Final = ForeignTables()


def _plain(name: object) -> str:
    """Return the name of a table, which may have a schema before it and quotes around each part, without quotes.

    Raises:
        ValueError: It cannot name a table.
    """
    parts = name.split(".", 1) if isinstance(name, str) else [name]
    return ".".join(check_quoted(part, whole=name) for part in parts)


class Codec(Protocol):
    """Makes payloads of items, and items of payloads."""

    def encode_all(self, items: Sequence[Any], /) -> list[bytes]:
        """Return the payloads of items; raise `InvalidItemError` if one cannot be kept."""
        ...

    def decode_all(self, payloads: Iterable[bytes]) -> list[Any]:
        """Return the items of payloads, fast; raise `ValueError` if one of them needs `decode`, or cannot be read."""
        ...

    def decode(self, payload: bytes) -> Any:
        """Return the item of a payload; raise `ValueError` if it cannot be read."""
        ...


class JoinedCodec(Codec, Protocol):
    """A codec with the attribute `joint`: it also reads payloads that a database has joined.

    Attributes:
        joint: The separator between two of them.
    """

    joint: str

    def decode_joined(self, joined: bytes, count: int) -> list[Any]:
        """Return `count` items, fast; raise `ValueError` if one of them needs `decode`, or cannot be read."""
        ...


class Elsewhere(Protocol):
    """Where a session may be kept of which the log has no row: another program's tables in the same database."""

    @property
    def tables(self) -> ForeignTables:
        """The tables' names."""
        ...

    def holds(self, tx: Transaction, session_id: str) -> bool:
        """Tell whether a session is there."""
        ...

    def is_known_to_be_empty(self, known: Mapping[Hashable, Any]) -> bool:
        """Tell whether the other tables are known to be empty, by `Transaction.known`."""
        ...

    def copy_over(self, tx: Transaction, conversation: Conversation, now: int) -> None:
        """Create a session from the other tables' rows, unless another process is first."""
        ...

    def delete(self, tx: Transaction, session_id: str) -> bool:
        """Remove a session there, so that it does not come back; tell whether there was one."""
        ...

    def count_rows(self, tx: Transaction, session_id: str) -> int:
        """Return how many rows `delete` would remove."""
        ...

    def replace(
        self, tx: Transaction, conversation: Conversation, payloads: Mapping[bytes, bytes | None]
    ) -> tuple[int, int]:
        """Replace payloads of a session's messages there, or remove the messages where the other one is ``None``.

        Returns:
            How many messages that were, and how many cannot be read, so that nobody knows.
        """
        ...


NO_EXPIRY: Final = -(1 << 62)
"""Before every time, where a statement wants one."""


def visible_at(now: int, ttl: int | None) -> dict[str, int]:
    """Return the parameters of statements that leave out entries that have expired by now or are older than `ttl`."""
    return {"now": now, "oldest": NO_EXPIRY if ttl is None else now - ttl}


class Conversation(NamedTuple):
    """A session as the log is asked for it, at one moment.

    Attributes:
        session_id: The id that users give.
        codec: How its items are written and read.
        elsewhere: Where the OpenAI Agents SDK may have kept it before.
        encryption: How it is encrypted, if it is.
        now: The time, in microseconds since 1970, UTC: entries that have expired by then are not there.
        ttl: Nor are those that are older than this, in microseconds, if that is not ``None``.
        lease: The token of the lease under which the branch is changed; ``None`` for changes without one.
        owner: The owner that the session must have, and gets when it is made, as `labels.py` writes it; ``None`` for
            callers that may use any owner's.
        attempt: In an attempt, the token of the lease under which it was begun, or 0; else ``None``.
    """

    session_id: str
    codec: Codec
    elsewhere: Elsewhere
    encryption: SessionEncryption | None = None
    now: int = 0
    ttl: int | None = None
    lease: int | None = None
    owner: str | None = None
    attempt: int | None = None

    @property
    def visible(self) -> dict[str, int]:
        """The parameters of statements that leave expired entries out."""
        return visible_at(self.now, self.ttl)

    @property
    def counted(self) -> dict[str, int]:
        """The parameters of statements that count entries: also whether they are to be counted one by one."""
        return {**self.visible, "one_by_one": int(self.ttl is not None)}
