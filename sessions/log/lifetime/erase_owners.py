"""Erasing owners: the conversations' part. Each session goes whole, in one transaction."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from sessions.db.component import ErasedSubject, OwnersPart
from sessions.db.dialect import text_of_key
from sessions.log.core.locking import lock_session
from sessions.log.encryption.session_encryption import subject_of
from sessions.log.lifetime.erase import erase
from sessions.log.lifetime.remove import remove_unfinished_of_owners
from sessions.log.statements import retention as statements

if TYPE_CHECKING:
    from sessions.db.component import OwnersErased
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Elsewhere

_ENTRIES: Final = 2_000
"""After so many entries a transaction takes no further session, so that other writers wait for milliseconds."""


def erase_owners(tx: Transaction, owners: OwnersErased, count: int, elsewhere: Elsewhere) -> OwnersPart:
    """Remove up to `count` sessions of some owners with all their rows. It needs no key, and heeds no lease."""
    whose = {"low": owners.low, "high": owners.high}
    # First the unfinished ones: one that is finished meanwhile is found as a session. They have a transaction of their
    # own, as a correction locks a session before the unfinished copies of it.
    if remove_unfinished_of_owners(tx, owners.low, owners.high):
        return OwnersPart({}, (), more=True)
    found = [(number, text_of_key(session_id)) for number, session_id in tx.all(statements.OWNED, count=count, **whose)]
    rows: Counter[str] = Counter()
    subjects: list[ErasedSubject] = []
    others: dict[str, None] = {}
    # In the order of their ids: two processes at the same work wait for each other, and never each for the other.
    for number, session_id in sorted(found):
        if lock_session(tx, session_id) != number or tx.one(statements.IS_OWNED, session=number, **whose) is None:
            continue  # It has become another owner's, or another process was first.
        removed = erase(tx, session_id, elsewhere)._asdict()
        removed["sessions"] = int(removed.pop("existed"))
        rows.update(removed)
        subjects.append(ErasedSubject(subject_of(session_id), removed))
        if removed["sdk_rows"]:
            others.update(dict.fromkeys(elsewhere.tables))
        if rows["entries"] >= _ENTRIES:
            return OwnersPart(rows, subjects, more=True, others=list(others))
    return OwnersPart(rows, subjects, more=len(found) == count, others=list(others))
