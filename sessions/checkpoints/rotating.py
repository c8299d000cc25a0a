"""Replacing a thread's wrapped keys, and encrypting its contents again, in short transactions beside other callers.

The first bytes of a payload tell whether it is encrypted with the newest data key, so an interrupted run can be
continued. A replacement raises the next numbers of the thread's lines: a put that has read the former keys, and waits
for its line, sees that and reads them again (`lines.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.checkpoints.covers import OWN, checkpoint_bound, piece_bound, write_bound
from sessions.checkpoints.encryption import subject_of
from sessions.checkpoints.rows import CheckpointRow, WritesRow
from sessions.checkpoints.statements import lines as line_statements
from sessions.checkpoints.statements import rotating as statements
from sessions.checkpoints.threads import lock_thread
from sessions.db.dialect import text_of_key
from sessions.db.ids import ids_of
from sessions.db.rotation import Found, Pass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessions.checkpoints.covers import Bound
    from sessions.checkpoints.encryption import KeyedCover, KeyedCovers
    from sessions.db.transaction import Transaction

_BATCH: Final = 128
"""Payloads encrypted again in one transaction, and lines looked at, together."""

_AT_ONCE: Final = 32
"""Payloads read by one statement."""

_BYTES: Final = 4 << 20
"""Bytes of payloads after which a transaction takes no more."""

_PIECES, _CHECKPOINTS, _WRITES = range(3)


def list_encrypted(tx: Transaction, after: int, count: int, *, everything: bool) -> list[tuple[int, str]]:
    """Return the next threads with wrapped keys, or of all, the oldest first, each with its number.

    Threads under a serializer's own cipher are left out: the store's keys do not open them.
    """
    rows = tx.all(statements.ENCRYPTED_THREADS, after=after, everything=int(everything), own=OWN, count=count)
    return [(number, text_of_key(thread_id)) for number, thread_id in rows]


def count_plain(tx: Transaction) -> int:
    """Return how many threads are in the clear."""
    return int(tx.the(statements.PLAIN_THREADS, own=OWN)[0])


def find_wrapped_keys(tx: Transaction, thread_id: str) -> Found | None:
    """Return the wrapped keys of a thread; ``None`` if it is gone."""
    row = tx.one(statements.WRAPPED_KEYS, thread_id=thread_id)
    return None if row is None else Found(None if row[0] is None else bytes(row[0]))


def replace_wrapped_keys(tx: Transaction, thread_id: str, old: bytes | None, new: bytes) -> bool:
    """Replace a thread's wrapped keys, unless the old ones have changed since; tell whether that was done."""
    thread = lock_thread(tx, thread_id)
    if thread is None or thread.wrapped_keys != old:
        return False
    for line, *_ in tx.all(line_statements.LINES_OF, thread=thread.number):
        tx.run(line_statements.RAISE_LINE, line=line)
    tx.run(statements.SET_WRAPPED_KEYS, thread=thread.number, wrapped_keys=new)
    return True


def reencrypt(tx: Transaction, thread_id: str, covers: KeyedCovers, before: Pass) -> Pass:
    """Encrypt some of a thread's payloads again that are not encrypted with its newest data key.

    With the last of them, the older data keys go. A place is a line, one of its tables, and a row's id there.

    Raises:
        DecryptionError: A payload was altered, or the keys here do not open the thread's.
        KeyWanted: Keys have to be fetched first.
    """
    thread = lock_thread(tx, thread_id)
    if thread is None or thread.wrapped_keys is None:
        return Pass(after=None)
    cover = covers.keyed(thread_id, thread.wrapped_keys)
    begun = before.place(cover.header) or (0, _PIECES, 0)
    work = _Work(tx, cover)
    for line, *_ in tx.all(line_statements.LINES_SEEN, thread=thread.number):
        if line < begun[0] or tx.one(line_statements.LOCK_LINE, line=line) is None:
            continue
        for place in work.line(line, begun[1:] if line == begun[0] else (_PIECES, 0)):
            if work.is_full:
                return Pass(work.count, (line, *place), cover.header)
        work.lines += 1
        if work.is_full:
            return Pass(work.count, (line + 1, _PIECES, 0), cover.header)
    newest = covers.keys.newest_only(subject_of(thread_id), thread.wrapped_keys)
    if newest != thread.wrapped_keys:
        tx.run(statements.SET_WRAPPED_KEYS, thread=thread.number, wrapped_keys=newest)
    return Pass(work.count, None)


class _Work:
    """One transaction's part. Each method yields the places of rows once they are encrypted again."""

    def __init__(self, tx: Transaction, cover: KeyedCover) -> None:
        self._tx = tx
        self._cover = cover
        self._header = cover.header
        self._bytes = 0
        self.count = 0
        self.lines = 0

    @property
    def is_full(self) -> bool:
        """Whether the transaction takes no more."""
        return self.count + self.lines >= _BATCH or self._bytes >= _BYTES

    def line(self, line: int, after: tuple[int, ...]) -> Iterator[tuple[int, int]]:
        """Encrypt the payloads of a locked line again, behind a place."""
        table, row = after
        if table == _PIECES:
            for number in self._pieces(line, row):
                yield _PIECES, number
        if table <= _CHECKPOINTS:
            for number in self._checkpoints(line, row if table == _CHECKPOINTS else 0):
                yield _CHECKPOINTS, number
        for _ in self._writes(line):
            yield _WRITES, 0

    def _pieces(self, line: int, after: int) -> Iterator[int]:
        tx = self._tx
        for (chain,) in tx.all(line_statements.CHAINS_OF, line=line):
            low, high = ids_of(chain)
            first = max(low - 1, after)
            while first < high and (
                found := tx.all(
                    statements.PIECES_OTHERWISE, after=first, high=high, header=self._header, count=_AT_ONCE
                )
            ):
                for number, payload in found:
                    first = number
                    made = self._again(bytes(payload), piece_bound(number))
                    tx.run(statements.REPLACE_PIECE, id=number, payload=made)
                    yield number

    def _checkpoints(self, line: int, after: int) -> Iterator[int]:
        tx = self._tx
        low, high = ids_of(line)
        after = max(low - 1, after)
        while found := tx.all(
            statements.CHECKPOINTS_OTHERWISE, after=after, high=high, header=self._header, count=_AT_ONCE
        ):
            for row in map(CheckpointRow.of, found):
                after = row.id
                bound = checkpoint_bound(row.id, row.checkpoint_id, row.parent_id, row.run_id, row.heads)
                tx.run(statements.REPLACE_BODY, id=row.id, body=self._again(row.body, bound))
                yield row.id

    def _writes(self, line: int) -> Iterator[None]:
        tx = self._tx
        while found := tx.all(statements.WRITES_OTHERWISE, line=line, header=self._header, count=_AT_ONCE):
            for checkpoint_id, *columns in found:
                row = WritesRow.of(text_of_key(checkpoint_id), tuple(columns))
                key = {"line": line, "checkpoint_id": row.checkpoint_id, "task_id": row.task_id, "slot": row.slot}
                bound = write_bound(line, row.checkpoint_id, row.task_id, row.slot, row.task_path)
                tx.run(statements.REPLACE_WRITES, **key, payload=self._again(row.payload, bound))
                yield

    def _again(self, payload: bytes, bound: Bound) -> bytes:
        self.count += 1
        self._bytes += len(payload)
        return self._cover.seal(self._cover.open(payload, bound), bound)
