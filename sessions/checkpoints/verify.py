"""Checking the rows of threads: orphans and impossible values. `verify_contents.py` checks their contents.

The database counts the wrong rows of each page by condition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sessions.checkpoints.verify_contents import CheckpointCheck, PieceCheck, WritesCheck
from sessions.crypto.unlocking import Unlocking
from sessions.db.conditions import Wrong, counts_of, dividing, findings_of, impossible_time, outside
from sessions.db.transaction import Statement
from sessions.db.verification import PAGE, Checked, number_of
from sessions.types.verify import found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.db.transaction import Transaction
    from sessions.db.verification import Check


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
            impossible_time("created_at"),
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
            outside("next_number", "{last_position}", 1),
            impossible_time("updated_at"),
            _empty("root_id"),
        ),
    ),
    "chains": _Rows("id", "left join {lines} s on s.id = coalesce(t.line, t.id)", (outside("id", "{max_owner}", 1),)),
    "checkpoints": _Rows(
        "id",
        _OF_LINE,
        (
            Wrong("id", "t.id / {positions} <> t.line", _MISPLACED, "wrong-reference"),
            Wrong("id", "t.id % {positions} not between 1 and s.next_number - 1", "has a number that was never given"),
            _empty("checkpoint_id"),
            _empty("parent_id"),
            _empty("run_id"),
            impossible_time("created_at"),
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
        last = f"""
            select max(d.place) from (
                select t.{key} as place from {{{table}}} t where t.{key} > :first order by t.{key} limit :count
            ) d
        """  # noqa: S608 - a table of this module
        text = f"""
            select count(*), sum(case when s.id is null then 1 else 0 end){counts_of(one.condition for one in wrong)}
            from {{{table}}} t {owner} where t.{key} > :first and t.{key} <= :last
        """  # noqa: S608 - conditions of this module
        self._last = Statement(f"The end of a page of {table}.", last)
        self._counts = dividing(f"The wrong rows of {table}.", text)

    def page(self, tx: Transaction, after: str) -> Checked:
        """Check some rows."""
        first = number_of(after)
        (last,) = tx.the(self._last, first=first, count=PAGE)
        if last is None:
            return Checked((), None)
        count, orphans, *counts = tx.the(self._counts, first=first, last=last)
        place = f"numbers up to {last}"
        findings = findings_of(self._table, self._wrong, counts, place)
        if orphans:
            problem = f"A row of {self._table} belongs to a thread that is missing."
            findings.append(found("orphan", problem, table=self._table, place=place))
        return Checked(findings, str(last), {_COUNTED.get(self._table, "rows"): int(count)})

    def skip(self, tx: Transaction, after: str) -> str | None:
        """Give up: the rest of the table cannot be found without the unreadable rows."""
        del tx, after
        return None


def checks_of(reading: object) -> Sequence[Check]:
    """Return the checks of all threads."""
    unlocking = getattr(reading, "unlocking", None) or Unlocking(None)
    return [*map(RowsCheck, _TABLES), CheckpointCheck(unlocking), WritesCheck(unlocking), PieceCheck()]
