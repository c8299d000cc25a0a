"""Erasing all that components keep of a subject, or of owners: rows, counted by table, and their bytes in files."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.db.component import OwnersPart, Removed
from sessions.db.transaction import Statement

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sessions.db import Backend
    from sessions.db.component import Component, EraseOwners, OwnersErased
    from sessions.db.schema import Schema
    from sessions.db.transaction import Transaction

NOT_SCRUBBED: Final = "the files have not been scrubbed: call store.scrub()"


_ROUNDS: Final = 10
"""How often it is looked again for rows of owners that were added meanwhile."""


async def erase(
    backend: Backend,
    component: Component,
    name: str,
    subject: str,
    *,
    scrub: bool = True,
    also: Callable[[Transaction, Removed], None] | None = None,
) -> tuple[Removed, tuple[str, ...]]:
    """Remove all rows of a subject in one transaction, then their bytes as far as a client can.

    Args:
        backend: The database.
        component: Whose rows they are: its own function removes them, or its schema says which they are.
        name: The subject's name.
        subject: Whom an error is about.
        scrub: Whether the bytes are removed, too.
        also: Done in the same transaction, with the removed rows.

    Returns:
        The removed rows, and the places that may still contain bytes, with the remedy for each, in sentences.

    Raises:
        StoreError: The database refused. If it refused to remove the rows, nothing was changed.
        SessionClosedError: The backend has been closed.
    """
    remove = component.erase or partial(erase_rows, schema=component.schema)

    def work(tx: Transaction) -> Removed:
        removed = remove(tx, name)
        if also is not None:
            also(tx, removed)
        return removed

    removed = await backend.write(work, subject)
    if not scrub:
        return removed, (NOT_SCRUBBED,)
    return removed, await backend.vacuum(removed.others, subject)


class ErasedOwners(NamedTuple):
    """The removed rows of owners.

    Attributes:
        rows: How many rows, by component and table.
        others: Other libraries' tables from which rows were removed.
        complete: Whether a last look found nothing; else others keep adding rows of these owners.
    """

    rows: dict[str, dict[str, int]]
    others: list[str]
    complete: bool


def owners_part(component: Component) -> EraseOwners:
    """Return the function that removes owners' rows of a component.

    Raises:
        LookupError: It says nowhere which rows belong to an owner.
    """
    if component.erase_owners is not None:
        return component.erase_owners
    schema = component.schema
    missing = [table.name for table in schema.tables if table.content and not table.of_owners]
    if missing:
        raise LookupError(
            f"component {schema.component!r} does not say which rows of {', '.join(missing)} belong to an owner. "
            "Nothing was removed. Give each table of_owners, or the component erase_owners."
        )
    return partial(_erase_owners_rows, schema=schema)


async def erase_owners(
    backend: Backend,
    components: Sequence[Component],
    owners: OwnersErased,
    *,
    subject: str,
    batch: int,
    also: Callable[[Transaction, OwnersPart], None] | None = None,
    after_batch: Callable[[OwnersPart, dict[str, dict[str, int]]], Awaitable[None]] | None = None,
) -> ErasedOwners:
    """Remove all rows of owners, of each component, in short transactions one after the other.

    After an interruption, removed rows stay removed, and another call goes on. Rows that others add meanwhile go, too,
    as it looks again until it finds nothing.

    Args:
        backend: The database.
        components: All that keep something there.
        owners: Whose rows go.
        subject: Whom an error is about.
        batch: How many subjects go in one transaction, at most.
        also: Done in the same transaction, with what it removed.
        after_batch: Called after each transaction that removed something, with the rows so far.

    Raises:
        LookupError: A component says nowhere which rows belong to an owner; nothing was removed.
        StoreError: The database refused; finished transactions stay done.
    """
    parts = {component.schema.component: owners_part(component) for component in components}
    rows: dict[str, Counter[str]] = {name: Counter() for name in parts}
    others: dict[str, None] = {}
    found = True
    for _ in range(_ROUNDS):
        found = False
        for name, remove in parts.items():
            more = True
            while more:
                part = await backend.write(partial(_part, remove, owners, batch, also), subject)
                more = part.more
                rows[name].update(part.rows)
                others.update(dict.fromkeys(part.others))
                found = found or any(part.rows.values())
                if after_batch is not None and any(part.rows.values()):
                    await after_batch(part, {one: dict(counts) for one, counts in rows.items()})
        if not found:
            break
    return ErasedOwners({name: dict(counts) for name, counts in rows.items()}, list(others), not found)


def _part(
    remove: EraseOwners,
    owners: OwnersErased,
    count: int,
    also: Callable[[Transaction, OwnersPart], None] | None,
    tx: Transaction,
) -> OwnersPart:
    part = remove(tx, owners, count)
    if also is not None:
        also(tx, part)
    return part


def erase_rows(tx: Transaction, name: str, *, schema: Schema) -> Removed:
    """Remove the rows that belong to a subject, as the tables of a schema say; return how many there were."""
    return Removed(_remove_rows(tx, {table.name: table.of for table in schema.tables}, {"subject": name}))


def _erase_owners_rows(tx: Transaction, owners: OwnersErased, count: int, *, schema: Schema) -> OwnersPart:
    """Remove the rows that belong to owners, as the tables of a schema say, all at once."""
    del count
    conditions = {table.name: table.of_owners for table in schema.tables}
    return OwnersPart(_remove_rows(tx, conditions, {"low": owners.low, "high": owners.high}))


def _remove_rows(tx: Transaction, conditions: dict[str, str], values: dict[str, str]) -> dict[str, int]:
    """Remove the rows of each table for which its condition holds, if it has one; return how many there were."""
    owned = {table: condition for table, condition in conditions.items() if condition}
    rows = {}
    for table, condition in owned.items():
        count = Statement("Count the rows to be removed.", f"select count(*) from {{{table}}} where {condition}")  # noqa: S608
        (found,) = tx.the(count, **values)
        rows[table] = int(found)
    # A table's rows may be found by those of an earlier one.
    for table, condition in reversed(owned.items()):
        tx.run(Statement("Remove them.", f"delete from {{{table}}} where {condition}"), **values)  # noqa: S608
    return rows
