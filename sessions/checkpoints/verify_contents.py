"""Checking the contents of threads: each checkpoint, its pieces and its writes, as a reader would read them.

Those of encrypted threads are opened with the store's key; without it, they are counted. A finding has nothing of a
content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sessions.checkpoints.contents import Contents
from sessions.checkpoints.covers import OWN, PlainCover
from sessions.checkpoints.lines import Line
from sessions.checkpoints.ranges import ids_in, joined, load_heads
from sessions.checkpoints.rows import CheckpointRow, WritesRow, read_pieces
from sessions.checkpoints.statements import verify as statements
from sessions.checkpoints.threads import Thread
from sessions.checkpoints.values import Place
from sessions.crypto.subject import Subject
from sessions.crypto.unlocking import Locked, Unlocking
from sessions.db.dialect import text_of_key
from sessions.db.verification import Checked, number_of
from sessions.errors import DamagedSessionError, DecryptionError
from sessions.types.verify import found

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sessions.checkpoints.covers import Cover
    from sessions.db.transaction import Transaction
    from sessions.types.verify import Finding

_CONTENTS: Final = 32
"""Rows with contents of a page."""


class CheckpointCheck:
    """Reads each checkpoint as a reader would; of a thread that cannot be opened, only whether all is there.

    Args:
        unlocking: Opens the threads' keys.
    """

    name = "thread_contents"
    tables = ("checkpoints", "pieces", "lines", "threads")

    def __init__(self, unlocking: Unlocking) -> None:
        self._unlocking = unlocking

    def page(self, tx: Transaction, after: str) -> Checked:
        """Check some checkpoints.

        Raises:
            KeyWanted: A thread's keys have to be fetched first.
        """
        rows = tx.all(statements.SOME_CHECKPOINTS, after=number_of(after), count=_CONTENTS)
        findings: list[Finding] = []
        locked = 0
        for *columns, number, thread_id, wrapped_keys in rows:
            cover = _cover_of(self._unlocking, thread_id, wrapped_keys)
            if isinstance(cover, Locked):
                locked += 1
                if cover.reason:
                    # Of each thread once on a page.
                    finding = found("keys-locked", cover.reason, table="threads", place=f"thread number {number}")
                    findings += () if finding in findings else (finding,)
            findings += _damages_of(tx, columns, cover)
        return Checked(findings, str(rows[-1][0]) if rows else None, {"locked": locked})

    def skip(self, tx: Transaction, after: str) -> str | None:
        """Go on behind the next checkpoint."""
        row = tx.one(statements.NEXT_CHECKPOINT, after=number_of(after))
        return None if row is None else str(row[0])


class WritesCheck:
    """Reads the writes of threads.

    Args:
        unlocking: Opens the threads' keys.
    """

    name = "thread_writes_contents"
    tables = ("writes", "lines", "threads")

    def __init__(self, unlocking: Unlocking) -> None:
        self._unlocking = unlocking

    def page(self, tx: Transaction, after: str) -> Checked:
        """Check the writes of some lines.

        Raises:
            KeyWanted: A thread's keys have to be fetched first.
        """
        first = number_of(after)
        lines = [line for (line,) in tx.all(statements.LINES_WITH_WRITES, after=first, count=_CONTENTS)]
        findings: list[Finding] = []
        for line in lines:
            for checkpoint_id, *columns, thread_id, wrapped_keys in tx.all(statements.WRITES, line=line):
                row = WritesRow.of(text_of_key(checkpoint_id), tuple(columns))
                if not _are_writes(line, row, _cover_of(self._unlocking, thread_id, wrapped_keys)):
                    problem = "The writes of a task at a checkpoint cannot be read."
                    findings.append(found("thread-damaged", problem, table="writes", place=f"line number {line}"))
        return Checked(findings, str(lines[-1]) if lines else None)

    def skip(self, tx: Transaction, after: str) -> str | None:
        """Give up, as above."""
        del tx, after
        return None


class PieceCheck:
    """Finds the pieces of lines that no checkpoint needs."""

    name = "thread_pieces_needed"
    tables = ("pieces", "chains", "checkpoints", "lines")

    def page(self, tx: Transaction, after: str) -> Checked:
        """Check the pieces of some lines."""
        lines = tx.all(statements.SOME_LINES, after=number_of(after), count=_CONTENTS)
        findings = [
            found(
                "pieces-loose",
                "Pieces of values are stored that no checkpoint needs.",
                table="pieces",
                place=f"line number {line}",
            )
            for (line,) in lines
            if _has_loose_pieces(tx, line)
        ]
        return Checked(findings, str(lines[-1][0]) if lines else None)

    def skip(self, tx: Transaction, after: str) -> str | None:
        """Give up, as above."""
        del tx, after
        return None


def _cover_of(unlocking: Unlocking, thread_id: str | bytes, wrapped_keys: bytes | None) -> Cover | Locked:
    """Return how the contents of a thread are opened.

    Raises:
        KeyWanted: Its keys have to be fetched first.
    """
    if wrapped_keys is None:
        return PlainCover("?")
    try:
        name = text_of_key(thread_id)
    except ValueError:
        return Locked()  # That is found with the thread's row.
    # Few stores are encrypted: its imports take long.
    from sessions.checkpoints.encryption import THREAD, KeyedCover  # noqa: PLC0415

    keys = unlocking.keys_of(Subject(THREAD, name), bytes(wrapped_keys))
    return keys if isinstance(keys, Locked) else KeyedCover(keys)


def _damages_of(tx: Transaction, columns: Sequence[Any], cover: Cover | Locked) -> Iterator[Finding]:
    """Yield the faults in the contents of a checkpoint."""
    number = columns[0]
    try:
        checkpoint = CheckpointRow.of(tuple(columns))
        ranges = load_heads(checkpoint.heads)
        pieces = read_pieces(tx, ranges)
        if any(number not in pieces for number in ids_in(ranges)):
            yield _damage(number, "A piece of a checkpoint's values is missing")
        elif not isinstance(cover, Locked) and not _is_of_serializer(checkpoint.body, cover):
            thread = Thread(0, None, None, None)
            contents = Contents(Place("?"), Line(0, 0, 0, thread, cover))
            contents.values(checkpoint, contents.body(checkpoint), pieces)
    except (ValueError, DamagedSessionError, DecryptionError):
        yield _damage(number, "A checkpoint or a piece of its values cannot be read")


def _damage(number: int, problem: str) -> Finding:
    return found("thread-damaged", f"{problem}.", table="checkpoints", place=f"row number {number}")


def _is_of_serializer(payload: bytes, cover: Cover) -> bool:
    """Tell whether a serializer's own cipher has encrypted a payload, so that nobody else can open it."""
    return isinstance(cover, PlainCover) and payload[:1] == OWN


def _are_writes(line: int, row: WritesRow, cover: Cover | Locked) -> bool:
    if isinstance(cover, Locked) or _is_of_serializer(row.payload, cover):
        return bool(row.payload)
    try:
        row.open(line, cover)
    except (ValueError, DecryptionError):
        return False
    return True


def _has_loose_pieces(tx: Transaction, line: int) -> bool:
    """Tell whether a line has more pieces than those that its checkpoints name."""
    try:
        needed = joined({one for (heads,) in tx.all(statements.HEADS_OF, line=line) for one in load_heads(heads)})
    except ValueError:
        return False  # That is found with the checkpoint.
    (stored,) = tx.the(statements.COUNT_PIECES_OF, line=line)
    return int(stored) > sum(int(tx.the(statements.COUNT_PIECES, low=low, high=high)[0]) for low, high in needed)
