"""Redaction: other content, or none, in an entry and in all that holds or repeats its item. Everything else stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sessions.errors import ReplacementError, UndecodableItemError
from sessions.items.calls import emptied, format_of, kind_of
from sessions.items.kinds import PLACEHOLDER
from sessions.items.replacement import changed_parts
from sessions.log.context.annotations import HANDOVER, is_mark
from sessions.log.core.entry_ids import EntryId
from sessions.log.core.entry_rows import replace_payload
from sessions.log.core.item_keys import bar_keys
from sessions.log.core.reader import UNREADABLE
from sessions.log.corrections.begin import begin
from sessions.log.corrections.family import find_family_to_change, finish_family
from sessions.log.corrections.summaries import settle_summaries

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.one_entry import Wanted
    from sessions.log.corrections.begin import Corrected, Correction
    from sessions.log.words import EntryRow


class _Opened(NamedTuple):
    """An entry with its tool's name, its payload in the clear, and its item, or `UNREADABLE`."""

    row: EntryRow
    tool_name: str | None
    payload: bytes
    item: Any


def redact(
    tx: Transaction,
    conversation: Conversation,
    now: int,
    wanted: Wanted,
    item: Any | None,
    *,
    branch: str | None,
    drop_summaries: bool,
    force: bool,
    actor: str | None,
) -> Corrected:
    """Replace the item of an entry, and of all entries that hold the same one, by another item, or by an empty one.

    Args:
        tx: A transaction.
        conversation: The session.
        now: The time, in microseconds since 1970, UTC.
        wanted: The entry.
        item: The other item; ``None`` to empty it.
        branch: The branch for a position; the current one unless named.
        drop_summaries: Whether summaries over them are dropped; else there may be none.
        force: Whether leases of others are no matter.
        actor: The person or program that corrects, for the audit row.

    Raises:
        UnknownEntryError: The session has no such entry.
        UnknownBranchError: The session has no such branch.
        ReplacementError: The other item does not fit, or the item cannot be emptied.
        UndecodableItemError: It cannot be read, so it cannot be emptied.
        SummarizedError: A summary is over one of them.
        SessionBusyError: Another caller holds an exclusive lease on a branch that sees one of them.
        LeaseLostError: The conversation's lease was lost.
        DecryptionError: The session is encrypted with another key, or a payload was altered.
    """
    correction = begin(tx, conversation, now, branch, force=force, actor=actor)
    family = find_family_to_change(correction, wanted)
    opened = [_open(correction, row) for row in family]
    others = [_replacement(correction, one, item) for one in opened]
    summaries = settle_summaries(correction, family, drop=drop_summaries)
    payloads = conversation.codec.encode_all(others)
    for one, payload in zip(opened, payloads, strict=True):
        bar_keys(tx, correction.session, EntryId(one.row.id, one.row.version))
        _store(correction, one, payload)
    elsewhere = conversation.elsewhere.replace(
        tx, conversation, {one.payload: payload for one, payload in zip(opened, payloads, strict=True)}
    )
    return finish_family(correction, "redacted", family, summaries, elsewhere)


def _open(correction: Correction, row: EntryRow) -> _Opened:
    reader = correction.head.reader
    tool_name, payload = reader.open_with_name(row)
    return _Opened(row, tool_name, bytes(payload), reader.decode_or_unreadable(payload))


def _store(correction: Correction, one: _Opened, payload: bytes) -> None:
    """Store a payload in an entry's place; if it is encrypted, bound to the same columns as before."""
    row, key = one.row._replace(tool_name=one.tool_name, payload=payload), correction.locked.key
    _, _, _, _, tool_name, *_, stored = row if key is None else key.encrypt(row)
    replace_payload(correction.tx, row.id, stored, tool_name)


def _replacement(correction: Correction, one: _Opened, item: Any | None) -> Any:
    """Return the item that an entry gets.

    Raises:
        ReplacementError: It cannot have that one, or cannot be emptied.
        UndecodableItemError: It cannot be read, so it cannot be emptied.
    """
    where = f"session {correction.conversation.session_id!r}: the entry at position {one.row.position}"
    if is_mark(one.row.kind):
        return _emptied_mark(one, item, where)
    if one.item is UNREADABLE:
        if item is None:
            raise UndecodableItemError(
                f"{where} cannot be read, so its empty form is unknown. Nothing was changed. Give item=, or remove it."
            )
        if one.row.kind not in {PLACEHOLDER, kind_of(item)}:
            raise _refused(where, ("kind",))
        if one.row.format != format_of(item):
            raise _refused(where, ("format",))
        return item
    other = emptied(one.item) if item is None else item
    if other is None:
        raise ReplacementError(
            f"{where} has no empty form that providers accept, because its content is signed or encrypted, or is a "
            "setting. Nothing was changed. Give item=, or remove it."
        )
    if changes := changed_parts(one.item, other):
        raise _refused(where, changes)
    return other


def _refused(where: str, changes: tuple[str, ...]) -> ReplacementError:
    return ReplacementError(
        f"{where}: the replacement would change its {' and its '.join(changes)}, so it would not fit the entries "
        "around it. Nothing was changed. Change the content alone.",
        changes,
    )


def _emptied_mark(one: _Opened, item: Any | None, where: str) -> Any:
    """Return a handover without its note."""
    if one.row.kind != HANDOVER or one.item is UNREADABLE:
        raise ReplacementError(
            f"{where} describes other entries, so it cannot be redacted. Nothing was changed. Remove it."
        )
    if item is not None:
        raise ReplacementError(
            f"{where} is a handover, which can only be emptied. Nothing was changed. Leave out item."
        )
    return {name: value for name, value in one.item.items() if name != "note"}
