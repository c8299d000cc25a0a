"""The command without the extra `cli`: `migrate` runs, as deployments need it, and the rest names the extra."""

from __future__ import annotations

import argparse
import asyncio
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from sessions.cli.common.urls import option_of_driver, url_of
from sessions.cli.migrating import migrate
from sessions.errors import SessionsError, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

EXTRA: Final = (
    "Error: this command needs the extra 'cli': pip install 'agent-session-store[cli]'. Only `sessions migrate` runs "
    "without it.\n"
)
_USAGE: Final = 2
_DATABASE: Final = 3


def run(arguments: Sequence[str]) -> int:
    """Run `migrate`, `--version` or `--help`; return the exit code."""
    words = [argument for argument in arguments if not argument.startswith("-")]
    if words and words[0] != "migrate":
        sys.stderr.write(EXTRA)
        return _USAGE
    parser = argparse.ArgumentParser(prog="sessions", description="The conversation store for AI agents.", epilog=EXTRA)
    parser.add_argument("--version", action="version", version=f"agent-session-store {version('agent-session-store')}")
    command = parser.add_subparsers(dest="command", required=True).add_parser(
        "migrate", help="make our tables in a database, or bring them up to date"
    )
    command.add_argument("url", help="as in postgresql+asyncpg://user@host/database, or env:NAME")
    command.add_argument("--table-prefix", default="agent_", help="the prefix of the tables' names")
    command.add_argument("--schema", help="the schema they are in, if not the connection's own")
    command.add_argument(
        "--connect-arg",
        type=_option,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the driver, as in statement_cache_size=0; can be given several times",
    )
    command.add_argument(
        "--wait",
        type=float,
        default=5.0,
        metavar="SECONDS",
        help="how long to wait for a server that cannot be reached; 5 by default",
    )
    given = parser.parse_args(arguments)
    try:
        how = (dict(given.connect_arg), given.table_prefix, given.schema, given.wait)
        done = asyncio.run(migrate(url_of(given.url), *how))
    except (SessionsError, ValueError, TypeError, ModuleNotFoundError) as error:
        # A driver raises TypeError for an option that it does not know.
        sys.stderr.write(f"Error: {error}\n")
        return _DATABASE if isinstance(error, StoreError) else _USAGE
    sys.stdout.write(f"{done}\n")
    return 0


def _option(text: str) -> tuple[str, Any]:
    try:
        return option_of_driver(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
