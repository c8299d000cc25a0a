"""`AdvancedSQLAlchemySession`: the flat methods for branches, turns and usage on every database.

Made by scripts/build_blocking.py from sessions/compat/advanced_sqlalchemy.py: change that, and run it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.blocking.compat.advanced import FlatMethods
from sessions.blocking.sqlalchemy import SQLAlchemySession

if TYPE_CHECKING:
    import sessions.compat.advanced_sqlalchemy


class AdvancedSQLAlchemySession(FlatMethods, SQLAlchemySession):
    """`SQLAlchemySession` with the flat methods of `AdvancedSQLiteSession`. It takes `SQLAlchemySession`'s arguments.

    Example: ``session = AdvancedSQLAlchemySession("user_123", engine=engine, create_tables=True)``
    """

    _async: sessions.compat.advanced_sqlalchemy.AdvancedSQLAlchemySession
