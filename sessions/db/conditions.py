"""Conditions of rows that cannot be true. The database counts the wrong rows by condition, so rows never leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.clock import FIRST, NEVER
from sessions.db.dialect import MARIADB
from sessions.db.transaction import Statement
from sessions.types.verify import found

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sessions.types.verify import Finding, FindingCode

HIGHEST: Final = (1 << 63) - 2
"""The highest value of a counter: it can still be raised."""


class Wrong(NamedTuple):
    """A condition of rows ``t`` that cannot be true, where ``s`` is the row that they belong to.

    Attributes:
        column: The column that is wrong then.
        condition: The condition, in SQL.
        says: The damage, as the end of a sentence that begins with "A row".
        code: The kind of damage.
    """

    column: str
    condition: str
    says: str = "has an impossible value"
    code: FindingCode = "impossible-value"


def outside(column: str, most: int | str = HIGHEST, least: int = 0) -> Wrong:
    """Return the condition that a column is not between two numbers."""
    return Wrong(column, f"t.{column} not between {least} and {most}")


def impossible_time(column: str) -> Wrong:
    """Return the condition that a column is no time."""
    return Wrong(column, f"t.{column} not between {FIRST} and {NEVER}", "has an impossible time")


def counts_of(conditions: Iterable[str]) -> str:
    """Return the columns that count the rows of each condition, behind other columns; orphans are counted by none."""
    return "".join(f", sum(case when s.id is null then 0 when {one} then 1 else 0 end)" for one in conditions)


def dividing(purpose: str, text: str) -> Statement:
    """Return a statement that divides integers, with its variant for MariaDB, where a slash makes decimals."""
    return Statement(purpose, text, {MARIADB: text.replace(" / ", " div ")})


def findings_of(table: str, wrong: Sequence[Wrong], counts: Sequence[Any], where: str) -> list[Finding]:
    """Return a finding for each condition that is true of some rows.

    Args:
        table: The rows' table.
        wrong: The conditions.
        counts: The number of rows of each.
        where: The place of the rows; empty for all of the table.
    """
    return [
        found(
            one.code,
            f"A row of {table} {one.says}.",
            table=table,
            place=", ".join(filter(None, (where, f"column {one.column}"))),
        )
        for one, count in zip(wrong, counts, strict=True)
        if count
    ]
