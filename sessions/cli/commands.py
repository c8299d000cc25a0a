"""All commands by name. Each is imported when it runs, so the first line of output comes soon."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Sequence


class Place(NamedTuple):
    """Where a command is.

    Attributes:
        module: Its module in `sessions.cli`.
        name: Its name there.
        help: Its help in the list of commands: `--help` imports none of them.
    """

    module: str
    name: str
    help: str


PLACES: Final = {
    "list": Place("list", "list_", "List the sessions, the latest first."),
    "show": Place("show", "show", "Show a conversation."),
    "search": Place("search", "search", "Find items by their words."),
    "tree": Place("tree", "tree", "Draw the turns and branches of a session."),
    "watch": Place("watch", "watch", "Follow the changes of a session."),
    "stats": Place("stats", "stats", "Count sessions, items, memories, threads and bytes."),
    "usage": Place("usage", "usage", "Sum up tokens and cost."),
    "export": Place("export", "export", "Write sessions to a file or a pipe."),
    "import": Place("importing", "import_", "Read sessions and memories from an export."),
    "adopt": Place("adopt", "adopt", "Take over the conversations of the OpenAI Agents SDK."),
    "verify": Place("verify", "verify", "Check that everything stored is whole."),
    "repair": Place("repair", "repair", "Find, and repair, items that providers refuse."),
    "undo": Place("undo", "undo", "Undo the last turns of a session."),
    "redo": Place("undo", "redo", "Revert the last undo."),
    "branch": Place("branch", "branch", "List, make, switch, rename and delete branches."),
    "index": Place("search", "index", "Index the words of items, for searches."),
    "rotate": Place("rotate", "rotate", "Replace the keys of encrypted sessions, memories and threads."),
    "purge": Place("purge", "purge", "Delete expired items, memories and threads."),
    "retain": Place("retain", "retain", "Remove what a retention policy lets go."),
    "redact": Place("redact", "redact", "Empty or replace an entry, and all its copies."),
    "remove": Place("redact", "remove", "Remove an entry, or a way that was left."),
    "threads": Place("threads", "threads", "List the threads of LangGraph, the newest first."),
    "checkpoints": Place("checkpoints", "checkpoints", "List the checkpoints of a thread of LangGraph."),
    "prune": Place("checkpoints", "prune", "Remove old checkpoints of threads of LangGraph."),
    "erase": Place("erase", "erase", "Erase sessions or threads for good."),
    "vacuum": Place("vacuum", "vacuum", "Remove the bytes of deleted items from the files."),
    "migrate": Place("migrate", "migrate", "Make or update the tables of a server's database."),
}

_EPILOG: Final = (
    "URL is sqlite:///chat.db, postgresql://user@host/database, mysql://user@host/database, or env:NAME for the URL in "
    "a variable, which no list of processes shows. Exit codes: 0 all is well; 1 something was found; 2 wrong usage; "
    "3 the database; 4 the key; 130 interrupted."
)


class Commands(click.Group):
    """A group whose commands are imported when they run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order of the help."""
        del ctx
        return list(PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; ``None`` if there is no such one."""
        del ctx
        place = PLACES.get(cmd_name)
        if place is None:
            return None
        found = getattr(import_module(f"sessions.cli.{place.module}"), place.name)
        assert isinstance(found, click.Command)  # noqa: S101 - for type checkers
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        del ctx
        rows: Sequence[tuple[str, str]] = [(name, place.help) for name, place in PLACES.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _version(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - as click calls it
    if value and not context.resilient_parsing:
        from importlib.metadata import version  # noqa: PLC0415 - it takes as long as click

        click.echo(f"agent-session-store {version('agent-session-store')}")
        context.exit()


COMMANDS: Final = Commands(
    "sessions",
    help="The conversation store for AI agents.",
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    params=[
        click.Option(
            ["--version"], is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version."
        )
    ],
)
