"""Checking the rows of threads: orphans, impossible values, and contents that no reader could make sense of.

The database counts the wrong rows of each page by condition. Contents are checked in Python, but for those of encrypted
threads, whose keys are not asked for. A finding has nothing of a content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sessions.checkpoints.body import unpack_writes
from sessions.checkpoints.contents import Contents
from sessions.checkpoints.covers import PLAIN, PlainCover
from sessions.checkpoints.lines import Line
from sessions.checkpoints.ranges import ids_in, joined, load_heads
from sessions.checkpoints.rows import CheckpointRow, read_pieces
from sessions.checkpoints.statements import verify as statements
from sessions.checkpoints.threads import Thread
from sessions.checkpoints.values import Place
from sessions.clock import FIRST, NEVER
from sessions.db.dialect import MARIADB
from sessions.db.transaction import Statement
from sessions.db.verification import PAGE, Checked
from sessions.errors import DamagedSessionError, DecryptionError
from sessions.verify_types import found

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sessions.db.transaction import Transaction
    from sessions.db.verification import Check
    from sessions.verify_types import Finding, FindingCode

_HIGHEST: Final = (1 << 63) - 2
_LOWEST: Final = -(1 << 63)
_CONTENTS: Final = 32
"""Rows with contents of a page."""


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


class CheckpointCheck:
    """Reads each checkpoint of threads in the clear as a reader would; of encrypted ones, only whether all is there."""

    name = "thread_contents"
    tables = ("checkpoints", "pieces", "lines", "threads")

    def page(self, tx: Transaction, after: str) -> Checked:
        """Check some checkpoints."""
        rows = tx.all(statements.SOME_CHECKPOINTS, after=int(after) if after else _LOWEST, count=_CONTENTS)
        findings = [finding for row in rows for finding in _damages_of(tx, row)]
        return Checked(findings, str(rows[-1][0]) if rows else None)

    def skip(self, tx: Transaction, after: str) -> str | None:
        """Go on behind the next checkpoint."""
        row = tx.one(statements.NEXT_CHECKPOINT, after=int(after) if after else _LOWEST)
        return None if row is None else str(row[0])


class WritesCheck:
    """Reads the writes of threads in the clear."""

    name = "thread_writes_contents"
    tables = ("writes", "lines", "threads")

    def page(self, tx: Transaction, after: str) -> Checked:
        """Check the writes of some lines."""
        first = int(after) if after else _LOWEST
        lines = [line for (line,) in tx.all(statements.LINES_WITH_WRITES, after=first, count=_CONTENTS)]
        findings: list[Finding] = []
        for line in lines:
            for payload, wrapped_keys in tx.all(statements.WRITES, line=line):
                if wrapped_keys is None and not _are_writes(bytes(payload)):
                    problem = "The writes of a task at a checkpoint cannot be read."
                    findings.append(found("thread-damaged", problem, table="writes", place=f"line number {line}"))
        return Checked(findings, str(lines[-1]) if lines else None)

    def skip(self, tx: Transaction, after: str) -> str | None:
        """Give up, as above."""
        del tx, after
        return None


class PieceCheck:
    """Finds the pieces of lines that no checkpoint needs."""

    name = "thread_pieces_needed"
    tables = ("pieces", "chains", "checkpoints", "lines")

    def page(self, tx: Transaction, after: str) -> Checked:
        """Check the pieces of some lines."""
        lines = tx.all(statements.SOME_LINES, after=int(after) if after else _LOWEST, count=_CONTENTS)
        findings = [
            found(
                "pieces-loose",
                "Pieces of values are stored that no checkpoint needs.",
                table="pieces",
                place=f"line number {line}",
            )
            for (line,) in lines
            if _has_loose_pieces(tx, line)
        ]
        return Checked(findings, str(lines[-1][0]) if lines else None)

    def skip(self, tx: Transaction, after: str) -> str | None:
        """Give up, as above."""
        del tx, after
        return None


def checks_of(reading: object) -> Sequence[Check]:
    """Return the checks of all threads."""
    del reading
    return [*map(RowsCheck, _TABLES), CheckpointCheck(), WritesCheck(), PieceCheck()]


def _damages_of(tx: Transaction, row: Any) -> Iterator[Finding]:
    """Yield what is wrong with the contents of a checkpoint; `row` has it, and its thread's wrapped keys."""
    *columns, wrapped_keys = row
    try:
        checkpoint = CheckpointRow.of(tuple(columns))
        ranges = load_heads(checkpoint.heads)
        pieces = read_pieces(tx, ranges)
        if any(number not in pieces for number in ids_in(ranges)):
            yield _damage(row[0], "A piece of a checkpoint's values is missing")
        elif wrapped_keys is None and checkpoint.body[:1] == PLAIN:
            thread = Thread(0, None, None, None)
            contents = Contents(Place("?"), Line(0, 0, 0, thread, PlainCover("?")))
            contents.values(checkpoint, contents.body(checkpoint), pieces)
    except (ValueError, DamagedSessionError, DecryptionError):
        yield _damage(row[0], "A checkpoint or a piece of its values cannot be read")


def _damage(number: int, problem: str) -> Finding:
    return found("thread-damaged", f"{problem}.", table="checkpoints", place=f"row number {number}")


def _are_writes(payload: bytes) -> bool:
    if payload[:1] != PLAIN:
        return bool(payload)  # A serializer's own cipher has encrypted them.
    try:
        unpack_writes(payload[1:])
    except ValueError:
        return False
    return True


def _has_loose_pieces(tx: Transaction, line: int) -> bool:
    """Tell whether a line has more pieces than those that its checkpoints name."""
    try:
        needed = joined({one for (heads,) in tx.all(statements.HEADS_OF, line=line) for one in load_heads(heads)})
    except ValueError:
        return False  # That is found with the checkpoint.
    (stored,) = tx.the(statements.COUNT_PIECES_OF, line=line)
    return int(stored) > sum(int(tx.the(statements.COUNT_PIECES, low=low, high=high)[0]) for low, high in needed)
