"""A plugin for pytest: LangGraph's own tests of stores meet ours under the names of theirs."""

import langgraph.store.memory
import langgraph.store.sqlite
import langgraph.store.sqlite.aio

from sessions.adapters.langgraph import AsyncSqliteStore, InMemoryStore, SqliteStore

langgraph.store.memory.InMemoryStore = InMemoryStore
langgraph.store.sqlite.SqliteStore = SqliteStore
langgraph.store.sqlite.AsyncSqliteStore = langgraph.store.sqlite.aio.AsyncSqliteStore = AsyncSqliteStore
