"""The command line: ``sessions migrate URL`` makes our tables in a database, or brings them up to date.

``python -m sessions`` is the same command, unless a file ``sessions.py`` in the current folder is found first.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from importlib.metadata import version
from typing import Any

from sessions.errors import SessionsError


async def _migrate(url: str, connect_args: dict[str, Any], prefix: str, schema: str | None) -> None:
    from sessions.db.component import Component  # noqa: PLC0415 - see `sessions.__getattr__`
    from sessions.db.engines.backend import SQLAlchemyBackend  # noqa: PLC0415
    from sessions.db.engines.of_loop import EngineOfLoop  # noqa: PLC0415
    from sessions.tables import SCHEMAS  # noqa: PLC0415

    source = EngineOfLoop(url, {"connect_args": connect_args})
    components = [Component(schema) for schema in SCHEMAS]
    backend = SQLAlchemyBackend(source, create_tables=True, prefix=prefix, schema=schema, components=components)
    try:
        await backend.migrate()
    finally:
        await backend.aclose()


def _option(text: str) -> tuple[str, Any]:
    """Return the name and the value of NAME=VALUE; a value that is not JSON is text."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError("write an option of the driver as NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="sessions", description="The conversation store for AI agents.")
    parser.add_argument("--version", action="version", version=f"agent-session-store {version('agent-session-store')}")
    commands = parser.add_subparsers(dest="command", required=True)
    migrate = commands.add_parser("migrate", help="make our tables in a database, or bring them up to date")
    migrate.add_argument("url", help="as in postgresql+asyncpg://user@host/database")
    migrate.add_argument("--table-prefix", default="agent_", help="what the tables' names begin with")
    migrate.add_argument("--schema", help="the schema they are in, if not the connection's own")
    migrate.add_argument(
        "--connect-arg",
        type=_option,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the driver, as in statement_cache_size=0; can be given several times",
    )
    arguments = parser.parse_args()
    if arguments.url.startswith("sqlite:"):
        sys.stdout.write("Nothing to do: in a SQLite file the tables are made at the first operation.\n")
        return 0
    try:
        asyncio.run(_migrate(arguments.url, dict(arguments.connect_arg), arguments.table_prefix, arguments.schema))
    except (SessionsError, ValueError, TypeError, ModuleNotFoundError) as error:
        # A driver raises TypeError for an option that it does not know.
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("The tables are up to date.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
