"""Replacing a session's wrapped keys, and encrypting its entries again, in short transactions beside other callers.

The first bytes of an entry tell whether it is encrypted with the newest data key, so an interrupted run can be
continued.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.db.dialect import text_of_key
from sessions.db.ids import ids_of
from sessions.db.rotation import Pass
from sessions.db.transaction import Statement
from sessions.log.core.change_log import record_change
from sessions.log.core.changing import lock_conversation
from sessions.log.core.details import StoredInfo
from sessions.log.core.entry_rows import replace_payload
from sessions.log.core.heads import EVERYTHING
from sessions.log.core.item_keys import protect_digests
from sessions.log.core.locking import bump_version, check_encryptable, lock_session
from sessions.log.core.ownership import check_owner
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import info as info_statements
from sessions.log.statements import sessions as session_statements
from sessions.log.words import EntryRow

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.encryption.payloads import Payloads

FIND_WRAPPED_KEYS: Final = Statement(
    "A session's owner and its wrapped keys.",
    "select owner, wrapped_keys from {sessions} where session_id = :session_id",
)
OTHERWISE_ENCRYPTED: Final = Statement(
    "Entries of a range whose payloads do not begin as those that are encrypted with a data key.",
    """
    select {entry} from {entries} where id > :low and id <= :high and substr(payload, 1, 5) <> :header
    order by id limit :count
    """,
)
ENCRYPTED_SESSIONS: Final = Statement(
    "A page of sessions, the oldest first: those with wrapped keys, or all.",
    """
    select id, session_id from {sessions} where id > :after and (wrapped_keys is not null or :everything = 1)
    order by id limit :count
    """,
)
PLAIN_SESSIONS: Final = Statement(
    "How many sessions have no wrapped keys.",
    "select count(*) from {sessions} where wrapped_keys is null",
)

_BATCH: Final = 200
"""Entries encrypted again in one transaction."""


def find_wrapped_keys(tx: Transaction, conversation: Conversation, now: int) -> tuple[bool, bytes | None]:
    """Return whether there is such a session, taken over first if it waits for that, and its wrapped keys."""
    if lock_conversation(tx, conversation, now) is None:
        return False, None
    owner, wrapped_keys = tx.the(FIND_WRAPPED_KEYS, session_id=conversation.session_id)
    check_owner(conversation, owner)
    return True, None if wrapped_keys is None else bytes(wrapped_keys)


def list_encrypted(tx: Transaction, after: int, count: int, *, everything: bool) -> list[tuple[int, str]]:
    """Return up to `count` sessions with wrapped keys, or of all, the oldest first, each with its number.

    Args:
        tx: A transaction.
        after: The number of the last one before.
        count: How many at most.
        everything: Also those without wrapped keys.
    """
    rows = tx.all(ENCRYPTED_SESSIONS, after=after, everything=int(everything), count=count)
    return [(number, text_of_key(session_id)) for number, session_id in rows]


def count_plain(tx: Transaction) -> int:
    """Return how many sessions are not encrypted."""
    return int(tx.the(PLAIN_SESSIONS)[0])


def replace_wrapped_keys(tx: Transaction, conversation: Conversation, now: int, old: bytes | None, new: bytes) -> bool:
    """Replace a session's wrapped keys, unless the old ones have changed since; tell whether that was done.

    Raises:
        DecryptionError: It holds entries in the clear, and may not.
    """
    if lock_session(tx, conversation.session_id) is None:
        return False
    # Nobody has used the session: policies of retention and lists go by when it was last changed.
    _, _, _, updated_at, *_ = tx.the(session_statements.SESSION_TIMES, session_id=conversation.session_id)
    locked = bump_version(tx, conversation, updated_at, guard=False, active=False)
    if locked is None or (None if locked.wrapped_keys is None else bytes(locked.wrapped_keys)) != old:
        return False
    if old is None and conversation.encryption:
        check_encryptable(tx, conversation.encryption, conversation.session_id, locked.session)
    tx.run(session_statements.SET_WRAPPED_KEYS, session=locked.session, wrapped_keys=new)
    record_change(tx, locked, "reencrypted", now)
    return True


def reencrypt(tx: Transaction, conversation: Conversation, now: int, before: Pass) -> Pass:
    """Encrypt some of a session's entries again that are not encrypted with its newest data key.

    With the last of them, the older data keys go: they open nothing of this session any more.

    Args:
        tx: A transaction.
        conversation: The session.
        now: The time, in microseconds since 1970, UTC.
        before: The pass so far; its place is the id of an entry.

    Raises:
        DecryptionError: An entry was altered.
    """
    row = tx.one(session_statements.LOCK_SESSION, session_id=conversation.session_id)
    encryption = conversation.encryption
    if row is None or row[1] is None or encryption is None:
        return Pass(after=None)
    wrapped_keys = bytes(row[1])
    payloads = encryption.unlock(conversation.session_id, wrapped_keys)
    (after,) = before.place(payloads.header) or (0,)
    left = _BATCH
    for (segment,) in sorted(tx.all(branch_statements.SEGMENTS, session=row[0])):
        low, high = ids_of(segment)
        low = max(low, after)
        if low >= high:
            continue
        found = tx.all(OTHERWISE_ENCRYPTED, low=low, high=high, header=payloads.header, count=left)
        for entry in found:
            name, opened = payloads.open_with_name(entry)
            plain = EntryRow._make(entry)._replace(tool_name=name, payload=opened)
            encrypted = EntryRow._make(payloads.encrypt(plain))
            replace_payload(tx, plain.id, encrypted.payload, encrypted.tool_name)
        left -= len(found)
        if left == 0:
            return Pass(_BATCH, (found[-1][0],), payloads.header)
    if protect_digests(tx, row[0], payloads, _BATCH):
        return Pass(_BATCH - left, (EVERYTHING,), payloads.header)
    _reencrypt_info(tx, row[0], payloads)
    newest = encryption.newest_only(conversation.session_id, wrapped_keys)
    if newest != wrapped_keys:
        replace_wrapped_keys(tx, conversation, now, wrapped_keys, newest)
    return Pass(_BATCH - left, None)


def _reencrypt_info(tx: Transaction, session: int, payloads: Payloads) -> None:
    """Encrypt a locked session's info with its newest data key, and leave none of its tags in the clear."""
    _, *columns = tx.the(info_statements.INFO_OF, session=session)
    stored = StoredInfo(*columns)
    if stored.payload is None or bytes(stored.payload).startswith(payloads.header):
        return
    again = stored.with_details(stored.details(payloads), payloads)
    tx.run(info_statements.PUT_INFO, session=session, version=again.version, payload=again.payload)
    tx.run(info_statements.FORGET_TAGS, session=session)
    tx.run(info_statements.PLACE, session=session, owner=stored.owner, archived=stored.archived, tagged=0)
