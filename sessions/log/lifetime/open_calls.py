"""Whether a session waits for an answer: a tool call without an output, which a human may still have to approve.

No item says for certain whether its call waits (the OpenAI Agents SDK keeps that in its `RunState`), so each call
without an output counts, as in compaction; repair's placeholder counts as its output. Ways that were undone wait for
nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from sessions.items.calls import answers_of, calls_of
from sessions.items.kinds import CALLS
from sessions.log.core.damage import read_segments, read_tips
from sessions.log.core.lineages import stretches_of
from sessions.log.core.reader import UNREADABLE, reader_of
from sessions.log.statements import retention as statements
from sessions.log.words import EntryRow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessions.db.transaction import Transaction
    from sessions.items.parts import Call
    from sessions.log.conversation import Conversation
    from sessions.log.core.heads import Stretch
    from sessions.log.core.reader import Reader

_PAGE: Final = 256


class UnreadableCallError(Exception):
    """A call cannot be read, so nobody can tell whether it has its output."""


def has_open_call(tx: Transaction, conversation: Conversation, session: int, wrapped_keys: bytes | None) -> bool:
    """Tell whether a branch of a session has a call without an output.

    A session without calls needs no key.

    Args:
        tx: A transaction.
        conversation: The session.
        session: Its internal id.
        wrapped_keys: Its wrapped keys.

    Raises:
        UnreadableCallError: A call cannot be decoded.
        MissingKeyError: The session has calls and is encrypted, and was opened without a key.
        DecryptionError: It is encrypted with another key, or a payload was altered.
        DamagedSessionError: Its rows contradict each other.
        KeyWanted: Its keys have to be fetched first.
    """
    origins = read_segments(tx, session)
    reader: Reader | None = None
    for _, segment, tip, _, left_by, *_ in read_tips(tx, session, origins):
        if left_by is not None:
            continue
        waiting: Counter[Call] = Counter()
        for row in _rows(tx, conversation, stretches_of(origins, segment, tip)):
            reader = reader or reader_of(conversation, wrapped_keys)
            _count(waiting, row, reader)
        if any(count > 0 for count in waiting.values()):
            return True
    return False


def _rows(tx: Transaction, conversation: Conversation, stretches: list[Stretch]) -> Iterator[EntryRow]:
    """Yield the calls and outputs of a lineage, the oldest first."""
    for stretch in reversed(stretches):
        ids = stretch.ids()
        while ids["low"] < ids["high"]:
            rows = tx.all(statements.CALLS_FORWARD, count=_PAGE, **ids, **conversation.visible)
            yield from map(EntryRow._make, rows)
            if len(rows) < _PAGE:
                break
            ids["low"] = rows[-1][0]


def _count(waiting: Counter[Call], row: EntryRow, reader: Reader) -> None:
    item = reader.open_or_unreadable(row)
    if item is UNREADABLE:
        if row.kind in CALLS:
            raise UnreadableCallError
        return
    answered = answers_of(item)
    for call in answered:
        # An output without a call before it answers none that comes later.
        waiting[call] -= waiting[call] > 0
    if not answered:
        # No output can name a call without an id.
        waiting.update(call for call in calls_of(item) if call.call_id)
