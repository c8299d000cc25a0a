"""Removal: an entry with all that holds or repeats its item, or a way that a branch left, is gone for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.errors import BranchInUseError
from sessions.log.core.entry_ids import EntryId
from sessions.log.core.gc import collect, find_seen, lost
from sessions.log.core.heads import NUMBERS
from sessions.log.core.item_keys import bar_keys
from sessions.log.corrections.begin import Corrected, begin, check_leases, finish
from sessions.log.corrections.derived import correct_derived, title_entry
from sessions.log.corrections.family import find_family_to_change, finish_family
from sessions.log.corrections.forks import find_forks
from sessions.log.corrections.pairing import check_pairing
from sessions.log.corrections.summaries import delete_entry, settle_summaries
from sessions.log.history.siblings import find_tips
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import corrections as statements
from sessions.log.statements import records as record_statements
from sessions.log.statements import tips as tip_statements

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.one_entry import Wanted
    from sessions.log.corrections.begin import Correction
    from sessions.log.history.ways import Tip
    from sessions.log.words import EntryRow
    from sessions.types import Sibling


def remove_entry(
    tx: Transaction,
    conversation: Conversation,
    now: int,
    wanted: Wanted,
    *,
    branch: str | None,
    drop_summaries: bool,
    force: bool,
    actor: str | None,
) -> Corrected:
    """Remove an entry, and all entries that hold the same item. Their places stay empty.

    Args:
        tx: A transaction.
        conversation: The session.
        now: The time, in microseconds since 1970, UTC.
        wanted: The entry.
        branch: The branch for a position; the current one unless named.
        drop_summaries: Whether summaries over them are dropped; else there may be none.
        force: Whether to ignore leases of others, and entries that belong to the entry.
        actor: The person or program that corrects, for the audit row.

    Raises:
        UnknownEntryError: The session has no such entry.
        UnknownBranchError: The session has no such branch.
        PairingError: Something that belongs to it would stay.
        SummarizedError: A summary is over one of them.
        SessionBusyError: Another caller holds an exclusive lease on a branch that sees one of them.
        LeaseLostError: The conversation's lease was lost.
        DecryptionError: The session is encrypted with another key; or, unless forced, a payload was altered.
    """
    correction = begin(tx, conversation, now, branch, force=force, actor=actor)
    family = find_family_to_change(correction, wanted)
    if not force:
        check_pairing(correction, family)
    summaries = settle_summaries(correction, family, drop=drop_summaries)
    elsewhere = _remove_elsewhere(correction, family)
    for row in family:
        bar_keys(tx, correction.session, EntryId(row.id, row.version))
        delete_entry(correction, row.id)
    return finish_family(correction, "removed", family, summaries, elsewhere)


def remove_way(
    tx: Transaction,
    conversation: Conversation,
    now: int,
    way: Sibling | str,
    *,
    branch: str | None,
    force: bool,
    actor: str | None,
) -> Corrected:
    """Remove a way that a branch left, and the entries that only it has.

    Args:
        tx: A transaction.
        conversation: The session.
        now: The time, in microseconds since 1970, UTC.
        way: A sibling, or the id of an entry that the way leads through.
        branch: The branch whose sibling it is; the current one unless named.
        force: Whether leases of others, and an attempt that writes there, are no matter.
        actor: The person or program that corrects, for the audit row.

    Raises:
        UnknownEntryError: No way leads through the entry with that id.
        TurnNotFoundError: The sibling is not there any more.
        UnknownBranchError: The session has no such branch.
        BranchInUseError: A branch goes that way, or an attempt writes there, unless that is forced.
        SessionBusyError: Another caller holds an exclusive lease on the branch that left it.
        LeaseLostError: The conversation's lease was lost.
    """
    correction = begin(tx, conversation, now, branch, force=force, actor=actor)
    session = correction.session
    tips = find_tips(tx, conversation, correction.head, way)
    if (used := next((tip for tip in tips if not tip.is_left), None)) is not None:
        raise BranchInUseError(
            f"session {conversation.session_id!r}: branch {used.name!r} goes that way. Nothing was changed. Remove a "
            "way that was left, remove entries, or delete the branch with branches.delete(…)."
        )
    check_leases(correction, tips)
    made_of = title_entry(correction)
    before = find_seen(tx, session)
    for tip in tips:
        _forget(correction, tip)
    ranges = lost(before, find_seen(tx, session))
    removed = sum(tx.the(statements.COUNT_STORED, low=low, high=high)[0] for low, high in ranges)
    collect(tx, session, before)
    is_lost = made_of is not None and any(low < made_of.entry <= high for low, high in ranges)
    title = correct_derived(correction, (), [made_of] if made_of is not None and is_lost else ())
    rows = conversation.elsewhere.count_rows(tx, conversation.session_id)
    corrected = Corrected(correction.locked.version, removed, title=title, sealed_rows=rows)
    return finish(
        correction, "removed", corrected._replace(forks=find_forks(correction, (low + 1 for low, _ in ranges)))
    )


def _forget(correction: Correction, tip: Tip) -> None:
    """Remove a tip; the attempt that writes there, if one does, finds that it is over.

    Raises:
        BranchInUseError: One does, and that is not forced. A killed process leaves such an attempt, too.
    """
    tx, session = correction.tx, correction.session
    row = tx.one(tip_statements.OWNER_OF_TIP, session=session, name=tip.name)
    if row is None:
        return  # It went with the attempt that left it.
    _, claim, made_in = row
    if claim is not None:
        if not correction.force:
            raise BranchInUseError(
                f"session {correction.conversation.session_id!r}: an attempt goes that way, which may still be "
                "running. Nothing was changed. Wait for its end; if its process was killed, pass force=True."
            )
        keys = {"session": session, "attempt": made_in % NUMBERS}
        tx.run(record_statements.FORGET_ATTEMPTS_KEYS, **keys)
    tx.run(branch_statements.DELETE_BRANCH, session=session, branch=tip.name)


def _remove_elsewhere(correction: Correction, family: list[EntryRow]) -> tuple[int, int]:
    """Remove the messages of the SDK's tables from which entries were copied, if they can be told."""
    elsewhere, conversation = correction.conversation.elsewhere, correction.conversation
    if not elsewhere.holds(correction.tx, conversation.session_id):
        return 0, 0
    reader = correction.head.reader
    return elsewhere.replace(correction.tx, conversation, {bytes(reader.payload(row)): None for row in family})
