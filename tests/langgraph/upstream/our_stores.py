"""A plugin of pytest that puts this package's stores in the place of LangGraph's, for LangGraph's own tests."""

import langgraph.store.memory
import langgraph.store.sqlite
import langgraph.store.sqlite.aio

from sessions.adapters.langgraph import AsyncSqliteStore, InMemoryStore, SqliteStore

# A class may not be assigned to, say types.
setattr(langgraph.store.memory, "InMemoryStore", InMemoryStore)  # noqa: B010
setattr(langgraph.store.sqlite, "SqliteStore", SqliteStore)  # noqa: B010
setattr(langgraph.store.sqlite, "AsyncSqliteStore", AsyncSqliteStore)  # noqa: B010
setattr(langgraph.store.sqlite.aio, "AsyncSqliteStore", AsyncSqliteStore)  # noqa: B010
