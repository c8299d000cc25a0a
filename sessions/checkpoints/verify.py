"""Checking the rows of threads: orphans and impossible values. `verify_contents.py` checks their contents.

The database counts the wrong rows of each page by condition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.checkpoints.verify_contents import CheckpointCheck, PieceCheck, WritesCheck
from sessions.clock import FIRST, NEVER
from sessions.crypto.unlocking import Unlocking
from sessions.db.dialect import MARIADB
from sessions.db.transaction import Statement
from sessions.db.verification import PAGE, Checked
from sessions.verify_types import found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.db.transaction import Transaction
    from sessions.db.verification import Check
    from sessions.verify_types import FindingCode

_HIGHEST: Final = (1 << 63) - 2
_LOWEST: Final = -(1 << 63)


class Wrong(NamedTuple):
    """A condition of rows ``t`` that cannot be true, where ``s`` is the row that they belong to.

    Attributes:
        column: The column that is wrong then.
        condition: The condition, in SQL.
        says: What is wrong, as the end of a sentence that begins with "A row".
        code: The kind of damage.
    """

    column: str
    condition: str
    says: str = "has an impossible value"
    code: FindingCode = "impossible-value"


def _outside(column: str, most: int | str = _HIGHEST, least: int = 0) -> Wrong:
    return Wrong(column, f"t.{column} not between {least} and {most}")


def _time(column: str) -> Wrong:
    return Wrong(column, f"t.{column} not between {FIRST} and {NEVER}", "has an impossible time")


def _empty(column: str) -> Wrong:
    return Wrong(column, f"t.{column} is not null and length(t.{column}) = 0", "has an empty value")


class _Rows(NamedTuple):
    """How the rows of a table are checked.

    Attributes:
        key: The column in whose order they are read.
        owner: The join of the row that they belong to.
        wrong: The conditions.
    """

    key: str
    owner: str
    wrong: tuple[Wrong, ...]


_OF_LINE: Final = "left join {lines} s on s.id = t.line"
_MISPLACED: Final = "has the number of another line"

_TABLES: Final = {
    "threads": _Rows(
        "id",
        "left join {threads} s on s.id = t.id",
        (
            _empty("thread_id"),
            _empty("owner"),
            _time("created_at"),
            Wrong("ttl", "t.ttl is not null and t.ttl < 1"),
            _empty("wrapped_keys"),
        ),
    ),
    "lines": _Rows(
        "id",
        "left join {threads} s on s.id = t.thread",
        (
            Wrong(
                "id",
                "not exists (select 1 from {chains} c where c.id = t.id and c.line is null)",
                "has no chain of its own",
                "wrong-reference",
            ),
            Wrong("ns", "length(t.ns) > 1024"),
            _outside("next_number", "{last_position}", 1),
            _time("updated_at"),
            _empty("root_id"),
        ),
    ),
    "chains": _Rows("id", "left join {lines} s on s.id = coalesce(t.line, t.id)", (_outside("id", "{max_owner}", 1),)),
    "checkpoints": _Rows(
        "id",
        _OF_LINE,
        (
            Wrong("id", "t.id / {positions} <> t.line", _MISPLACED, "wrong-reference"),
            Wrong("id", "t.id % {positions} not between 1 and s.next_number - 1", "has a number that was never given"),
            _empty("checkpoint_id"),
            _empty("parent_id"),
            _empty("run_id"),
            _time("created_at"),
            Wrong("hidden", "t.hidden not in (0, 1)"),
        ),
    ),
    "pieces": _Rows(
        "id",
        "left join {chains} s on s.id = t.id / {positions}",
        (Wrong("id", "t.id % {positions} = 0"), _empty("payload")),
    ),
    "writes": _Rows(
        "line",
        _OF_LINE,
        (
            _empty("checkpoint_id"),
            _empty("task_id"),
            Wrong("slot", "t.slot > 0"),
            Wrong("task_path", "t.task_path is null"),
        ),
    ),
}  # fmt: skip

_COUNTED: Final = {"threads": "threads", "checkpoints": "checkpoints"}
"""Tables whose rows a summary counts by themselves."""


class RowsCheck:
    """Checks the rows of one table by conditions.

    Args:
        table: The table.
    """

    def __init__(self, table: str) -> None:
        self.name = f"thread_{table}"
        self.tables = (table, "threads", "lines", "chains")
        self._table = table
        key, owner, wrong = _TABLES[table]
        self._wrong = wrong
        counts = "".join(
            f", sum(case when s.id is null then 0 when {one.condition} then 1 else 0 end)" for one in wrong
        )
        last = f"""
            select max(d.place) from (
                select t.{key} as place from {{{table}}} t where t.{key} > :first order by t.{key} limit :count
            ) d
        """  # noqa: S608 - a table of this module
        text = f"""
            select count(*), sum(case when s.id is null then 1 else 0 end){counts}
            from {{{table}}} t {owner} where t.{key} > :first and t.{key} <= :last
        """  # noqa: S608 - conditions of this module
        self._last = Statement(f"The end of a page of {table}.", last)
        # There a slash makes decimals.
        self._counts = Statement(f"The wrong rows of {table}.", text, {MARIADB: text.replace(" / ", " div ")})

    def page(self, tx: Transaction, after: str) -> Checked:
        """Check some rows."""
        first = int(after) if after else _LOWEST
        (last,) = tx.the(self._last, first=first, count=PAGE)
        if last is None:
            return Checked((), None)
        count, orphans, *counts = tx.the(self._counts, first=first, last=last)
        place = f"numbers up to {last}"
        findings = [
            found(
                one.code,
                f"A row of {self._table} {one.says}.",
                table=self._table,
                place=f"{place}, column {one.column}",
            )
            for one, wrong in zip(self._wrong, counts, strict=True)
            if wrong
        ]
        if orphans:
            problem = f"A row of {self._table} belongs to a thread that is missing."
            findings.append(found("orphan", problem, table=self._table, place=place))
        return Checked(findings, str(last), {_COUNTED.get(self._table, "rows"): int(count)})

    def skip(self, tx: Transaction, after: str) -> str | None:
        """Give up: the rest of the table cannot be found without what was not readable."""
        del tx, after
        return None


def checks_of(reading: object) -> Sequence[Check]:
    """Return the checks of all threads."""
    unlocking = getattr(reading, "unlocking", None) or Unlocking(None)
    return [*map(RowsCheck, _TABLES), CheckpointCheck(unlocking), WritesCheck(unlocking), PieceCheck()]
