"""All rows of conversations, to be put back as they were once a damage has been found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from sessions.db.transaction import Statement
from sessions.encrypted import handle_of
from sessions.log.schema import LOG
from sessions.testing.planting import NAME, empty

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction
    from sessions.store.store import Store

Rows: TypeAlias = dict[Statement, list[tuple[Any, ...]]]


async def rows_of(store: Store) -> Rows:
    """Return all rows of conversations, by the statements that insert them."""

    def read(tx: Transaction) -> Rows:
        found = {}
        for table in LOG.tables:
            names = [column.name for column in table.columns]
            listed = ", ".join(names)
            values = ", ".join(f":{name}" for name in names)
            rows = tx.all(Statement("All rows.", f"select {listed} from {{{table.name}}}"))  # noqa: S608 - names of our schema
            put = f"insert into {{{table.name}}} ({listed}) values ({values})"  # noqa: S608 - names of our schema
            found[Statement("A row as it was.", put)] = [tuple(row) for row in rows]
        return found

    return await handle_of(store.session(NAME)).backend.read(read, "test")


async def put_back(store: Store, rows: Rows) -> None:
    """Have these rows and no others."""
    await empty(store)

    def write(tx: Transaction) -> None:
        for statement, found in rows.items():
            tx.many(statement, found)

    await handle_of(store.session(NAME)).backend.write(write, "test")
