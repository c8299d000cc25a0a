"""A plugin of pytest that puts this package's savers in the place of LangGraph's, for LangGraph's own tests.

Its environment says which serializer they have, whether the store encrypts, and whether each saver has its tables on a
server instead of SQLite.
"""

from __future__ import annotations

import os
import secrets
from typing import Any

import langgraph.checkpoint.sqlite
import langgraph.checkpoint.sqlite.aio

from sessions.adapters.langgraph import JsonPlusSerializer, SqliteSaver

_URL = os.environ.get("SESSIONS_UPSTREAM_URL")


class Ours(SqliteSaver):
    """A saver with the serializer of LangGraph's, unless that of this package is asked for."""

    def __init__(self, conn: Any, **options: Any) -> None:
        if os.environ.get("SESSIONS_UPSTREAM_SERDE") != "safe":
            options.setdefault("serde", JsonPlusSerializer())
        if os.environ.get("SESSIONS_UPSTREAM_ENCRYPTED"):
            options["encryption_key"] = bytes(range(100, 132))
        if _URL is not None:
            conn = _URL
            # No UUID: some of the tests count them, and give each test the same.
            options["table_prefix"] = f"t{secrets.token_hex(8)}_"
        super().__init__(conn, **options)
        if _URL is not None:
            # As their fixtures make tables before a test: some tests measure tenths of seconds.
            self.get_tuple({"configurable": {"thread_id": "none"}})


setattr(langgraph.checkpoint.sqlite, "SqliteSaver", Ours)  # noqa: B010 - a class may not be assigned to, say types
setattr(langgraph.checkpoint.sqlite.aio, "AsyncSqliteSaver", Ours)  # noqa: B010 - as above
