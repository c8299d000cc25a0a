"""Giving a session another seal, and sealing its entries anew, in short transactions beside readers and writers.

An entry that is sealed with the newest data key says so in its first bytes, so whoever goes on after an interruption
finds what is left to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.db.dialect import MARIADB
from sessions.db.ids import ids_of
from sessions.db.transaction import Statement
from sessions.log.core.change_log import record_change
from sessions.log.core.changing import lock_conversation
from sessions.log.core.locking import check_sealable, raise_version
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import sessions as session_statements

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation

FIND_SEAL: Final = Statement(
    "A session's seal.",
    "select seal from {sessions} where session_id = :session_id",
)
OTHERWISE_SEALED: Final = Statement(
    "Entries of a range whose payloads do not begin as those that are sealed with a data key.",
    """
    select {entry} from {entries} where id > :low and id <= :high and substr(payload, 1, 5) <> :header
    order by id limit :count
    """,
)
RESEAL: Final = Statement(
    "Store an entry's payload as it is sealed anew, and its tool's name, which may be hidden now.",
    "update {entries} set payload = :payload, tool_name = :tool_name where id = :id",
)
_SEALED_SESSIONS = """
    select id, session_id from {sessions} where id > :after and (seal is not null or :everything = 1)
    order by id limit :count
"""
SEALED_SESSIONS: Final = Statement(
    "A page of sessions, the oldest first: those with a seal, or all.",
    _SEALED_SESSIONS,
    {MARIADB: _SEALED_SESSIONS.replace("session_id", "convert(session_id using utf8mb4)")},
)

_BATCH: Final = 200
"""Entries sealed anew in one transaction."""


class Batch(NamedTuple):
    """What one transaction did.

    Attributes:
        entries: How many entries it sealed anew.
        after: The id of the last one; ``None`` if none is left.
        key: What tells the data key that it sealed them with; ``None`` if there is nothing to seal.
    """

    entries: int
    after: int | None
    key: bytes | None = None


def find_seal(tx: Transaction, conversation: Conversation, now: int) -> tuple[bool, bytes | None]:
    """Return whether there is such a session, taken over first if it waits for that, and its seal."""
    if lock_conversation(tx, conversation, now) is None:
        return False, None
    row = tx.one(FIND_SEAL, session_id=conversation.session_id)
    return True, None if row is None or row[0] is None else bytes(row[0])


def list_sealed(tx: Transaction, after: int, count: int, *, everything: bool) -> list[tuple[int, str]]:
    """Return up to `count` sessions with a seal, or of all, in the order in which they were made, each with its number.

    Args:
        tx: A transaction.
        after: The number of the last one before.
        count: How many at most.
        everything: Also those without a seal.
    """
    rows = tx.all(SEALED_SESSIONS, after=after, everything=int(everything), count=count)
    return [(number, session_id) for number, session_id in rows]


def replace_seal(tx: Transaction, conversation: Conversation, now: int, old: bytes | None, new: bytes) -> bool:
    """Give a session another seal, unless its seal is not the old one any more; tell whether that was done.

    Raises:
        DecryptionError: It holds entries in the clear, and may not.
    """
    locked = raise_version(tx, conversation, now, guard=False)
    if locked is None or (None if locked.seal is None else bytes(locked.seal)) != old:
        return False
    if old is None and conversation.encryption:
        check_sealable(tx, conversation.encryption, conversation.session_id, locked.session)
    tx.run(session_statements.SET_SEAL, session=locked.session, seal=new)
    record_change(tx, locked, "reencrypted", now)
    return True


def reseal(tx: Transaction, conversation: Conversation, now: int, before: Batch) -> Batch:
    """Seal some of a session's entries anew that are not sealed with its newest data key.

    With the last of them, the seal loses the older keys: whoever has them can read nothing of this session any more.
    That is only after one pass over all entries with the same data key: if another rotation has added a newer one since
    the batch before, what was sealed until then is not sealed with the newest, and the pass begins anew.

    Args:
        tx: A transaction.
        conversation: The session.
        now: The time, in microseconds since 1970, UTC.
        before: The batch before; of no entry and after 0 for the first.

    Raises:
        DecryptionError: An entry is not what was sealed there.
    """
    row = tx.one(session_statements.LOCK_SESSION, session_id=conversation.session_id)
    encryption = conversation.encryption
    if row is None or row[1] is None or encryption is None:
        return Batch(0, None)
    seal = bytes(row[1])
    payloads = encryption.unlock(conversation.session_id, seal)
    after = before.after if before.after is not None and before.key == payloads.header else 0
    left = _BATCH
    for (segment,) in sorted(tx.all(branch_statements.SEGMENTS, session=row[0])):
        low, high = ids_of(segment)
        low = max(low, after)
        if low >= high:
            continue
        found = tx.all(OTHERWISE_SEALED, low=low, high=high, header=payloads.header, count=left)
        for entry in found:
            name, opened = payloads.open_with_name(entry)
            *_, tool_name, _, _, _, payload = payloads.encrypt((*entry[:4], name, *entry[5:8], opened))
            tx.run(RESEAL, id=entry[0], payload=payload, tool_name=tool_name)
        left -= len(found)
        if left == 0:
            return Batch(_BATCH, found[-1][0], payloads.header)
    newest = encryption.newest_only(conversation.session_id, seal)
    if newest != seal:
        replace_seal(tx, conversation, now, seal, newest)
    return Batch(_BATCH - left, None)
