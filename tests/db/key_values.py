"""A second component: values by key. Of transactions, groups, retries, deadlines, forks and watching it has no line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from sessions.db.command import Command
from sessions.db.component import Component
from sessions.db.dialect import MARIADB, POSTGRES, telling, text_of_key
from sessions.db.schema import Column, Schema, Table
from sessions.db.topics import Topic
from sessions.db.transaction import Statement
from sessions.db.verification import Checked
from sessions.types.verify import found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.db.transaction import Transaction

SCHEMA: Final = Schema(
    "values",
    (
        Table(
            "pairs",
            "Values by name.",
            (
                Column("name", "key_type"),
                Column("value", "bytes"),
                Column("version", "integer"),
                Column("until", "integer", null=True),
                Column("owner", "session_id_type", null=True),
            ),
            key=("name",),
            of="name = :subject",
            of_owners="owner >= :low and owner < :high",
        ),
    ),
)
_INSERT: Final = """
    insert into {pairs} (name, value, version, until, owner) values (:name, :value, 1, :until, :owner) on
"""
_PUT: Final = (
    _INSERT
    + """
    conflict (name) do update set value = excluded.value, version = {pairs}.version + 1, until = excluded.until
"""
)
PUT: Final = Statement(
    "Keep a value.",
    _PUT,
    {
        POSTGRES: f"{_PUT} returning {telling('name')}",
        MARIADB: _INSERT + "duplicate key update value = values(value), version = version + 1, until = values(until)",
    },
)
GET: Final = Statement("Find a value.", "select value from {pairs} where name = :name")
VERSION: Final = Statement("The version of a value.", "select version from {pairs} where name = :name")
FORGET: Final = Statement("Remove what has expired.", "delete from {pairs} where until <= {clock}")


class Put(Command[None], msgspec.Struct, frozen=True, eq=False):
    """Keep a value under a name, until a time in microseconds since 1970, if that is given."""

    name: str
    value: bytes
    until: int | None = None
    owner: str | None = None

    @property
    def size(self) -> int:
        return len(self.value)

    @property
    def payloads(self) -> Sequence[bytes]:
        return (self.value,)

    @property
    def repeatable(self) -> bool:
        return True

    @property
    def expires(self) -> bool:
        return self.until is not None

    def __call__(self, tx: Transaction) -> None:
        tx.run(PUT, name=self.name, value=self.value, until=self.until, owner=self.owner)


class Get(Command["bytes | None"], msgspec.Struct, frozen=True, eq=False):
    """Find the value of a name."""

    name: str

    def __call__(self, tx: Transaction) -> bytes | None:
        row = tx.one(GET, name=self.name)
        return None if row is None else bytes(row[0])


def topic(name: str) -> Topic:
    """Return what is watched of a name."""
    return Topic(name, _look)


def _look(tx: Transaction, names: Sequence[str]) -> dict[str, Any]:
    return {name: tx.one(VERSION, name=name) for name in names}


def _forget(tx: Transaction, count: int) -> bool:
    del count
    tx.run(FORGET)
    return False


IMPOSSIBLE: Final = Statement(
    "The next values, and whether each can be true.",
    """
    select name, case when version > 0 and coalesce(until, 0) >= 0 then 1 else 0 end from {pairs}
    where name > :after order by name limit :count
    """,
)


class PairsCheck:
    """Checks the values, a page at a time."""

    name = "pairs"
    tables = ("pairs",)

    def page(self, tx: Transaction, after: str) -> Checked:
        rows = tx.all(IMPOSSIBLE, after=as_key(tx, after), count=2)
        findings = [
            found("impossible-value", "The value has an impossible version or end.", table="pairs", place=place)
            for place, is_possible in ((text_of_key(name), is_possible) for name, is_possible in rows)
            if not is_possible
        ]
        return Checked(findings, text_of_key(rows[-1][0]) if rows else None, {"rows": len(rows)})

    def skip(self, tx: Transaction, after: str) -> str | None:
        del tx, after
        return None


def as_key(tx: Transaction, name: str) -> Any:
    """Return a name as the database compares it."""
    return name.encode() if tx.database == MARIADB else name


KEY_VALUES: Final = Component(SCHEMA, upkeep=_forget, verify=lambda _: [PairsCheck()])
