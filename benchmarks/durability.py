"""What a side asks of SQLite: seen in the statements it executes, not believed from its documentation."""

import re
import sqlite3
from contextlib import closing
from typing import Any

from benchmarks.row import Setting

LEVELS = ("OFF", "NORMAL", "FULL", "EXTRA")


class Durability:
    """Watches the PRAGMAs of all connections that a side opens for its first append."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.statements: list[str] = []

    async def describe(self) -> str:
        """One line: journal mode and synchronous level."""
        connect = sqlite3.connect

        def watched(*args: Any, **kwargs: Any) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*args, **kwargs)
            connection.set_trace_callback(self.statements.append)
            return connection

        path = self.setting.folder / "durability.db"
        sqlite3.connect = watched  # type: ignore[assignment]
        try:
            session = self.setting.open("durability", path)
            await session.add_items(self.setting.some(0, 1))
            session.close()
        finally:
            sqlite3.connect = connect
        with closing(connect(path)) as connection:
            (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
            (default,) = connection.execute("PRAGMA synchronous").fetchone()
        asked = {
            match[1].upper()
            for text in self.statements
            if (match := re.search(r"synchronous\s*=\s*(\w+)", text, re.IGNORECASE))
        }
        level = ", ".join(sorted(asked)) or f"not set, hence this build's default {LEVELS[default]}"
        return f"journal {journal.upper()}, synchronous {level}"
