"""Taking entries out of the log, or their payloads: the one place for it, as what was made of them goes with them.

In the same transaction, the blocks of words that have one of these entries (`log/search/blocks.py`) lose their words.
A block without words is looked at by every search, so nothing is missed until its words are made again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.db.ids import MAX_OWNER, ids_of
from sessions.log.statements import branches as branch_statements
from sessions.log.statements import entries as statements
from sessions.log.statements import retention as retention_statements
from sessions.log.statements import search as search_statements

if TYPE_CHECKING:
    from sessions.db.transaction import Row, Transaction


def delete_entry(tx: Transaction, entry: int) -> None:
    """Remove one entry."""
    forget_words(tx, entry - 1, entry)
    tx.run(statements.DELETE_ENTRY, id=entry)


def delete_entries(tx: Transaction, low: int, high: int) -> None:
    """Remove the entries with ids beyond `low` and up to `high`."""
    forget_words(tx, low, high)
    tx.run(statements.DELETE_ENTRIES, low=low, high=high)


def delete_going(tx: Transaction, low: int, high: int) -> None:
    """Remove those of a range that go with turns that are not kept."""
    forget_words(tx, low, high)
    tx.run(retention_statements.DELETE_GOING, low=low, high=high)


def delete_expired(tx: Transaction, low: int, high: int, visible: dict[str, int]) -> list[Row]:
    """Remove those of a range that have expired, and return a row for each."""
    forget_words(tx, low, high)
    return tx.all(statements.DELETE_EXPIRED, low=low, high=high, **visible)


def forget_expired(tx: Transaction, now: int, count: int) -> int:
    """Remove up to `count` entries of any sessions that are beyond their own expiry, and return how many that were."""
    gone = [entry for (entry,) in tx.all(statements.FORGET_EXPIRED, now=now, count=count)]
    for block in sorted({entry // search_statements.BLOCK for entry in gone}):
        first = block * search_statements.BLOCK
        forget_words(tx, first - 1, first)
    return len(gone)


def forget_left_segment(tx: Transaction, session: int, segment: int) -> None:
    """Remove a segment that a branch has left, and those that only it led to, unless something else leads there."""
    left: int | None = segment
    place = {"session": session}
    while left is not None and (removed := tx.one(branch_statements.FORGET_EMPTY_SEGMENT, segment=left, **place)):
        low, high = ids_of(left)
        tx.run(search_statements.DELETE_WORDS, low=low, high=high)
        tx.run(statements.DELETE_ENTRIES, low=low, high=high)
        (left,) = removed


def forget_segment(tx: Transaction, segment: int) -> None:
    """Remove a segment whose entries are gone, with its words."""
    low, high = ids_of(segment)
    tx.run(search_statements.DELETE_WORDS, low=low, high=high)
    tx.run(branch_statements.FORGET_SEGMENT, segment=segment)


def delete_rows_of_session(tx: Transaction, session: int) -> None:
    """Remove all entries and words of a session; its segments go right after."""
    tx.run(search_statements.DELETE_WORDS_OF_SESSION, session=session)
    for (segment,) in tx.all(branch_statements.SEGMENTS, session=session):
        if not 0 < segment <= MAX_OWNER:
            continue  # An altered row: no entry has such an id.
        low, high = ids_of(segment)
        tx.run(statements.DELETE_ENTRIES, low=low, high=high)


def replace_payload(tx: Transaction, entry: int, payload: bytes, tool_name: str | None) -> None:
    """Store another payload of an entry, or the same encrypted again."""
    forget_words(tx, entry - 1, entry)
    tx.run(statements.REPLACE_PAYLOAD, id=entry, payload=payload, tool_name=tool_name)


def forget_words(tx: Transaction, low: int, high: int) -> None:
    """Remove the words of all blocks with an entry beyond `low` and up to `high`."""
    tx.run(search_statements.FORGET_WORDS, low=low - search_statements.BLOCK + 1, high=high)
