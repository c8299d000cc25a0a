"""Reading a session page by page, each in a transaction of its own, as the lines of an export.

A reading is a value: a transaction returns the next one, and may be run again from the start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.log.exports.encoding import encode_line
from sessions.log.exports.key_stage import read_copies, read_keys
from sessions.log.exports.lines import Counts, EndLine
from sessions.log.exports.snapshot import reader_if_unchanged, take_snapshot
from sessions.log.exports.stage import Stage
from sessions.log.exports.stages import read_changes, read_entries, read_retries, read_tips, read_usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.reader import Reader
    from sessions.log.exports.snapshot import Snapshot
    from sessions.log.exports.stage import Some

PAGE: Final = 500
"""Lines read in one transaction, and in memory."""

_PAGE_BYTES: Final = 2_000_000
"""Of payloads in a page; a larger one is a page of its own."""


class Reading(NamedTuple):
    """How far a session has been read.

    Attributes:
        snapshot: The session as it was at the beginning.
        stage: The number of the stage in `_STAGES`.
        after: Where the stage goes on; its type depends on the stage.
        counts: The lines so far.
        closed: Whether all lines have been read.
    """

    snapshot: Snapshot
    stage: int = 0
    after: Any = None
    counts: Counts = Counts()
    closed: bool = False


class Page(NamedTuple):
    """A page of lines, and where to go on; without a reading, the session is gone or was changed."""

    lines: list[bytes]
    reading: Reading | None


def begin_reading(tx: Transaction, conversation: Conversation, *, plain: bool) -> Page:
    """Begin to read a session, and return its first page: all of a small one.

    Raises:
        PlainTextRefusedError: The session is encrypted, and `plain` is not set.
        MissingKeyError: It is encrypted, and was opened without a key.
        DecryptionError: It is encrypted with another key, or something in it was altered.
        DamagedSessionError: Its rows contradict each other.
    """
    found = take_snapshot(tx, conversation, plain=plain)
    if found is None:
        return Page([], None)
    snapshot, reader = found
    page = _read(tx, conversation, reader, Reading(snapshot))
    return page._replace(lines=[snapshot.first, *page.lines])


def go_on_reading(tx: Transaction, conversation: Conversation, reading: Reading) -> Page:
    """Return the next page, unless a change since the beginning may have removed or rewritten an entry.

    Raises:
        DecryptionError: The session is encrypted with another key, or something in it was altered.
    """
    reader = reader_if_unchanged(tx, conversation, reading.snapshot)
    return Page([], None) if reader is None else _read(tx, conversation, reader, reading)


def _read(tx: Transaction, conversation: Conversation, reader: Reader, reading: Reading) -> Page:
    lines: list[bytes] = []
    size = 0
    stage, after, counts = reading.stage, reading.after, reading.counts
    while stage < len(_STAGES) and len(lines) < PAGE and size < _PAGE_BYTES:
        of_stage = Stage(tx, conversation, reader, reading.snapshot, PAGE - len(lines), _PAGE_BYTES - size)
        some = _STAGES[stage](of_stage, after)
        lines += some.lines
        size += sum(map(len, some.lines))
        counts = counts.plus(Counts(**some.kinds))
        stage, after = (stage + 1, None) if some.after is None else (stage, some.after)
    if stage == len(_STAGES):
        snapshot = reading.snapshot
        values = {name: getattr(counts, name) for name in counts.__struct_fields__}
        lines.append(encode_line(EndLine(id=conversation.session_id, cursor=str(snapshot.session), **values)))
        return Page(lines, Reading(snapshot, stage, None, counts, closed=True))
    return Page(lines, Reading(reading.snapshot, stage, after, counts))


_STAGES: Final[tuple[Callable[[Stage, Any], Some], ...]] = (
    read_entries,
    read_tips,
    read_usage,
    read_keys,
    read_retries,
    read_copies,
    read_changes,
)
"""The order of a session's lines."""
