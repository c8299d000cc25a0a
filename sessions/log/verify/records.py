"""Checking the tables whose rows stand by themselves: orphans, impossible values, references to other sessions' rows.

The database counts the wrong rows of each session by condition, so rows never leave it, and a finding has no value of
a row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, get_args

from sessions.clock import FIRST, NEVER
from sessions.db.conditions import HIGHEST, counts_of, dividing
from sessions.db.ids import MAX_POSITION, POSITIONS
from sessions.db.transaction import Statement
from sessions.db.verification import PAGE, Checked
from sessions.log.core.heads import NUMBERS
from sessions.log.core.item_keys import RAW
from sessions.log.statements.item_keys import EVERYWHERE
from sessions.log.statements.search import BLOCK
from sessions.log.usage import MAX_AMOUNT
from sessions.log.verify.reading import name_of_session
from sessions.text_search.rows import HASH_BYTES
from sessions.types import ChangeKind
from sessions.types.verify import Finding, found

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sessions.db.transaction import Transaction
    from sessions.log.verify.reading import Reading
    from sessions.types.verify import FindingCode


class Wrong(NamedTuple):
    """A condition of rows ``t`` that cannot be true, where ``s`` is their session.

    Attributes:
        column: The column that is wrong then.
        condition: The condition, in SQL.
        code: The kind of damage.
        says: The damage, as the end of a sentence about rows.
    """

    column: str
    condition: str
    code: FindingCode = "impossible-value"
    says: str = "have an impossible value"


_SINGULAR: Final = {"have": "has", "belong": "belongs"}
_ELSEWHERE: Final = "belong to an entry of another session"


def _outside(column: str, most: int | str = HIGHEST, least: int = 0) -> Wrong:
    return Wrong(column, f"t.{column} not between {least} and {most}")


def _time(column: str) -> Wrong:
    return Wrong(column, f"t.{column} not between {FIRST} and {NEVER}", says="have an impossible time")


def _version(least: int = 1, column: str = "version") -> Wrong:
    return Wrong(column, f"t.{column} not between {least} and s.version", says="have a version that never was")


def _length(column: str, *lengths: int) -> Wrong:
    allowed = ", ".join(map(str, lengths))
    return Wrong(column, f"length(t.{column}) not in ({allowed})", says="have a digest of an impossible length")


def _empty(column: str) -> Wrong:
    return Wrong(column, f"length(t.{column}) = 0", says="have an empty text")


def _foreign(column: str) -> Wrong:
    """An entry's id whose segment belongs to another session; the segment may be gone."""
    condition = f"""
        t.{column} > 0 and exists (
            select 1 from {{segments}} g where g.id = t.{column} / {{positions}} and g.session <> t.session
        )
    """  # noqa: S608 - a column of this module
    return Wrong(column, condition, "wrong-reference", _ELSEWHERE)


_KINDS: Final = ", ".join(f"'{kind}'" for kind in get_args(ChangeKind))

_TABLES: Final[dict[str, tuple[Wrong, ...]]] = {
    "segments": (),
    "branches": (),
    "infos": (_outside("version", least=1),),
    "tags": (_empty("tag"), _time("active_at")),
    "appends": (
        _empty("idempotency_key"),
        _length("digest", 0, RAW),
        _version(),
        _outside("tip", MAX_POSITION),
        _time("created_at"),
        _outside("until"),
        _version(0, "attempt"),
    ),
    "changes": (
        _version(),
        Wrong("what", f"t.what not in ({_KINDS})", says="have an unknown kind"),
        _time("created_at"),
    ),
    "usage": (
        _empty("usage_key"),
        _outside("place"),
        _foreign("place"),
        _outside("turn", POSITIONS),
        *(
            _outside(column, MAX_AMOUNT)
            for column in (
                "requests", "input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens",
            )
        ),
        Wrong("cost", "t.cost is not null and t.cost < 0", says="have an impossible cost"),
        _outside("untold", 3),
        _time("created_at"),
    ),
    "copies": (
        _outside("entry", least=1),
        _foreign("entry"),
        _version(),
        _outside("source", least=1),
        _foreign("source"),
        _version(0, "source_version"),
    ),
    "session_words": (
        Wrong("id", f"t.id - t.id / {BLOCK} * {BLOCK} <> 0", says="have an impossible number"),
        Wrong(
            "id",
            "not exists (select 1 from {segments} g where g.id = t.id / {positions} and g.session = t.session)",
            "wrong-reference",
            "have words of a segment that their session does not have",
        ),
        Wrong("sealed", "t.sealed not in (0, 1)", "flag-wrong", "have a flag that is neither 0 nor 1"),
        Wrong("sealed", "t.sealed = 1 and s.wrapped_keys is null", says="have encrypted words without a key"),
        Wrong(
            "words",
            f"t.sealed = 0 and length(t.words) - length(t.words) / {HASH_BYTES} * {HASH_BYTES} <> 0",
            says="have words of an impossible length",
        ),
    ),
    "waiting": (
        Wrong("ticket", "t.ticket not between 1 and s.leases", says="have a ticket that was never given"),
        _empty("branch"),
        _empty("claim"),
        _time("until"),
    ),
    "item_keys": (
        _empty("item_key"),
        Wrong("entry", "t.entry = 0", says="belong to no entry"),
        _foreign("entry"),
        Wrong(
            "entry",
            "t.entry > 0 and exists (select 1 from {entries} e where e.id = t.entry and e.version <> t.version)",
            "wrong-reference",
            "belong to another entry than the one at their place",
        ),
        Wrong(
            "branch",
            f"t.branch <> 0 and (t.entry > 0 or t.branch < {EVERYWHERE})",
            says="belong to a branch although their item was not popped",
        ),
        Wrong(
            "branch",
            f"t.branch > 0 and t.branch / {NUMBERS} <> t.session",
            "wrong-reference",
            "belong to a branch of another session",
        ),
        # Empty where an import could not tell it. With a session's key it has one byte more, also in a plain copy.
        _length("digest", 0, RAW, RAW + 1),
        _version(),
        _outside("until"),
        _outside("due"),
    ),
}  # fmt: skip
"""The conditions of each table with a column `session`. Tables without one have orphans only."""


class RecordCheck:
    """Checks one table with a column ``session``.

    Args:
        table: The table.
        reading: The sessions to verify.
    """

    def __init__(self, table: str, reading: Reading) -> None:
        self.name = table
        self.tables = (table, "sessions", "segments", "entries", "unfinished")
        self._reading = reading
        self._wrong = _TABLES[table]
        last, counts = _statements(table)
        self._last, self._counts = last, counts

    def page(self, tx: Transaction, after: str) -> Checked:
        """Check the rows of up to `PAGE` sessions, or of numbers that are no session's."""
        bounds = self._reading.bounds(tx, after)
        if bounds is None:
            return Checked((), None)
        first, most = bounds
        (last,) = tx.the(self._last, first=first, last=most, count=PAGE)
        if last is None:
            return Checked((), None)
        findings: list[Finding] = []
        rows = 0
        for session, session_id, is_unfinished, count, *counts in tx.all(self._counts, first=first, last=last):
            rows += int(count)
            if is_unfinished:
                continue  # Nobody sees these rows until the session has a row.
            if session_id is None:
                findings.append(self._orphans(session, int(count)))
                continue
            findings += wrong_rows(self.name, self._wrong, counts, name_of_session(session_id))
        return Checked(findings, str(last) if last < most else None, {"rows": rows})

    def skip(self, tx: Transaction, after: str) -> str | None:
        """Give up: the rest of the table cannot be found without the unreadable rows."""
        del tx, after
        return None

    def _orphans(self, session: int, count: int) -> Finding:
        problem = f"{_rows(count)} of {self.name} {'belongs' if count == 1 else 'belong'} to a session that is missing."
        return found("orphan", problem, table=self.name, place=f"session number {session}")


def wrong_rows(table: str, wrong: Sequence[Wrong], counts: Sequence[Any], about: str | None) -> Iterator[Finding]:
    """Yield a finding for each condition that is true of some rows of a session, or of no session's."""
    for one, count in zip(wrong, counts, strict=True):
        if count:
            problem = f"{_rows(int(count))} of {table} {_agreeing(one.says, int(count))}."
            yield found(one.code, problem, session_id=about, table=table, place=f"column {one.column}")


def record_checks(reading: Reading) -> list[RecordCheck]:
    """Return a check for each such table."""
    return [RecordCheck(table, reading) for table in _TABLES]


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _agreeing(says: str, count: int) -> str:
    """Return the end of a sentence about one row, or several."""
    verb, rest = says.split(" ", 1)
    return says if count != 1 else f"{_SINGULAR[verb]} {rest}"


def _statements(table: str) -> tuple[Statement, Statement]:
    """Return the statements for the last session of a page, and for the wrong rows of each, by condition."""
    last = f"""
        select max(d.session) from (
            select distinct session from {{{table}}} where session > :first and session <= :last
            order by session limit :count
        ) d
    """  # noqa: S608 - a table of this module
    counts = counts_of(wrong.condition for wrong in _TABLES[table])
    text = f"""
        select t.session, s.session_id, case when n.session is null then 0 else 1 end, count(*){counts}
        from {{{table}}} t left join {{sessions}} s on s.id = t.session
        left join {{unfinished}} n on n.session = t.session
        where t.session > :first and t.session <= :last group by t.session, s.session_id, n.session
    """  # noqa: S608 - conditions of this module
    return (
        Statement(f"The last of some sessions with rows of {table}.", last),
        dividing(f"How many rows of {table} cannot be true, by condition.", text),
    )
