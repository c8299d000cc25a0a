"""A branch's entries in outline, for lists of turns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.log.core.entries import read_entries
from sessions.log.core.heads import MAIN, find_head, lineage
from sessions.log.statements import entries as entry_statements

if TYPE_CHECKING:
    from sessions.db.transaction import Statement, Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.entries import StoredEntry


def branch_name(tx: Transaction, conversation: Conversation) -> str:
    """Return the name of the session's current branch."""
    head = find_head(tx, conversation)
    return head.branch if head else MAIN


def read_outline(
    tx: Transaction,
    conversation: Conversation,
    branch: str | None,
    statement: Statement = entry_statements.ENTRIES_FORWARD,
) -> tuple[list[StoredEntry], list[int], str]:
    """Return a branch's entries, oldest first; those that `statement` fetches, so that nothing else is read.

    Returns:
        The entries, the positions of those that could not be decoded, and the branch's name.

    Raises:
        UnknownBranchError: The session has no such branch.
    """
    head = find_head(tx, conversation, branch)
    if head is None:
        return [], [], MAIN
    entries, undecodable = read_entries(tx, head.reader, lineage(tx, head), (0, head.tip), statement)
    return entries, undecodable, head.branch
