"""Servers' connections, counted where the server counts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sql.servers import Postgres


@pytest.fixture
def connections_to(postgres: Postgres) -> Callable[[str], int]:
    """Tell how many connections a database of Postgres has."""

    def count(url: str) -> int:
        name = make_url(url).database
        query = f"select count(*) from pg_stat_activity where datname = '{name}'"  # noqa: S608 - a name of ours
        return int(postgres.rows(query)[0])

    return count
