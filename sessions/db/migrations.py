"""Make the tables of components and migrate them, each component by itself.

One table records the applied migrations of all components. A program ignores components that it does not know; if a
component is newer than the program, only operations of that component are refused. So programs of two versions can
share a database while one replaces the other.

The result of a released migration never changes: an older database becomes a new one by the migrations it lacks.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sessions.db import migration_statements as statements
from sessions.db.schema import Column, Table
from sessions.db.settings import STORE
from sessions.errors import SchemaVersionError, StoreBusyError, StoreError, StoreReadOnlyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.db.schema import Schema
    from sessions.db.transaction import Transaction

LAST_WITHOUT_COMPONENTS: Final = "24a519a"
"""The last commit that reads databases without components, with migrations 1 to 8."""

NOTED: Final = Table(
    "schema",
    "The migrations that have been applied.",
    (Column("component", "name_type"), Column("number", "integer"), Column("applied_at", "integer")),
    key=("component", "number"),
    content=False,
)
_CREATE_NOTED: Final = NOTED.create(1)


def is_current(tx: Transaction, schemas: Sequence[Schema], where: str) -> bool:
    """Tell whether all migrations of some components have been applied.

    Args:
        tx: A transaction that may be read only.
        schemas: The components.
        where: The database, for the error.

    Raises:
        StoreReadOnlyError: The tables are there, in a schema that the user may not use.
        SchemaVersionError: The tables of a component are newer than this version of the package, or the database is
            older than components.
    """
    if not _is_there(tx, where):
        if hidden := tx.one(statements.OUT_OF_REACH):
            raise StoreReadOnlyError(
                f"{where} has our tables in the schema {hidden[0]}, which this user may not use. Nothing was "
                "changed. Grant usage on it, or remove it from the search path."
            )
        return False
    applied = _applied(tx)
    for schema in (STORE, *schemas):
        if (found := applied.get(schema.component, 0)) > schema.number:
            raise SchemaVersionError(
                f"{where} has version {found} of the tables of component {schema.component!r}, but this version "
                f"of agent-session-store knows only {schema.number}. Nothing was changed. Upgrade "
                "agent-session-store, or use another database."
            )
    return all(applied.get(schema.component) == schema.number for schema in (STORE, *schemas))


def migrate(tx: Transaction, schemas: Sequence[Schema], now: int, where: str = "the database") -> None:
    """Apply the missing migrations, in order; none if another process was first.

    Args:
        tx: A transaction that may write.
        schemas: The components.
        now: The time, in microseconds since 1970, UTC.
        where: The database, for errors.

    Raises:
        StoreBusyError: Another process has been migrating for a minute.
        SchemaVersionError: The database is older than components.
    """
    if tx.one(statements.LOCK_SCHEMA) != (1,):
        raise StoreBusyError(
            "another process has been migrating the tables for a minute. Nothing was changed. Try again."
        )
    try:
        _find_place(tx, where)
        applied = _applied(tx)
        for schema in (STORE, *schemas):
            for number, migration in schema.missing(applied.get(schema.component, 0)):
                for statement in migration:
                    tx.run(statement)
                tx.run(statements.MIGRATION_APPLIED, component=schema.component, number=number, now=now)
    except BaseException:
        # MariaDB's lock outlives the transaction; elsewhere nothing more can be said in one that has failed.
        with suppress(Exception):
            tx.run(statements.UNLOCK_SCHEMA)
        raise
    tx.run(statements.UNLOCK_SCHEMA)


def applied_numbers(schemas: Sequence[Schema]) -> list[tuple[str, int]]:
    """Return all migrations of some components, as a database records them: pairs of component and number."""
    return [(schema.component, number) for schema in (STORE, *schemas) for number, _ in schema.missing(0)]


def applied_components(tx: Transaction) -> set[str]:
    """Return the names of the components whose tables are there."""
    return set(_applied(tx))


def _applied(tx: Transaction) -> dict[str, int]:
    """Return the number of the last applied migration of each component."""
    return dict(tx.all(statements.APPLIED))


def _is_there(tx: Transaction, where: str) -> bool:
    """Tell whether the table of migrations exists.

    Raises:
        SchemaVersionError: It does, without components.
    """
    found = {name for (name,) in tx.all(statements.SCHEMA_COLUMNS)}
    older = found or {name for (name,) in tx.all(statements.OLDER_SCHEMA_COLUMNS)}
    if {"number", "applied_at"} <= older and "component" not in older:
        raise SchemaVersionError(
            f"a version of agent-session-store from before the first release made {where}, and this version "
            f"cannot read its tables. Nothing was changed. Read it with commit {LAST_WITHOUT_COMPONENTS}, or "
            "use another database."
        )
    return bool(found)


def _find_place(tx: Transaction, where: str) -> None:
    """Have tables made where ours are, if some are, and else where the database makes new ones.

    Raises:
        StoreError: That would be another place than where they are found.
    """
    # Made "if not exists", it would be made a second time where the search path begins.
    if not _is_there(tx, where):
        tx.run(_CREATE_NOTED)
    if tx.one(statements.ATTACHED):
        raise StoreError(
            "our tables are in an attached or temporary database, and older than this version of "
            "agent-session-store. Nothing was changed. Pass that database's name as schema=…."
        )
    tx.one(statements.STAY_WITH)
