"""Frozen records of a verification: its findings, with a code for each kind of damage, and their count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

FindingCode: TypeAlias = Literal[
    "file-damaged", "unreadable", "table-missing", "column-missing", "index-missing", "migration-missing",
    "setting-damaged", "orphan", "impossible-value", "wrong-reference", "session-damaged", "flag-wrong",
    "session-plain", "keys-damaged", "keys-locked", "lineage-broken", "branch-broken", "tip-wrong", "turn-wrong",
    "floor-wrong", "growth-wrong", "left-tip-wrong", "lease-wrong", "entry-missing", "entry-misplaced", "unreachable",
    "order-wrong", "hole-unnoted", "kind-wrong", "tool-name-wrong", "mark-wrong", "payload-undecodable",
    "payload-altered", "payload-plain", "info-undecodable", "info-altered", "tags-wrong",
    "thread-damaged", "pieces-loose", "memory-damaged",
]  # fmt: skip
"""The kinds of damage; docs/verify.md explains each. Later versions may add more."""

Severity: TypeAlias = Literal["error", "warning"]
"""``error``: something is lost, wrong or unreadable. ``warning``: the store works, and an operator should know."""


NO_PLACE: Final = (
    "after must be the summary's after. Nothing was checked. Pass verification.summary.after, or leave it out to begin "
    "at the beginning."
)
"""The error for a place that is none."""


class Meaning(NamedTuple):
    """The consequences of a kind of damage.

    Attributes:
        severity: How bad it is.
        remedy: The cure, in a sentence.
    """

    severity: Severity
    remedy: str


_BACKUP: Final = "Restore the session from a backup, or erase it."
_ROW: Final = "Restore the table's rows from a backup; if there is none, delete the session."
_SCHEMA: Final = "Restore the database from a backup, or copy its sessions into a new one."
_STRAY: Final = "Delete these rows in SQL, or restore the missing ones from a backup."

MEANINGS: Final[dict[str, Meaning]] = {
    "file-damaged": Meaning("error", "Restore the file from a backup, or try `sqlite3 FILE .recover`."),
    "unreadable": Meaning("error", "Restore the database from a backup."),
    "table-missing": Meaning("error", _SCHEMA),
    "column-missing": Meaning("error", _SCHEMA),
    "index-missing": Meaning("error", "Create the index again, as `sessions.tables.metadata` declares it."),
    "migration-missing": Meaning("error", _SCHEMA),
    "setting-damaged": Meaning("error", "Restore this row of the settings from a backup."),
    "orphan": Meaning("error", _STRAY),
    "impossible-value": Meaning("error", _ROW),
    "wrong-reference": Meaning("error", _ROW),
    "session-damaged": Meaning("error", _BACKUP),
    "flag-wrong": Meaning("error", _BACKUP),
    "session-plain": Meaning("warning", "Encrypt it: store.rotate(reencrypt=True), with allow_plain_text=True."),
    "keys-damaged": Meaning("error", "Restore the session's row from a backup: without its keys, nothing decrypts it."),
    "keys-locked": Meaning(
        "error", "Add the missing key to the key ring; if it is there, restore the row of the keys."
    ),
    "lineage-broken": Meaning("error", _BACKUP),
    "branch-broken": Meaning("error", _BACKUP),
    "tip-wrong": Meaning("error", _BACKUP),
    "turn-wrong": Meaning("error", _BACKUP),
    "floor-wrong": Meaning("error", _BACKUP),
    "growth-wrong": Meaning("error", _BACKUP),
    "left-tip-wrong": Meaning("error", _BACKUP),
    "lease-wrong": Meaning("error", _BACKUP),
    "entry-missing": Meaning("error", _BACKUP),
    "entry-misplaced": Meaning("error", _BACKUP),
    "unreachable": Meaning("warning", "Nobody sees these items. To remove them, erase the session."),
    "order-wrong": Meaning("error", _BACKUP),
    "hole-unnoted": Meaning("error", _BACKUP),
    "kind-wrong": Meaning("error", _BACKUP),
    "tool-name-wrong": Meaning("error", _BACKUP),
    "mark-wrong": Meaning("error", _BACKUP),
    "payload-undecodable": Meaning("error", "Restore the item from a backup. Readers skip it, with a warning."),
    "payload-altered": Meaning("error", "Restore the session from a backup: reading this item raises an error."),
    "payload-plain": Meaning("error", "If this is intended, open the store with allow_plain_text=True; else restore."),
    "info-undecodable": Meaning("error", "Restore the session's row of infos from a backup, or delete that row."),
    "info-altered": Meaning("error", "Restore the session's row of infos from a backup, or delete that row."),
    "tags-wrong": Meaning("error", "Set the session's tags again: session.set_info(tags=[…])."),
    "memory-damaged": Meaning("error", "Restore the memory from a backup, or put or delete it."),
    "thread-damaged": Meaning("error", "Restore the thread from a backup, or delete it."),
    "pieces-loose": Meaning("warning", "Nobody needs these bytes. Pruning or deleting the thread removes them."),
}
"""Each code with its severity and remedy."""


@dataclass(frozen=True)
class Finding:
    """One damage that a verification found. It has no contents of messages, and no secrets.

    Example: ``findings = [finding async for finding in store.verify()]``

    Attributes:
        code: The kind of damage.
        severity: ``error`` or ``warning``.
        problem: The damage, in a sentence.
        remedy: The cure, in a sentence.
        session_id: The session; ``None`` if it is about the database, or about rows of no session.
        table: The table, by its name in the schema, such as ``entries``; ``None`` if it is about the whole database.
        place: The place in it: a branch, a position, a column or a row's number.
    """

    code: str
    severity: Severity
    problem: str
    remedy: str
    session_id: str | None = None
    table: str | None = None
    place: str | None = None

    def __str__(self) -> str:
        session = None if self.session_id is None else f"session {self.session_id!r}"
        where = [part for part in (session, self.table, self.place) if part]
        return f"{', '.join([self.code, *where])}: {self.problem} {self.remedy}"


def found(
    code: FindingCode,
    problem: str,
    *,
    session_id: str | None = None,
    table: str | None = None,
    place: str | None = None,
) -> Finding:
    """Return a finding, with the severity and the remedy of its code."""
    meaning = MEANINGS[code]
    return Finding(code, meaning.severity, problem, meaning.remedy, session_id, table, place)


@dataclass(frozen=True)
class Verified:
    """The state of a verification.

    Example: ``print(store.verify().summary.errors)``

    Attributes:
        sessions: The number of sessions that were checked.
        entries: The number of entries that were checked.
        locked: How many entries, memories, and checkpoints with their writes, are encrypted and were only checked from
            outside, as there was no key for them.
        rows: The number of other rows that were checked.
        errors: The number of findings that are errors.
        warnings: The number of other findings.
        after: The place that was reached, an opaque text for ``verify(after=…)``; ``None`` once all is checked.
        threads: The number of threads of graphs that were checked.
        checkpoints: The number of their checkpoints that were checked.
        memories: The number of memories that were checked.
    """

    sessions: int = 0
    entries: int = 0
    locked: int = 0
    rows: int = 0
    errors: int = 0
    warnings: int = 0
    after: str | None = ""
    threads: int = 0
    checkpoints: int = 0
    memories: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether all was checked, and nothing was found.

        Example: ``print(store.verify().summary.is_whole)``
        """
        return self.after is None and not self.errors and not self.warnings
