"""Deleting threads, with all they have, and the checkpoints of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.checkpoints.collect import collect
from sessions.checkpoints.statements import lines as line_statements
from sessions.checkpoints.statements import rows as statements
from sessions.checkpoints.threads import lock_owned
from sessions.db.dialect import text_of_key
from sessions.db.ids import ids_of
from sessions.db.lists import parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.checkpoints.threads import Thread
    from sessions.db.transaction import Row, Transaction


def delete(tx: Transaction, thread_id: str, owner: str | None) -> bool:
    """Delete a thread in all its namespaces; tell whether there was one.

    Raises:
        OwnerError: It is another owner's.
    """
    thread = lock_owned(tx, thread_id, owner)
    if thread is None:
        return False
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


def delete_for_runs(tx: Transaction, run_ids: Sequence[str], owner: str | None) -> list[int]:
    """Delete the checkpoints of runs with their writes. Checkpoints that follow them keep naming them as parents.

    With an owner, those in threads of others stay: a run's id says nothing about threads, so it is not a mistake.

    Returns:
        The numbers of their lines.
    """
    lines = {line for run_id in run_ids for _, line, _ in _of_run(tx, run_id, owner)}
    for line in sorted(lines):
        if tx.one(line_statements.LOCK_LINE, line=line) is None:
            continue  # Another caller has deleted it.
        found = [row for run_id in run_ids for row in _of_run(tx, run_id, owner) if row[1] == line]
        delete_checkpoints(tx, line, [text_of_key(checkpoint_id) for _, _, checkpoint_id in found])
        collect(tx, line)
    return sorted(lines)


def _of_run(tx: Transaction, run_id: str, owner: str | None) -> list[Row]:
    if owner is None:
        return tx.all(statements.OF_RUN, run_id=run_id)
    return tx.all(statements.OF_RUN_AND_OWNER, run_id=run_id, owner=owner)


def delete_checkpoints(tx: Transaction, line: int, checkpoint_ids: Sequence[str]) -> tuple[int, int]:
    """Delete some checkpoints of a locked line with their writes; their pieces are left to `collect`.

    Returns:
        How many rows of writes went, and their bytes.
    """
    rows = size = 0
    for some in parts("c", statements.AT_ONCE, checkpoint_ids):
        count, more = tx.the(statements.SIZE_OF_WRITES, line=line, **some)
        rows, size = rows + int(count), size + int(more)
        tx.run(statements.DELETE_SOME_WRITES, line=line, **some)
        tx.run(statements.DELETE_SOME, line=line, **some)
    return rows, size
