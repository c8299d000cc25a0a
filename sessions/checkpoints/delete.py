"""Deleting threads, with all they have, and the checkpoints of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.checkpoints.collect import collect
from sessions.checkpoints.statements import lines as line_statements
from sessions.checkpoints.statements import rows as statements
from sessions.checkpoints.threads import check_owner, lock_thread
from sessions.db.dialect import text_of_key
from sessions.db.ids import ids_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sessions.checkpoints.threads import Thread
    from sessions.db.transaction import Transaction


def delete(tx: Transaction, thread_id: str, owner: str | None) -> bool:
    """Delete a thread in all its namespaces; tell whether there was one.

    Raises:
        OwnerError: It is another owner's.
    """
    thread = lock_thread(tx, thread_id)
    if thread is None:
        return False
    check_owner(thread_id, owner, thread)
    delete_locked(tx, thread)
    return True


def delete_locked(tx: Transaction, thread: Thread) -> None:
    """Delete a locked thread."""
    for line, *_ in tx.all(line_statements.LINES_OF, thread=thread.number):
        delete_line(tx, line)
    tx.run(line_statements.DELETE_THREAD, thread=thread.number)


def delete_line(tx: Transaction, line: int) -> None:
    """Delete a locked line of a locked thread."""
    for (chain,) in tx.all(line_statements.CHAINS_OF, line=line):
        low, high = ids_of(chain)
        tx.run(statements.DELETE_PIECES, low=low, high=high)
    tx.run(line_statements.DELETE_CHAINS, line=line)
    tx.run(statements.DELETE_CHECKPOINTS, line=line)
    tx.run(statements.DELETE_WRITES, line=line)
    tx.run(line_statements.DELETE_LINE, line=line)


def delete_for_runs(tx: Transaction, run_ids: Sequence[str]) -> None:
    """Delete the checkpoints of runs with their writes. Checkpoints that follow them keep naming them as parents."""
    lines = {line for run_id in run_ids for _, line, _ in tx.all(statements.OF_RUN, run_id=run_id)}
    for line in sorted(lines):
        if tx.one(line_statements.LOCK_LINE, line=line) is None:
            continue  # Another caller has deleted it.
        for run_id in run_ids:
            found = [row for row in tx.all(statements.OF_RUN, run_id=run_id) if row[1] == line]
            delete_checkpoints(tx, line, ((number, text_of_key(checkpoint_id)) for number, _, checkpoint_id in found))
        collect(tx, line)


def delete_checkpoints(tx: Transaction, line: int, found: Iterable[tuple[int, str]]) -> None:
    """Delete some checkpoints of a locked line with their writes; their pieces are left to `collect`."""
    for number, checkpoint_id in found:
        tx.run(statements.DELETE_WRITES_AT, line=line, checkpoint_id=checkpoint_id)
        tx.run(statements.DELETE_CHECKPOINT, id=number)
