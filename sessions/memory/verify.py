"""Checking the rows of memories: orphans, impossible values, and rows that contradict each other.

The database counts the wrong rows of each namespace by condition, so rows never leave it, and a finding has no value of
a row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sessions.clock import FIRST, NEVER
from sessions.db.conditions import Wrong, counts_of, dividing, findings_of, impossible_time, outside
from sessions.db.transaction import Statement
from sessions.db.verification import PAGE, Checked, number_of
from sessions.memory.verify_values import checks_of_values
from sessions.types.verify import found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessions.db.transaction import Transaction
    from sessions.db.verification import Check
    from sessions.types.verify import Finding


def _empty(column: str) -> Wrong:
    return Wrong(column, f"length(t.{column}) = 0", "has an empty text")


def _version() -> Wrong:
    return Wrong("version", "t.version not between 1 and s.version", "has a version that never was")


_OF_MEMORY: Final = "{positions} = s.id and exists (select 1 from {memories} m where m.id = t.memory)"
_NO_MEMORY: Final = "belongs to a memory that is missing"

_TABLES: Final[dict[str, tuple[str, tuple[Wrong, ...]]]] = {
    "spaces": (
        "t.id",
        (
            _empty("path"),
            outside("version"),
            outside("last", "{max_position}"),
            Wrong("removed", "t.removed not between 0 and t.version", "has a version that never was"),
            Wrong("owner", "t.owner is not null and length(t.owner) = 0", "has an empty text"),
            Wrong("wrapped_keys", "t.wrapped_keys is not null and length(t.wrapped_keys) = 0", "has no keys"),
            outside("settings", least=-1),
            Wrong("marks", "t.marks is not null and length(t.marks) % 16 <> 0"),
            impossible_time("created_at"),
            impossible_time("updated_at"),
        ),
    ),
    "memories": (
        "t.space",
        (
            Wrong("id", "t.id / {positions} <> t.space", "belongs to another namespace", "wrong-reference"),
            Wrong("id", "t.id % {positions} not between 1 and s.last", "has a number that was never given"),
            _empty("name"),
            _version(),
            impossible_time("created_at"),
            impossible_time("updated_at"),
            Wrong("expires_at", f"t.expires_at is not null and t.expires_at not between {FIRST} and {NEVER}"),
            Wrong("ttl", "t.ttl is not null and (t.ttl <= 0 or t.expires_at is null)"),
            _empty("payload"),
        ),
    ),
    "search_rows": (
        "t.memory / {positions}",
        (
            Wrong("memory", f"not (t.memory / {_OF_MEMORY})", _NO_MEMORY, "orphan"),
            Wrong(
                "model",
                "t.model is not null and not exists (select 1 from {embedders} e where e.id = t.model)",
                "names an embedding model that is missing",
                "wrong-reference",
            ),
            Wrong(
                "vectors",
                """t.vectors is not null and t.model is null
                or t.model is not null and t.vectors is null and t.sealed is null""",
                "has only one of model and vectors",
            ),
            Wrong(
                "sealed",
                "t.sealed is not null and (s.wrapped_keys is null or t.vectors is not null or length(t.words) > 0)",
                "is encrypted and in the clear",
            ),
            Wrong(
                "vectors",
                """t.vectors is not null and exists (
                    select 1 from {embedders} e where e.id = t.model and length(t.vectors) % (2 * e.dims) <> 0
                )""",
                "has something other than whole vectors of its model",
            ),
            Wrong("places", "t.places is not null and length(t.places) = 0", "has an empty list of places"),
            Wrong("digest", "t.vectors is not null and t.digest is null", "has vectors of unknown texts"),
            Wrong("words", "t.words is null"),
        ),
    ),
    "field_values": (
        "t.space",
        (
            Wrong("memory", f"not (t.memory / {_OF_MEMORY})", _NO_MEMORY, "orphan"),
            outside("field"),
            Wrong("value", "t.value is null"),
        ),
    ),
    "removals": (
        "t.space",
        (
            _version(),
            Wrong("memory", "t.memory / {positions} <> t.space", "belongs to another namespace", "wrong-reference"),
            _empty("name"),
            Wrong("what", "t.what not in ('deleted', 'expired')", "has an unknown kind"),
            impossible_time("created_at"),
        ),
    ),
}  # fmt: skip
"""Of each table: the number of a row's namespace, and the conditions."""

_OF_ALL: Final[dict[str, tuple[Wrong, ...]]] = {
    "embedders": (
        outside("id", least=1),
        _empty("name"),
        outside("dims", least=1),
        _empty("probe"),
        impossible_time("made_at"),
    ),
    "memory_settings": (
        Wrong("id", "t.id <> 1"),
        outside("number"),
        outside("tokenizer", least=1),
        Wrong(
            "embedder",
            "t.embedder is not null and not exists (select 1 from {embedders} e where e.id = t.embedder)",
            "names an embedding model that is missing",
            "wrong-reference",
        ),
        Wrong("fields", "t.fields is not null and length(t.fields) = 0"),
        outside("floor"),
    ),
}  # fmt: skip
"""Of tables that belong to no namespace: the conditions."""


class NamespaceCheck:
    """Checks one table by namespaces."""

    def __init__(self, table: str) -> None:
        self.name = table
        self.tables = (table, "spaces", "memories", "embedders")
        self._of, self._wrong = _TABLES[table]
        self._last = dividing(
            f"The last namespace of a page of {table}.",
            f"""
            select max(d.space) from (
                select distinct {self._of} as space from {{{table}}} t where {self._of} > :first
                order by space limit :count
            ) d
            """,  # noqa: S608 - a table of this module
        )
        self._counts = dividing(
            f"The wrong rows of {table}, by namespace and condition.",
            f"""
            select {self._of}, case when max(s.id) is null then 1 else 0 end, count(*)
            {counts_of(one.condition for one in self._wrong)}
            from {{{table}}} t left join {{spaces}} s on s.id = {self._of}
            where {self._of} > :first and {self._of} <= :last group by {self._of} order by 1
            """,  # noqa: S608 - conditions of this module
        )

    def page(self, tx: Transaction, after: str) -> Checked:
        """Check the rows of up to `PAGE` namespaces, or of numbers without a namespace."""
        first = number_of(after)
        (last,) = tx.the(self._last, first=first, count=PAGE)
        if last is None:
            return Checked((), None)
        findings: list[Finding] = []
        rows = 0
        for space, is_orphan, count, *counts in tx.all(self._counts, first=first, last=last):
            rows += 0 if self.name == "memories" else int(count)  # Counted where their values are read.
            place = f"namespace number {space}"
            if is_orphan:
                findings.append(
                    found("orphan", "A row belongs to a namespace that is missing.", table=self.name, place=place)
                )
                continue
            findings += findings_of(self.name, self._wrong, counts, place)
        return Checked(findings, str(last), {"rows": rows})

    def skip(self, tx: Transaction, after: str) -> str | None:
        """Give up: the rest of the table cannot be found without the unreadable rows."""
        del tx, after
        return None


class SettingsCheck:
    """Checks a table that belongs to all memories; it has few rows."""

    def __init__(self, table: str) -> None:
        self.name = table
        self.tables = (table, "embedders")
        self._wrong = _OF_ALL[table]
        counts = ", ".join(f"coalesce(sum(case when {one.condition} then 1 else 0 end), 0)" for one in self._wrong)
        self._counts = Statement(f"The wrong rows of {table}.", f"select count(*), {counts} from {{{table}}} t")  # noqa: S608

    def page(self, tx: Transaction, after: str) -> Checked:
        """Check all rows."""
        del after
        count, *counts = tx.the(self._counts)
        return Checked(findings_of(self.name, self._wrong, counts, ""), None, {"rows": int(count)})

    def skip(self, tx: Transaction, after: str) -> None:
        """Give up: there is one page."""
        del tx, after


def checks_of(reading: object) -> Sequence[Check]:
    """Return the checks of all memories."""
    return [*map(NamespaceCheck, _TABLES), *map(SettingsCheck, _OF_ALL), *checks_of_values(reading)]
