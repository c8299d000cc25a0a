"""The contract suite on every database that SQLAlchemy reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy.engine import make_url

from sessions import SQLAlchemySession
from sessions.testing import MakeSession, SessionContract

if TYPE_CHECKING:
    from .servers import MariaDB


class TestSQLAlchemy(SessionContract):
    @pytest.fixture
    def make(self, url: str) -> MakeSession:
        return lambda session_id, **settings: SQLAlchemySession.from_url(
            session_id, url=url, create_tables=True, **settings
        )


class TestAsyncmy(SessionContract):
    """The other driver for MariaDB, and the other name that SQLAlchemy has for it."""

    @pytest.fixture
    def make(self, mariadb: MariaDB) -> MakeSession:
        url = make_url(mariadb.new_database()).set(drivername="mariadb+asyncmy").render_as_string(hide_password=False)
        return lambda session_id, **settings: SQLAlchemySession.from_url(
            session_id, url=url, create_tables=True, **settings
        )
