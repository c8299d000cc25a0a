"""The tables of one component, declared as data. SQL definitions, migrations and SQLAlchemy's `MetaData` come from it.

Each component (conversations, the store's settings) has a `Schema`, and its tables are made, migrated and checked
apart from those of the others: see `db/migrations.py`. A column, table or index that is added later names the number
of its migration as `since`. A migration that also changes rows has statements in `migrations`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sessions.db.dialect import MARIADB
from sessions.db.transaction import Statement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Column(msgspec.Struct, frozen=True):
    """A column of a table.

    Attributes:
        name: Its name.
        type: One of the types in `db/dialect.py`: ``"integer"``, ``"text"``, …
        purpose: Its content, if the name does not say it.
        null: Whether it may be null.
        unique: Whether no two rows may have the same value.
        default: The value of a row that is inserted without one.
        since: The number of the migration that adds it; 0 if the table was made with it.
    """

    name: str
    type: str
    purpose: str = ""
    null: bool = False
    unique: bool = False
    default: int | None = None
    since: int = 0

    @property
    def definition(self) -> str:
        """The SQL that defines it."""
        parts = [self.name, f"{{{self.type}}}"]
        if self.type != "serial":
            parts += ["not null"] * (not self.null) + ["unique"] * self.unique
            parts += [f"default {self.default}"] if self.default is not None else []
        return " ".join(parts)


class Table(msgspec.Struct, frozen=True):
    """A table.

    Attributes:
        name: Its name in the component, and its word in statements: ``{entries}``.
        purpose: The meaning of a row.
        columns: Its columns.
        key: The columns of its primary key. A serial column must be the only one.
        updated: Whether its rows are updated often, so that pages should keep room for their next versions.
        content: Whether its rows hold users' data, so that erasing has to vacuum it.
        of: The condition of the rows that belong to a subject, whose name is ``:subject``; see `db/erasure.py`.
        of_owners: The condition of the rows that belong to owners from ``:low`` on and before ``:high``.
        since: The number of the migration that makes it; 0 for the schema's first migration.
    """

    name: str
    purpose: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ("id",)
    updated: bool = False
    content: bool = True
    of: str = ""
    of_owners: str = ""
    since: int = 0

    @property
    def is_serial(self) -> bool:
        """Whether the database gives each row its number."""
        return any(column.type == "serial" for column in self.columns)

    def create(self, number: int) -> Statement:
        """Return the statement that makes it, with the columns that it has after a migration."""
        definitions = [column.definition for column in self.columns if column.since <= number]
        if not self.is_serial:
            definitions.append(f"primary key ({', '.join(self.key)})")
        # SQLite stores a table with a text or composite key in the order of that key if asked to.
        numbered = [column.name for column in self.columns if column.type in ("serial", "integer")]
        options = "table" if len(self.key) == 1 and self.key[0] in numbered else "clustered_table"
        options = f"updated_{options}" if self.updated else options
        body = ",\n".join(f"    {definition}" for definition in definitions)
        return Statement(self.purpose, f"{{create_table}} {{{self.name}}} (\n{body}\n) {{{options}}}")


class Index(msgspec.Struct, frozen=True):
    """An index.

    Attributes:
        name: Its name in the component.
        table: The name of its table.
        columns: The columns it is sorted by.
        purpose: The query that it serves.
        where: Which rows it has. MariaDB indexes all.
        unique: Whether no two rows may have the same values.
        since: The number of the migration that makes it; 0 for the schema's first migration.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    purpose: str
    where: str = ""
    unique: bool = False
    since: int = 0

    def create(self) -> Statement:
        """Return the statement that makes it."""
        create = "{create_unique_index}" if self.unique else "{create_index}"
        text = f"{create} {{{self.name}}} on {{on_{self.table}}} ({', '.join(self.columns)})"
        return Statement(self.purpose, f"{text} where {self.where}" if self.where else text, {MARIADB: text})


class Schema(msgspec.Struct, frozen=True, eq=False):
    """The tables of one component.

    Attributes:
        component: The component's name. It is part of its tables' names, and its migrations are recorded under it.
        tables: Its tables.
        indexes: Their indexes, without those of primary keys and unique columns.
        words: More words for its statements, with the text that replaces each; the text may contain names of tables.
        migrations: Statements that change rows, by the number of their migration.
        first: The number of the first migration.
    """

    component: str
    tables: tuple[Table, ...]
    indexes: tuple[Index, ...] = ()
    words: Mapping[str, str] = msgspec.field(default_factory=dict)
    migrations: Mapping[int, tuple[Statement, ...]] = msgspec.field(default_factory=dict)
    first: int = 1

    @property
    def number(self) -> int:
        """The number of the last migration."""
        columns = [column.since for table in self.tables for column in table.columns]
        others = [table.since for table in self.tables] + [index.since for index in self.indexes]
        return max(self.first, *self.migrations, *columns, *others)

    def missing(self, applied: int) -> Iterator[tuple[int, list[Statement]]]:
        """Yield the number and the statements of each migration after `applied`, in order."""
        for number in range(max(applied + 1, self.first), self.number + 1):
            yield number, list(self._migration(number))

    def _migration(self, number: int) -> Iterator[Statement]:
        for table in self.tables:
            made = table.since or self.first
            if made == number:
                yield table.create(number)
            for column in table.columns if made < number else ():
                if column.since == number:
                    purpose = column.purpose or f"The column {column.name} of {table.name}."
                    yield Statement(purpose, f"alter table {{{table.name}}} {{add_column}} {column.definition}")
        for index in self.indexes:
            if (index.since or self.first) == number:
                yield index.create()
        yield from self.migrations.get(number, ())
