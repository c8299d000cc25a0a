"""The forks of a session: sessions of their own that began with its entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sessions.db.dialect import text_of_key
from sessions.log.statements import unfinished as statements

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction


class Fork(NamedTuple):
    """A fork of a session, or a fork of a fork.

    Attributes:
        session: Its internal id.
        session_id: The id that users give.
        at: The id of the last entry that it, or the fork that it is of, got of the session: it has copies of entries on
            the way there.
    """

    session: int
    session_id: str
    at: int


def forks_of_named(tx: Transaction, session_id: str) -> list[Fork]:
    """Return the forks of a session by the id that users give; none if it is not there."""
    row = tx.one(statements.IS_THERE, session_id=session_id)
    return [] if row is None else forks_of(tx, row[0])


def forks_of(tx: Transaction, session: int) -> list[Fork]:
    """Return the forks of a session by its internal id, and their forks, those of the session itself first.

    Whoever lets something in a session go for good asks for them under the session's lock: then no fork is missing, as
    the last step of a fork takes that lock, too (`log/moving/target.py`). `remove_copies` ends those that are being
    written.
    """
    found = [Fork(one, text_of_key(name), at) for one, name, at in tx.all(statements.FORKS, session=session)]
    for fork in found:
        below = tx.all(statements.FORKS, session=fork.session)
        found += [Fork(one, text_of_key(name), fork.at) for one, name, _ in below]
    return found
