"""The hook that adopts a session which the OpenAI Agents SDK wrote into the same database.

When a session without a row of ours is touched and the SDK's tables (`sdk_tables`) hold messages of it, they are copied
with their branches and their usage, in one transaction. ``main`` is the current branch then, as it is for each new
process of the SDK. The SDK's tables are not changed: it can continue with its own copy, which from then on is another
conversation.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.log.adopt.sdk_catalog import are_there

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation, ForeignTables

ASKED_AGAIN_AFTER: Final = 5.0
"""Seconds for which a database without the SDK's tables is taken to have none."""


class SDKSessions(NamedTuple):
    """The SDK's sessions in tables of these names: an `Elsewhere` for conversations.

    Most databases have no such tables, which is asked once and not for each new conversation.
    """

    tables: ForeignTables

    def holds(self, tx: Transaction, session_id: str) -> bool:
        """Tell whether there are messages of a session.

        Raises:
            StoreError: A table that the user named is not one of the SDK's.
            StoreReadOnlyError: The table is there, and this user may not read it.
        """
        if self.is_known_to_be_empty(tx.known):
            return False
        if not are_there(tx, session_id, self.tables):
            tx.known[self] = time.monotonic() + ASKED_AGAIN_AFTER
            return False
        from sessions.log.adopt.sdk_tables import has_messages  # noqa: PLC0415 - few databases are the SDK's

        return has_messages(tx, session_id, self.tables)

    def is_known_to_be_empty(self, known: Mapping[Hashable, Any]) -> bool:
        """Tell whether a database was asked lately, and had no such tables."""
        return time.monotonic() < float(known.get(self, 0.0))

    def copy_over(self, tx: Transaction, conversation: Conversation, now: int) -> None:
        """Make a session of the messages there, unless another process is first."""
        # Few databases are the SDK's.
        from sessions.log.adopt.messages import copy_over  # noqa: PLC0415

        copy_over(tx, conversation, self.tables, now)

    def delete(self, tx: Transaction, session_id: str) -> bool:
        """Remove a session, so that it does not come back; tell whether it was there."""
        from sessions.log.adopt.sdk_tables import delete_rows  # noqa: PLC0415 - few programs delete

        return delete_rows(tx, session_id, self.tables)

    def replace(
        self, tx: Transaction, conversation: Conversation, payloads: Mapping[bytes, bytes | None]
    ) -> tuple[int, int]:
        """Replace payloads of a session's messages, or remove the messages where the other one is ``None``.

        Returns:
            How many messages that were, and how many cannot be read.
        """
        if not self.holds(tx, conversation.session_id):
            return 0, 0
        from sessions.log.adopt.replacing import replace_messages  # noqa: PLC0415 - few databases are the SDK's

        return replace_messages(tx, conversation, self.tables, payloads)

    def count_rows(self, tx: Transaction, session_id: str) -> int:
        """Return how many rows `delete` would remove."""
        from sessions.log.adopt.sdk_tables import count_rows  # noqa: PLC0415 - as above

        return count_rows(tx, session_id, self.tables)
