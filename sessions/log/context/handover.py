"""Handover: a mark that says to whom the conversation was handed on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.clock import NEVER
from sessions.log.context.annotations import HANDOVER, add_mark
from sessions.log.core.change_log import record_change
from sessions.log.core.changing import begin_session
from sessions.log.core.extend import NewEntry
from sessions.log.core.locking import bump_version, ensure_encrypted

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation


def hand_over(
    tx: Transaction,
    conversation: Conversation,
    now: int,
    payload: bytes,
    *,
    author: str | None,
    branch: str | None,
    lifetime: int | None,
) -> None:
    """Record a handover on a branch; create the session if it is missing.

    The note lives for `lifetime` microseconds; for ever, if that is ``None``.

    Raises:
        LeaseLostError: The conversation's lease was lost.
        SessionBusyError: Another caller holds an exclusive lease on the branch.
        UnknownBranchError: The session has no such branch.
        DecryptionError: The session is encrypted with another key.
    """
    expires_at = None if lifetime is None else min(now + lifetime, NEVER)
    locked = bump_version(tx, conversation, now, branch) or begin_session(tx, conversation, now, branch)
    locked = ensure_encrypted(tx, locked)
    add_mark(tx, locked, NewEntry(payload, HANDOVER, None, author), now, expires_at=expires_at)
    record_change(tx, locked, "handed_over", now)
