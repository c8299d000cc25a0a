"""Copying a thread, with all its namespaces, to another id: in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.checkpoints.covers import checkpoint_bound, piece_bound, write_bound
from sessions.checkpoints.delete import delete_locked
from sessions.checkpoints.ranges import dump_heads, load_heads
from sessions.checkpoints.rows import CheckpointRow, WritesRow
from sessions.checkpoints.statements import lines as line_statements
from sessions.checkpoints.statements import rows as statements
from sessions.checkpoints.threads import check_owner, lock_thread, locked_has_expired, thread_of
from sessions.db.dialect import text_of_key
from sessions.db.ids import check_number, id_of, ids_of, owner_of, position_of
from sessions.errors import ThreadExistsError

if TYPE_CHECKING:
    from sessions.checkpoints.covers import Cover, Covers
    from sessions.db.transaction import Transaction

_PAGE: Final = 256


def copy(tx: Transaction, source_id: str, target_id: str, covers: Covers, owner: str | None, *, now: int) -> bool:
    """Copy a thread; tell whether there is one to be copied. The copy has the same owner and time to live.

    Raises:
        ThreadExistsError: The target is there.
        OwnerError: The thread is another owner's.
        StoreFullError: The numbers of threads or chains are used up.
        DecryptionError: The thread cannot be opened with the given keys.
    """
    # In one order: two copies that go opposite ways wait for each other, and never each for the other.
    found = {thread_id: lock_thread(tx, thread_id) for thread_id in sorted({source_id, target_id})}
    source, there = found[source_id], found[target_id]
    if source is None:
        return False
    check_owner(source_id, owner, source)
    if there is not None and source_id != target_id and locked_has_expired(tx, there, now):
        delete_locked(tx, there)
    tx.run(
        line_statements.MAKE_THREAD, thread_id=target_id, owner=source.owner, now=now, ttl=source.ttl,
        wrapped_keys=covers.new_wrapped_keys(target_id),
    )  # fmt: skip
    target = thread_of(*tx.the(line_statements.LOCK_THREAD, thread_id=target_id))
    if tx.one(line_statements.LINES_SEEN, thread=target.number) is not None:
        raise ThreadExistsError(
            f"thread {target_id!r} exists already. Nothing was copied. Use another id, or delete that thread first."
        )
    opened, sealed = covers.unlock(source_id, source.wrapped_keys), covers.unlock(target_id, target.wrapped_keys)
    for line, ns, root_id, _ in tx.all(line_statements.LINES_OF, thread=source.number):
        _LineCopy(tx, opened, sealed, f"thread {target_id!r}").copy(line, target.number, ns, root_id, now)
    return True


class _LineCopy:
    """Copies one line. Each payload is opened and sealed again, as it is bound to its place."""

    def __init__(self, tx: Transaction, opened: Cover, sealed: Cover, subject: str) -> None:
        self._tx = tx
        self._opened = opened
        self._sealed = sealed
        self._subject = subject
        self._chains: dict[int, int] = {}

    def copy(self, line: int, thread: int, ns: str | bytes, root_id: str | bytes | None, now: int) -> None:
        """Copy the locked line `line` to the thread with the number `thread`."""
        tx = self._tx
        (next_number, _) = tx.the(line_statements.LOCK_LINE, line=line)
        made = self._new_chain(None)
        self._chains[line] = made
        root = None if root_id is None else text_of_key(root_id)
        tx.run(line_statements.MAKE_LINE, line=made, thread=thread, ns=text_of_key(ns), now=now, root_id=root)
        for (chain,) in tx.all(line_statements.CHAINS_OF, line=line):
            if chain != line:
                self._chains[chain] = self._new_chain(made)
            self._copy_pieces(chain)
        self._copy_checkpoints(line, made)
        self._copy_writes(line, made)
        tx.run(line_statements.MOVE_LINE, line=made, next_number=next_number, now=now, root_id=root)

    def _new_chain(self, line: int | None) -> int:
        (number,) = self._tx.the(line_statements.NEW_CHAIN, line=line)
        return check_number(number, self._subject, "chains")

    def _moved(self, number: int) -> int:
        return id_of(self._chains[owner_of(number)], position_of(number))

    def _copy_pieces(self, chain: int) -> None:
        after, high = ids_of(chain)
        while rows := self._tx.all(statements.SOME_PIECES, after=after, high=high, count=_PAGE):
            after = rows[-1][0]
            moved = []
            for number, payload in rows:
                plain = self._opened.open(bytes(payload), piece_bound(number))
                there = self._moved(number)
                moved.append((there, self._sealed.seal(plain, piece_bound(there))))
            self._tx.many(statements.PUT_PIECE, moved)

    def _copy_checkpoints(self, line: int, made: int) -> None:
        after, high = ids_of(line)
        while rows := self._tx.all(statements.SOME_CHECKPOINTS, after=after, high=high, count=_PAGE):
            after = rows[-1][0]
            for row in map(CheckpointRow.of, rows):
                there = self._moved(row.id)
                heads = dump_heads([(self._moved(low), self._moved(high_)) for low, high_ in load_heads(row.heads)])
                columns = row.checkpoint_id, row.parent_id, row.run_id
                body = self._opened.open(row.body, checkpoint_bound(row.id, *columns, row.heads))
                self._tx.run(
                    statements.PUT_CHECKPOINT, id=there, line=made, checkpoint_id=row.checkpoint_id,
                    parent_id=row.parent_id, run_id=row.run_id, now=row.created_at, heads=heads,
                    body=self._sealed.seal(body, checkpoint_bound(there, *columns, heads)),
                )  # fmt: skip
                if row.hidden:
                    self._tx.run(statements.HIDE, id=there)

    def _copy_writes(self, line: int, made: int) -> None:
        for checkpoint_id, *columns in self._tx.all(statements.WRITES_OF, line=line):
            row = WritesRow.of(text_of_key(checkpoint_id), tuple(columns))
            key = row.checkpoint_id, row.task_id, row.slot, row.task_path
            plain = self._opened.open(row.payload, write_bound(line, *key))
            self._tx.run(
                statements.ADD_WRITES, line=made, checkpoint_id=row.checkpoint_id, task_id=row.task_id, slot=row.slot,
                task_path=row.task_path, payload=self._sealed.seal(plain, write_bound(made, *key)),
            )  # fmt: skip
