"""A plugin of pytest that puts this package's savers in the place of LangGraph's, for LangGraph's own tests."""

from __future__ import annotations

import os
from typing import Any

import langgraph.checkpoint.sqlite
import langgraph.checkpoint.sqlite.aio

from sessions.adapters.langgraph import JsonPlusSerializer, SqliteSaver


class Ours(SqliteSaver):
    """A saver with the serializer of LangGraph's, unless that of this package is asked for."""

    def __init__(self, conn: Any, **options: Any) -> None:
        if os.environ.get("SESSIONS_UPSTREAM_SERDE") != "safe":
            options.setdefault("serde", JsonPlusSerializer())
        super().__init__(conn, **options)


setattr(langgraph.checkpoint.sqlite, "SqliteSaver", Ours)  # noqa: B010 - a class may not be assigned to, say types
setattr(langgraph.checkpoint.sqlite.aio, "AsyncSqliteSaver", Ours)  # noqa: B010 - as above
