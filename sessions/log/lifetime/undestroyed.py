"""Subjects that are gone, such as sessions, and whose keys a key provider has yet to destroy.

A provider is asked outside of any transaction, and after the rows are gone: a subject that is not removed after all
must keep its keys. A note from the transaction that removes the rows lets a later call finish after a killed process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.db.dialect import text_of_key
from sessions.log.statements import audits as statements

if TYPE_CHECKING:
    from sessions.crypto.subject import Subject
    from sessions.db.component import Subjects
    from sessions.db.transaction import Transaction


def note_undestroyed(tx: Transaction, subject: Subject) -> None:
    """Note a subject, in the transaction that removes it."""
    tx.run(statements.NOTE_UNDESTROYED, kind=subject.kind, name=subject.name)


def find_undestroyed(tx: Transaction, subjects: Subjects, after: str, count: int) -> list[tuple[Subject, bool]]:
    """Return up to `count` such subjects of a kind from behind a name, each with whether it has been started again."""
    rows = tx.all(statements.UNDESTROYED, kind=subjects.kind, after=after, count=count)
    found = [text_of_key(name) for (name,) in rows]
    return [(subjects.of(name), subjects.are_there(tx, name)) for name in found]


def destroyed(tx: Transaction, subject: Subject) -> None:
    """Note that a subject's keys are destroyed."""
    tx.run(statements.DESTROYED, kind=subject.kind, name=subject.name)
