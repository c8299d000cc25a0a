"""`AdvancedSQLAlchemySession`: the flat methods for branches, turns and usage on every database."""

from __future__ import annotations

from sessions.compat.advanced import FlatMethods
from sessions.sqlalchemy import SQLAlchemySession


class AdvancedSQLAlchemySession(FlatMethods, SQLAlchemySession):
    """`SQLAlchemySession` with the flat methods of `AdvancedSQLiteSession`. It takes `SQLAlchemySession`'s arguments.

    Example: ``session = AdvancedSQLAlchemySession("user_123", engine=engine, create_tables=True)``
    """
