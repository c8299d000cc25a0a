"""Frozen records of exports and imports: their results, and their progress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

ExportFormat: TypeAlias = Literal["jsonl", "markdown"]
"""``jsonl`` loses nothing and can be imported. ``markdown`` is for people to read."""

OnExists: TypeAlias = Literal["error", "skip"]


@dataclass(frozen=True, kw_only=True)
class Exported:
    """The result of an export, or its progress.

    Example: ``print((await store.export_sessions("backup.jsonl")).sessions)``

    Attributes:
        sessions: The number of sessions that are whole in the export.
        entries: The number of their entries: items, and entries that models never see.
        size: The number of bytes written.
        restarted: How often the export of a session began again, because an entry was removed or replaced.
        cursor: The place of the last whole session, an opaque text: ``export_lines(after=…)`` continues behind it.
            ``None`` before the first.
        memories: The number of memories in the export.
    """

    sessions: int = 0
    entries: int = 0
    size: int = 0
    restarted: int = 0
    cursor: str | None = None
    memories: int = 0


@dataclass(frozen=True, kw_only=True)
class Imported:
    """The result of an import, or its progress.

    Example: ``print((await store.import_sessions("backup.jsonl")).sessions)``

    Attributes:
        sessions: The number of sessions that were made.
        entries: The number of their entries that were written, also of a session that is not whole yet. Entries that
            have expired since the export are not written.
        skipped: The number of sessions that were left out, because the store has a session of the same id.
        memories: The number of memories that were put. Memories that have expired since the export are not put.
        memories_skipped: The number of memories that were left out, because they exist or have expired.
    """

    sessions: int = 0
    entries: int = 0
    skipped: int = 0
    memories: int = 0
    memories_skipped: int = 0
