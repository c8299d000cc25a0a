"""Every table and every column is read by a check, so a new one cannot be forgotten.

If this fails for your table or column: give it a check in `sessions/log/verify/`, and a planted damage.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from sessions.db.settings import STORE
from sessions.db.verify_schema import SchemaCheck
from sessions.log.schema import LOG
from sessions.log.verify.checks import checks_of
from sessions.log.verify.reading import Reading
from tests.log.bare_log import CODEC, BareLog, user

if TYPE_CHECKING:
    from sessions.db.schema import Table
    from sessions.db.verification import Check

_FREE = {
    ("branches", "lease_holder"), ("usage", "model"), ("usage", "agent"), ("usage", "author"), ("schema", "applied_at"),
    ("audits", "actor"),
}  # fmt: skip
"""Columns in which any value can be true."""


def _put_row(log: BareLog, table: Table) -> None:
    """Put any row into a table, so that the statements about it are executed."""
    values = {"bytes": b"x", "integer": 77, "flag": 1, "serial": 77}
    row = [values.get(column.type, "x") for column in table.columns]
    places = ", ".join("?" * len(row))
    log.connection.execute(f"insert into agent_log_{table.name} values ({places})", row)  # noqa: S608 - of the schema


def test_every_column_is_read() -> None:
    log = BareLog()
    log.append(user("1"))
    for table in LOG.tables:
        if "session" in table.key or table.name in ("segments", "session_words"):
            _put_row(log, table)
    read: set[tuple[str, str]] = set()

    def note(action: int, table: str | None, column: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_READ and table and column:
            read.add((table, column))
        return sqlite3.SQLITE_OK

    # SQLite asks when a statement is prepared; those of before are prepared anew.
    log.connection.set_authorizer(note)
    checks: list[Check] = [SchemaCheck([LOG]), *checks_of(Reading(CODEC, None))]
    for check in checks:
        check.page(log.tx, "")
    names = {
        (f"agent_{schema.component}_{table.name}", column.name): (table.name, column.name)
        for schema in (LOG, STORE)
        for table in schema.tables
        for column in table.columns
    }
    unread = {name for full, name in names.items() if full not in read} - _FREE
    assert unread == set()
    log.connection.close()


def test_every_table_is_named_by_a_check() -> None:
    named = {table for check in checks_of(Reading(CODEC, None)) for table in check.tables}
    assert {table.name for schema in (LOG, STORE) for table in schema.tables} - named == set()
