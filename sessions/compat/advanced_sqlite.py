"""`AdvancedSQLiteSession`: a conversation with branches and usage in a SQLite file, by the constructor people know."""

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

    Args:
        session_id: The conversation's id.
        db_path: The file; without it, a database in memory.
        create_tables: Without effect: our tables are made in any case.
        logger: Where it is said, at the level of debugging, which branches are made, switched to and deleted; the
            logger ``sessions`` if not given.
        session_settings: How the session is read when the caller does not say: settings or a dictionary.
        **kwargs: Passed to `SQLiteSession`.

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
