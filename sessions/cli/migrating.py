"""Making our tables in a database, for `sessions migrate`. It needs no extra, as deployments run it."""

from __future__ import annotations

from typing import Any, Final

SQLITE: Final = "Nothing to do: in a SQLite file the tables are made at the first operation."
DONE: Final = "The tables are up to date."


async def migrate(url: str, connect_args: dict[str, Any], prefix: str, schema: str | None, wait: float) -> str:
    """Make our tables in a database, or bring them up to date; return a sentence about it.

    Args:
        url: The database's URL.
        connect_args: Options of the driver.
        prefix: The prefix of the tables' names.
        schema: Their schema, if not the connection's own.
        wait: Seconds to wait for a server that cannot be reached.

    Raises:
        StoreError: The database refused.
        ValueError: The URL or a name cannot be used.
        TypeError: The driver does not know an option.
        ModuleNotFoundError: The driver is not installed.
    """
    if url.startswith("sqlite:"):
        return SQLITE
    from sessions.db.component import Component  # noqa: PLC0415 - see `sessions.__getattr__`
    from sessions.db.engines.backend import SQLAlchemyBackend  # noqa: PLC0415
    from sessions.db.engines.of_loop import EngineOfLoop  # noqa: PLC0415
    from sessions.tables import SCHEMAS  # noqa: PLC0415

    source = EngineOfLoop(url, {"connect_args": connect_args})
    components = [Component(schema) for schema in SCHEMAS]
    backend = SQLAlchemyBackend(
        source, create_tables=True, retry_timeout=wait, prefix=prefix, schema=schema, components=components
    )
    try:
        await backend.migrate()
    finally:
        await backend.aclose()
    return DONE
