"""A component whose rows have an owner: lists of values, by name. Of running out of numbers it has no line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from sessions.db.command import Command
from sessions.db.component import Component
from sessions.db.dialect import MARIADB
from sessions.db.ids import check_number, check_position, id_of, ids_of
from sessions.db.schema import Column, Schema, Table
from sessions.db.transaction import Statement

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction

_LIST: Final = "(select l.id from {lists} l where l.name = :subject)"
_OF_OWNERS: Final = """
    exists (select 1 from {lists} l where l.name >= :low and l.name < :high
    and {elements}.id > l.id * {positions} and {elements}.id <= l.id * {positions} + {last_position})
"""
SCHEMA: Final = Schema(
    "lists",
    (
        Table(
            "lists",
            "Lists by name.",
            (Column("id", "serial"), Column("name", "key_type", unique=True), Column("size", "integer", default=0)),
            of="name = :subject",
            # A list is its owner's whose name it has.
            of_owners="name >= :low and name < :high",
        ),
        Table(
            "elements",
            "Elements of lists.",
            (Column("id", "integer"), Column("value", "bytes")),
            of=f"id > {_LIST} * {{positions}} and id <= {_LIST} * {{positions}} + {{last_position}}",
            of_owners=_OF_OWNERS,
        ),
    ),
)
_MAKE = "insert into {lists} (name) values (:name) on "
MAKE: Final = Statement(
    "Make a list.",
    _MAKE + "conflict (name) do nothing",
    {MARIADB: _MAKE + "duplicate key update name = values(name)"},
)
GROW: Final = Statement("Make room.", "update {lists} set size = size + 1 where name = :name")
FIND: Final = Statement("Find a list.", "select id, size from {lists} where name = :name")
ADD: Final = Statement("Add an element.", "insert into {elements} (id, value) values (:id, :value)")
ELEMENTS: Final = Statement(
    "Find elements.", "select value from {elements} where id between :low and :high order by id"
)


class Push(Command[int], msgspec.Struct, frozen=True, eq=False):
    """Add a value at the end of a list, which is made if it is not there; return its position."""

    name: str
    value: bytes

    def __call__(self, tx: Transaction) -> int:
        if tx.one(FIND, name=self.name) is None:
            tx.run(MAKE, name=self.name)
        tx.run(GROW, name=self.name)
        owner, size = tx.the(FIND, name=self.name)
        where = f"list {self.name!r}"
        position = check_position(int(size), where, "values")
        tx.run(ADD, id=id_of(check_number(int(owner), where, "lists"), position), value=self.value)
        return position


class Elements(Command[list[bytes]], msgspec.Struct, frozen=True, eq=False):
    """Find the values of a list."""

    name: str

    def __call__(self, tx: Transaction) -> list[bytes]:
        row = tx.one(FIND, name=self.name)
        if row is None:
            return []
        low, high = ids_of(int(row[0]))
        return [bytes(value) for (value,) in tx.all(ELEMENTS, low=low, high=high)]


LISTS: Final = Component(SCHEMA)
