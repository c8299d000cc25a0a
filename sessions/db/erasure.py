"""Erasing all that a component keeps of one subject: its rows, counted by table, and their bytes in the files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from sessions.db.component import Removed
from sessions.db.transaction import Statement

if TYPE_CHECKING:
    from sessions.db import Backend
    from sessions.db.component import Component
    from sessions.db.schema import Schema
    from sessions.db.transaction import Transaction

NOT_SCRUBBED: Final = "the files have not been scrubbed: call store.scrub()"


async def erase(
    backend: Backend, component: Component, name: str, subject: str, *, scrub: bool = True
) -> tuple[Removed, tuple[str, ...]]:
    """Remove all rows of a subject in one transaction, then their bytes as far as a client can.

    Args:
        backend: The database.
        component: Whose rows they are: its own function removes them, or its schema says which they are.
        name: The subject's name.
        subject: Whom an error is about.
        scrub: Whether the bytes are removed, too.

    Returns:
        The removed rows, and the places that may still contain bytes, with the remedy for each, in sentences.

    Raises:
        StoreError: The database refused. If it refused to remove the rows, nothing was changed.
        SessionClosedError: The backend has been closed.
    """
    remove = component.erase or partial(erase_rows, schema=component.schema)
    removed = await backend.write(lambda tx: remove(tx, name), subject)
    if not scrub:
        return removed, (NOT_SCRUBBED,)
    return removed, await backend.vacuum(removed.others, subject)


def erase_rows(tx: Transaction, name: str, *, schema: Schema) -> Removed:
    """Remove the rows that belong to a subject, as the tables of a schema say; return how many there were."""
    owned = [table for table in schema.tables if table.of]
    rows = {}
    for table in owned:
        count = Statement("Count a subject's rows.", f"select count(*) from {{{table.name}}} where {table.of}")  # noqa: S608
        (found,) = tx.the(count, subject=name)
        rows[table.name] = int(found)
    # A table's rows may be found by those of an earlier one.
    for table in reversed(owned):
        tx.run(Statement("Remove a subject's rows.", f"delete from {{{table.name}}} where {table.of}"), subject=name)  # noqa: S608
    return Removed(rows)
