"""`AdvancedSQLiteSession`: a conversation with flat methods in a SQLite file, made as in the OpenAI Agents SDK.

Made by scripts/build_blocking.py from sessions/compat/advanced_sqlite.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sessions.compat.advanced_sqlite
from sessions.blocking.compat.advanced import FlatMethods
from sessions.blocking.driving import Part
from sessions.blocking.sqlite import SQLiteSession
from sessions.db.sqlite.opening import MEMORY

if TYPE_CHECKING:
    import logging
    from pathlib import Path
    from typing import Any

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

    _async: sessions.compat.advanced_sqlite.AdvancedSQLiteSession

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
        Part.__init__(
            self,
            sessions.compat.advanced_sqlite.AdvancedSQLiteSession(
                session_id=session_id,
                db_path=db_path,
                create_tables=create_tables,
                logger=logger,
                session_settings=session_settings,
                **kwargs,
            ),
        )
