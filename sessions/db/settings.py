"""Settings of a whole store, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.db.dialect import MARIADB
from sessions.db.schema import Column, Schema, Table
from sessions.db.transaction import Statement

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction

STORE: Final = Schema(
    "store",
    (
        Table(
            "settings",
            "What belongs to the whole store, by name, as the salt for passphrases.",
            (Column("name", "key_type"), Column("value", "bytes")),
            key=("name",),
            content=False,
        ),
    ),
    # Programs older than components compare the highest number of all with 8, and refuse the database.
    first=9,
)
"""The component that every store has."""

FIND_SETTING: Final = Statement(
    "A setting's value.",
    "select value from {settings} where name = :name",
)
PUT_SETTING: Final = Statement(
    "Keep a setting, unless there is one of that name.",
    "insert into {settings} (name, value) values (:name, :value) on conflict (name) do nothing",
    {MARIADB: "insert into {settings} (name, value) values (:name, :value) on duplicate key update name = name"},
)


def find_setting(tx: Transaction, name: str) -> bytes | None:
    """Return a setting's value, or ``None`` if it is missing."""
    row = tx.one(FIND_SETTING, name=name)
    return None if row is None else bytes(row[0])


def put_setting(tx: Transaction, name: str, value: bytes) -> bytes:
    """Keep a setting unless there is one of that name; return the value that is there then."""
    tx.run(PUT_SETTING, name=name, value=value)
    return bytes(tx.the(FIND_SETTING, name=name)[0])
