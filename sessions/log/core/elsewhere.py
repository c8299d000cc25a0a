"""Sessions that the log has no row of, as another program keeps them in the same database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.log.statements import sessions as session_statements

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation


class AdoptFirst(Exception):  # noqa: N818 - not an error: the session's handle adopts, and repeats the work
    """A session is kept elsewhere; adopting it takes a transaction that may write."""


def check_absent(tx: Transaction, conversation: Conversation) -> None:
    """Go on if a session that was not found is nowhere.

    Raises:
        AdoptFirst: It is kept elsewhere.
    """
    session_id = conversation.session_id
    here = session_statements.SESSION_TIMES
    if conversation.elsewhere.holds(tx, session_id) and tx.one(here, session_id=session_id) is None:
        raise AdoptFirst
