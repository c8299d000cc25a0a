"""Removing the bytes of deleted rows from a SQLite file.

``secure_delete`` overwrites a deleted row where it is. But when SQLite splits a page, copies of rows stay in the unused
part of the one they were moved from, and are not overwritten when the row is deleted
(https://www.sqlite.org/pragma.html#pragma_secure_delete speaks of the row's own place alone). ``VACUUM`` rewrites every
page. The old pages are in the file until the write-ahead log has been copied into it, and in the log until that is cut
to nothing (https://www.sqlite.org/c3ref/wal_checkpoint_v2.html, SQLITE_CHECKPOINT_TRUNCATE).
"""

from __future__ import annotations

import sqlite3
from typing import Final

from sessions.db.command import Command
from sessions.db.sqlite.opening import MEMORY

_PATIENCE: Final = 1_000
"""Milliseconds to wait for readers. Ours are done much sooner; writers wait meanwhile."""


_DAMAGED: Final = "malformed"
"""A word of SQLite's message about a damaged file; https://www.sqlite.org/rescode.html#corrupt has the code."""


class Vacuum(Command[tuple[str, ...]]):
    """A command that waits among the changes until the file is rewritten, which happens outside any transaction."""


def scrub(connection: sqlite3.Connection, path: str, busy_timeout: float) -> tuple[str, ...]:
    """Rewrite a file and empty its write-ahead log; return the failed parts, in sentences.

    Args:
        connection: One without a transaction.
        path: The file, for the sentences, or `MEMORY`.
        busy_timeout: The connection's busy timeout afterwards, in seconds.
    """
    if path == MEMORY:
        # It has no other reader, and is written nowhere.
        connection.execute("vacuum")
        return ()
    pending = []
    try:
        connection.execute("vacuum")
    except sqlite3.Error as error:
        pending.append(not_rewritten(path, error))
    connection.execute(f"pragma busy_timeout = {_PATIENCE}")
    try:
        (blocked, *_), *_ = connection.execute("pragma wal_checkpoint(truncate)").fetchall()
    except sqlite3.Error:
        blocked = 1
    finally:
        connection.execute(f"pragma busy_timeout = {round(busy_timeout * 1000)}")
    if blocked:
        pending.append(still_read(path))
    return tuple(pending)


def not_rewritten(path: str, error: Exception) -> str:
    """Say that a file could not be rewritten, and the remedy."""
    said = str(error)
    if _DAMAGED in said:
        remedy = "restore it from a backup (store.verify() lists the damage), then call store.scrub()"
    elif "full" in said:
        remedy = "make room for a second copy of it, then call store.scrub() again"
    else:
        remedy = "call store.scrub() again"
    return (
        f"{path} could not be rewritten ({error}), and unused parts of its pages may hold copies of deleted rows: "
        f"{remedy}"
    )


def still_read(path: str) -> str:
    """Say that the write-ahead log could not be emptied."""
    return (
        f"{path} and {path}-wal still hold deleted rows, because another connection is reading an older state: "
        "call store.scrub() when it has ended its transaction"
    )
