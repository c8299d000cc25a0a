"""Checking the tables whose rows belong to no session that is there: audits, unfinished sessions, keys to destroy.

They are few, so the database counts the wrong ones of a table in one statement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.clock import FIRST, NEVER
from sessions.db.transaction import Statement
from sessions.db.verification import Checked
from sessions.log.schema import MAX_SESSION
from sessions.log.verify.records import Wrong, wrong_rows
from sessions.validation import MAX_ID_BYTES

if TYPE_CHECKING:
    from sessions.db.transaction import Transaction

_NO_NUMBER: Final = "have an impossible number"
_NO_TIME: Final = "have an impossible time"
_NO_ID: Final = "have an impossible session id"
_ID: Final = f"length(t.session_id) not between 1 and {MAX_ID_BYTES}"

_TABLES: Final[dict[str, tuple[Wrong, ...]]] = {
    "audits": (
        Wrong("id", "t.id < 1", says=_NO_NUMBER),
        Wrong("at", f"t.at not between {FIRST} and {NEVER}", says=_NO_TIME),
        Wrong("what", "length(t.what) = 0", says="have an empty text"),
        Wrong("subject", "length(t.subject) = 0", says="have an empty text"),
        Wrong("counts", "substr(t.counts, 1, 1) <> '{{'", says="have counts that are no JSON object"),
        Wrong("until", "t.until < 0", says=_NO_TIME),
    ),
    "undestroyed": (
        Wrong("kind", "length(t.kind) = 0", says="have an empty text"),
        Wrong("name", f"length(t.name) not between 1 and {MAX_ID_BYTES}", says="have an impossible name"),
    ),
    "unfinished": (
        Wrong("session", f"t.session not between 1 and {MAX_SESSION}", says=_NO_NUMBER),
        Wrong(
            "session",
            "exists (select 1 from {sessions} s where s.id = t.session)",
            "wrong-reference",
            "have the number of a session that is there",
        ),
        Wrong("session_id", _ID, says=_NO_ID),
        Wrong(
            "forked_from",
            f"t.forked_from is not null and t.forked_from not between 1 and {MAX_SESSION}",
            says=_NO_NUMBER,
        ),
        Wrong("wrapped_keys", "t.wrapped_keys is not null and length(t.wrapped_keys) = 0", says="have empty keys"),
        Wrong("owner", "t.owner is not null and length(t.owner) = 0", says="have an empty owner"),
        Wrong("origin", "t.origin is not null and length(t.origin) = 0", says="have an empty origin"),
        Wrong("until", "t.until < 0", says=_NO_TIME),
        Wrong("life", "t.life < 0", says="have an impossible life"),
        Wrong("pages", "t.pages < 0", says="have an impossible number of pages"),
    ),
}


class LooseCheck:
    """Checks one such table.

    Args:
        table: The table.
    """

    def __init__(self, table: str) -> None:
        self.name = table
        self.tables = (table, "sessions")
        counts = "".join(f", sum(case when {wrong.condition} then 1 else 0 end)" for wrong in _TABLES[table])
        text = f"select count(*){counts} from {{{table}}} t"  # noqa: S608 - conditions of this module
        self._counts = Statement(f"How many rows of {table} cannot be true, by condition.", text)

    def page(self, tx: Transaction, after: str) -> Checked:
        """Check all rows."""
        del after
        rows, *counts = tx.the(self._counts)
        return Checked(list(wrong_rows(self.name, _TABLES[self.name], counts, None)), None, {"rows": int(rows)})

    def skip(self, tx: Transaction, after: str) -> None:
        """Give up: there is one page."""
        del tx, after


def loose_checks() -> list[LooseCheck]:
    """Return a check for each such table."""
    return [LooseCheck(table) for table in _TABLES]
