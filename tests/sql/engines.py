"""Engines of one's own, as users make them, for each driver."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest
    from sqlalchemy.ext.asyncio import AsyncEngine

DRIVERS = ("asyncpg", "psycopg", "aiomysql", "asyncmy", "aiosqlite")


def url_for(driver: str, request: pytest.FixtureRequest, tmp_path: Path, *, empty: bool = False) -> str:
    """Return the URL of a database without sessions for a driver; on a server, it has our tables unless it is empty."""
    if driver == "aiosqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/own.db"
    on_postgres = driver in ("asyncpg", "psycopg")
    server = request.getfixturevalue("postgres" if on_postgres else "mariadb")
    made = make_url(server.new_database() if empty else request.getfixturevalue("lend")(server))
    name = f"{made.get_backend_name()}+{driver}"
    return made.set(drivername=name).render_as_string(hide_password=False)


@asynccontextmanager
async def made_engine(url: str, **options: Any) -> AsyncIterator[AsyncEngine]:
    """Make an engine, and dispose of it."""
    engine = create_async_engine(url, **options)
    try:
        yield engine
    finally:
        await engine.dispose()
