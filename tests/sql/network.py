"""What tests of failing networks share: a database, a proxy to its server, and sessions that go through it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.engine import make_url

from sessions import SQLAlchemySession

from .proxy import Proxy, proxy_to
from .servers import Postgres

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .databases import Lend
    from .servers import MariaDB


class Network:
    """A database without sessions, behind a proxy.

    Attributes:
        server: The database's server.
        direct: The URL that does not go through the proxy.
        url: The one that does.
        proxy: The proxy.
    """

    def __init__(self, server: Postgres | MariaDB, direct: str, proxy: Proxy) -> None:
        self.server = server
        self.proxy = proxy
        self.direct = direct
        self.url = make_url(self.direct).set(port=proxy.port).render_as_string(hide_password=False)
        self._made: list[SQLAlchemySession] = []

    @property
    def database(self) -> str:
        return str(make_url(self.direct).database)

    @property
    def is_postgres(self) -> bool:
        return isinstance(self.server, Postgres)

    def session(self, session_id: str = "s", **options: Any) -> SQLAlchemySession:
        """Return a session whose driver speaks to the proxy."""
        self._made.append(SQLAlchemySession.from_url(session_id, url=self.url, create_tables=True, **options))
        return self._made[-1]

    async def stored(self, session_id: str = "s") -> list[Any]:
        """Return a session's items, asked for over a network that does not fail."""
        session = SQLAlchemySession.from_url(session_id, url=self.direct, create_tables=True)
        try:
            return await session.get_items()
        finally:
            await session._sql.aclose()

    @property
    def commit(self) -> bytes:
        """What is in the request that commits a transaction, and not in "read committed"."""
        return b"commit\0" if self.is_postgres else b"COMMIT"

    def commit_of(self, statement: bytes) -> bytes:
        """Return what is in the request that commits: Postgres's hot path has one statement, all others a COMMIT."""
        return statement if self.is_postgres else self.commit

    async def end(self) -> None:
        for session in self._made:
            await session._sql.aclose()


@pytest.fixture(params=["postgres", "mariadb"])
async def network(request: pytest.FixtureRequest, lend: Lend) -> AsyncIterator[Network]:
    async with _network(request.getfixturevalue(request.param), lend) as running:
        yield running


@pytest.fixture
async def postgres_network(postgres: Postgres, lend: Lend) -> AsyncIterator[Network]:
    async with _network(postgres, lend) as running:
        yield running


@asynccontextmanager
async def _network(server: Postgres | MariaDB, lend: Lend) -> AsyncIterator[Network]:
    async with proxy_to(server.port) as proxy:
        made = Network(server, lend(server), proxy)
        yield made
        await made.end()


def message(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}
