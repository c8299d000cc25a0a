"""`AdvancedSQLiteSession`: a conversation with flat methods in a SQLite file, made as in the OpenAI Agents SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.compat.advanced import FlatMethods
from sessions.db.sqlite.opening import MEMORY
from sessions.sqlite import SQLiteSession

if TYPE_CHECKING:
    import logging
    from pathlib import Path

    from sessions.protocol import Settings


class AdvancedSQLiteSession(FlatMethods, SQLiteSession):
    """`SQLiteSession` with the flat methods for branches, turns and usage.

    Example: ``session = AdvancedSQLiteSession(session_id="user_123", db_path="chat.db")``

    Args:
        session_id: The conversation's id.
        db_path: The file; by default a database in memory.
        create_tables: Ignored: our tables are always created.
        logger: Gets debug messages about branches made, switched to and deleted; the logger ``sessions`` by default.
        session_settings: Defaults for reading: `SessionSettings` or a dictionary.
        **kwargs: Arguments of `SQLiteSession`.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument is out of range.
    """

    def __init__(
        self,
        *,
        session_id: str,
        db_path: str | Path = MEMORY,
        create_tables: bool = False,
        logger: logging.Logger | None = None,
        session_settings: Settings | None = None,
        **kwargs: Any,
    ) -> None:
        del create_tables
        super().__init__(session_id, db_path, session_settings=session_settings, **kwargs)
        if logger is not None:
            self._logger = logger
