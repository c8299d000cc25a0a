"""The command line: ``python -m sessions migrate URL`` makes our tables in a database, or brings them up to date."""

from __future__ import annotations

import argparse
import asyncio
import sys

from sessions.errors import SessionsError


async def _migrate(url: str, prefix: str, schema: str | None) -> None:
    from sessions.stores.sql.backend import SQLAlchemyBackend  # noqa: PLC0415 - see `sessions.__getattr__`
    from sessions.stores.sql.engines import EngineOfLoop  # noqa: PLC0415

    backend = SQLAlchemyBackend(EngineOfLoop(url), create_tables=True, prefix=prefix, schema=schema)
    try:
        await backend.migrate()
    finally:
        await backend.aclose()


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sessions", description="The conversation store for AI agents.")
    commands = parser.add_subparsers(dest="command", required=True)
    migrate = commands.add_parser("migrate", help="make our tables in a database, or bring them up to date")
    migrate.add_argument("url", help="as in postgresql+asyncpg://user@host/database")
    migrate.add_argument("--table-prefix", default="agent_log_", help="what the tables' names begin with")
    migrate.add_argument("--schema", help="the schema they are in, if not the connection's own")
    arguments = parser.parse_args()
    try:
        asyncio.run(_migrate(arguments.url, arguments.table_prefix, arguments.schema))
    except (SessionsError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("The tables are up to date.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
