"""LangGraph on a store: checkpoints, of which only changes are stored, under the names that people know.

::

    graph = builder.compile(checkpointer=SqliteSaver.from_conn_string("agent_state.db"))
"""

from __future__ import annotations

from typing import NoReturn

try:
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
except ImportError as error:
    raise ImportError(
        "sessions.adapters.langgraph needs LangGraph's interfaces, which are not installed. Nothing was imported. Run: "
        "pip install 'agent-session-store[langgraph]'"
    ) from error

from sessions.adapters.langgraph.adopting import ThreadsAdopted
from sessions.adapters.langgraph.encrypted import EncryptedSerializer
from sessions.adapters.langgraph.names import (
    AsyncPostgresSaver,
    AsyncSqliteSaver,
    InMemorySaver,
    MemorySaver,
    PostgresSaver,
    SqliteSaver,
)
from sessions.adapters.langgraph.saver import SessionSaver
from sessions.adapters.langgraph.serializer import SafeSerializer
from sessions.adapters.langgraph.store import SessionStore
from sessions.adapters.langgraph.store_names import (
    AsyncPostgresStore,
    AsyncSqliteStore,
    InMemoryStore,
    PostgresStore,
    SqliteStore,
)

__all__ = [
    "AsyncPostgresSaver",
    "AsyncPostgresStore",
    "AsyncSqliteSaver",
    "AsyncSqliteStore",
    "EncryptedSerializer",
    "InMemorySaver",
    "InMemoryStore",
    "JsonPlusSerializer",
    "MemorySaver",
    "PostgresSaver",
    "PostgresStore",
    "SafeSerializer",
    "SessionSaver",
    "SessionStore",
    "SqliteSaver",
    "SqliteStore",
    "ThreadsAdopted",
]


def __getattr__(name: str) -> NoReturn:
    if name.startswith("CosmosDB"):
        raise ImportError(
            f"there is no {name}: the NoSQL interface of Azure Cosmos DB is not among the databases of this package. "
            "Nothing was imported. On Azure, use PostgresSaver with Azure Database for PostgreSQL, also its elastic "
            "clusters; an existing cluster of Azure Cosmos DB for PostgreSQL works as well. See docs/azure.md."
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
