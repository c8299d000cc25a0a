"""The contract suite on every database that SQLAlchemy reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from sessions import EncryptedSession, SQLAlchemySession, generate_key
from sessions.testing import (
    CompactionContract,
    EncryptedContract,
    HistoryContract,
    MakeSession,
    SessionContract,
    WindowContract,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessions.testing import CountEntries, MakeLogSession

    from .databases import Lend
    from .servers import MariaDB, Postgres


class TestSQLAlchemy(SessionContract):
    @pytest.fixture
    def make(self, url: str) -> MakeSession:
        return lambda session_id, **settings: SQLAlchemySession.from_url(
            session_id, url=url, create_tables=True, **settings
        )


class TestEncrypted(SessionContract):
    @pytest.fixture
    def make(self, url: str) -> MakeSession:
        key = generate_key()
        return lambda session_id, **settings: EncryptedSession(
            session_id, SQLAlchemySession.from_url(session_id, url=url, create_tables=True, **settings), key
        )


class TestSQLAlchemyHistory(HistoryContract):
    @pytest.fixture
    def make(self, url: str) -> MakeLogSession:
        return lambda session_id, **settings: SQLAlchemySession.from_url(
            session_id, url=url, create_tables=True, **settings
        )

    @pytest.fixture
    def count_entries(self, url: str) -> Iterator[CountEntries]:
        """Count by one connection: a new one for each step of the machine took longer than all else in it."""
        drivers = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}
        made = make_url(url)
        engine = create_engine(made.set(drivername=drivers[made.get_backend_name()]), isolation_level="AUTOCOMMIT")

        async def count(session_id: str) -> int:
            found = connection.execute(
                text(
                    "select count(*) from agent_log_sessions s join agent_log_segments g on g.session = s.id "
                    "join agent_log_entries e on e.id > g.id * 268435456 and e.id < (g.id + 1) * 268435456 "
                    "where s.session_id = :id"
                ),
                {"id": session_id.encode() if "mysql" in url else session_id},
            )
            return int(found.scalar_one())

        with engine.connect() as connection:
            yield count
        engine.dispose()


class TestSQLAlchemyWindows(WindowContract):
    @pytest.fixture
    def make(self, url: str) -> MakeLogSession:
        return lambda session_id, **settings: SQLAlchemySession.from_url(
            session_id, url=url, create_tables=True, **settings
        )


class TestSQLAlchemyCompaction(CompactionContract):
    @pytest.fixture
    def make(self, url: str) -> MakeLogSession:
        return lambda session_id, **settings: SQLAlchemySession.from_url(
            session_id, url=url, create_tables=True, **settings
        )


class TestEncryptedCompaction(CompactionContract):
    @pytest.fixture
    def make(self, url: str) -> MakeLogSession:
        key = generate_key()
        return lambda session_id, ttl=None, **settings: EncryptedSession(
            session_id, SQLAlchemySession.from_url(session_id, url=url, create_tables=True, **settings), key, ttl
        )


@pytest.mark.variant
class TestAsyncmy(SessionContract):
    """The other driver for MariaDB, and the other name that SQLAlchemy has for it."""

    @pytest.fixture
    def make(self, mariadb: MariaDB, lend: Lend) -> MakeSession:
        url = make_url(lend(mariadb)).set(drivername="mariadb+asyncmy").render_as_string(hide_password=False)
        return lambda session_id, **settings: SQLAlchemySession.from_url(
            session_id, url=url, create_tables=True, **settings
        )


@pytest.mark.variant
class _Psycopg:
    """The other driver for Postgres, with which the log's own functions do what is one statement with asyncpg."""

    @pytest.fixture
    def make(self, postgres: Postgres, lend: Lend) -> MakeLogSession:
        url = make_url(lend(postgres)).set(drivername="postgresql+psycopg")
        return lambda session_id, **settings: SQLAlchemySession.from_url(
            session_id, url=url.render_as_string(hide_password=False), create_tables=True, **settings
        )


class TestPsycopg(_Psycopg, SessionContract):
    """What a session promises."""


class TestPsycopgHistory(_Psycopg, HistoryContract):
    """What it promises of branches, undo and turns."""


class TestEncryption(EncryptedContract):
    @pytest.fixture
    def make(self, url: str) -> MakeLogSession:
        return lambda session_id, **settings: SQLAlchemySession.from_url(
            session_id, url=url, create_tables=True, **settings
        )
