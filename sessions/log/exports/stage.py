"""The source of the lines of one type: a session, its transaction, and the room that is left in the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.db.ids import MAX_POSITION, owner_of, position_of

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.log.conversation import Conversation
    from sessions.log.core.reader import Reader
    from sessions.log.exports.snapshot import Snapshot

GONE: Final = 0, MAX_POSITION
"""The place of an entry that is gone for good, with its segment."""


class Stage(NamedTuple):
    """All that a stage reads from, and how many lines and bytes it may return."""

    tx: Transaction
    conversation: Conversation
    reader: Reader
    snapshot: Snapshot
    room: int
    size: int

    def source(self, entry: int) -> tuple[int, int]:
        """Return the same of an entry that may be gone: its position tells it from others, also in run 0."""
        return self.snapshot.source(entry)

    def place(self, entry: int) -> tuple[int, int]:
        """Return the run and the position of an entry; `GONE` if its segment is."""
        run, position = self.snapshot.numbers.get(owner_of(entry), 0), position_of(entry)
        return (run, position) if run and position < MAX_POSITION else GONE


class Some(NamedTuple):
    """A part of a stage: its lines by their kinds, and where it goes on; ``None`` at its end."""

    lines: list[bytes]
    after: Any
    kinds: dict[str, int]


def some(stage: Stage, lines: list[bytes], kind: str, last: Any) -> Some:
    """Return lines of one kind, which go on behind `last` if there were as many as there is room for."""
    return Some(lines, last if len(lines) == stage.room else None, {kind: len(lines)})
