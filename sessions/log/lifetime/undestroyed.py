"""Sessions that are gone, and whose keys a key provider has yet to destroy.

A provider is asked outside of any transaction, and after the rows are gone: a session that is not removed after all
must keep its keys. A note from the transaction that removes the rows lets a later call finish after a killed process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.db.dialect import text_of_key
from sessions.log.statements import audits as statements
from sessions.log.statements import sessions as session_statements

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction


def note_undestroyed(tx: Transaction, session_id: str) -> None:
    """Note a session, in the transaction that removes it."""
    tx.run(statements.NOTE_UNDESTROYED, session_id=session_id)


def find_undestroyed(tx: Transaction, after: str, count: int) -> list[tuple[str, bool]]:
    """Return up to `count` such sessions from behind an id, each with whether it has been started again."""
    found = [text_of_key(session_id) for (session_id,) in tx.all(statements.UNDESTROYED, after=after, count=count)]
    return [(one, tx.one(session_statements.VERSION, session_id=one) is not None) for one in found]


def destroyed(tx: Transaction, session_id: str) -> None:
    """Note that a session's keys are destroyed."""
    tx.run(statements.DESTROYED, session_id=session_id)
