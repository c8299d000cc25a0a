"""The database of a command: its URL, the options that every command takes, and opening it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import asynccontextmanager, closing
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

import click

from sessions.cli.common.failures import DatabaseProblem
from sessions.cli.common.keys import VARIABLE, read_keys
from sessions.cli.common.urls import FROM_VARIABLE, file_of, is_in_memory, option_of_driver, url_of
from sessions.errors import SessionsError, StoreError, StoreFullError, StoreReadOnlyError, sentence

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from sessions.store.store import Store


_SHARED_MEMORY: Final = 65536
"""Bytes that SQLite's shared memory may take, and more."""

Creates: TypeAlias = Literal["nothing", "tables", "file"]
"""The parts of a SQLite database that a command may make: nothing, the tables of a file, or also the file."""


class Database(NamedTuple):
    """Where the sessions are, as the command line says.

    Attributes:
        url: As for `open_store`, or ``env:NAME`` for the URL in a variable.
        table_prefix: The prefix of our tables' names.
        schema: The schema they are in.
        sessions_table: The OpenAI Agents SDK's table of sessions.
        messages_table: The SDK's table of messages.
        connect_arg: Options of the driver.
        wait: Seconds to wait for a server that cannot be reached.
        key_file: Files with the keys of encrypted sessions.
        ask_key: Whether to ask for the key.
        allow_plain_text: Whether to read unencrypted items although a key is given.
    """

    url: str
    table_prefix: str
    schema: str | None
    sessions_table: str
    messages_table: str
    connect_arg: tuple[tuple[str, Any], ...]
    wait: float
    key_file: tuple[str, ...] = ()
    ask_key: bool = False
    allow_plain_text: bool = False

    @property
    def found(self) -> str:
        """The URL itself.

        Raises:
            UsageError: It is said to be in a variable that is not set.
        """
        try:
            return url_of(self.url)
        except ValueError as error:
            raise click.UsageError(str(error)) from None

    @property
    def has_key(self) -> bool:
        """Whether a key is given."""
        return bool(self.key_file or self.ask_key or VARIABLE in os.environ)

    @asynccontextmanager
    async def open(self, *, creates: Creates = "nothing") -> AsyncIterator[Store]:
        """Open the store.

        Args:
            creates: The parts of a SQLite database that the command may make.

        Raises:
            DatabaseProblem: The file, or the tables in it, are missing, and the command only works on existing ones; or
                the URL names no file.
            KeyProblem: The key cannot be used.
        """
        from sessions.store.opening import open_store  # noqa: PLC0415 - `--help` needs none of it

        url = self.found
        if is_in_memory(url):
            raise DatabaseProblem(
                "the URL names no file, and a database in memory ends with this command. Nothing was done. Check the "
                "path, and the variables in it."
            )
        if creates != "file":
            check_file(url, self.table_prefix if creates == "nothing" else None)
        how: dict[str, Any] = {"retry_timeout": self.wait}
        if self.connect_arg:
            how["engine_kwargs"] = {"connect_args": dict(self.connect_arg)}
        if (keys := read_keys(self.key_file, ask=self.ask_key)) is not None:
            how |= {"encryption_key": keys, "allow_plain_text": self.allow_plain_text}
        try:
            store = open_store(
                url,
                table_prefix=self.table_prefix,
                schema=self.schema,
                sessions_table=self.sessions_table,
                messages_table=self.messages_table,
                create_tables=False,
                **how,
            )
        except (ValueError, TypeError) as error:
            if isinstance(error, SessionsError):
                raise
            raise click.UsageError(str(error)) from None
        try:
            async with store:
                yield store
        except StoreError as error:
            raise self.explained(error) from error.__cause__

    def check_writable(self) -> None:
        """Check that this user may write a SQLite file.

        Raises:
            StoreReadOnlyError: They may not.
        """
        path = file_of(self.found)
        if path is not None and not _is_writable(path):
            raise StoreReadOnlyError(
                f"{path} cannot be written by this user. Nothing was changed. Check its permissions and its folder's."
            )

    def explained(self, error: StoreError) -> StoreError:
        """Return an error of the database, or a better one: SQLite only says that it could not make its files."""
        path = file_of(self.found)
        if type(error) is not StoreError or path is None:
            return error
        if not _is_writable(path):
            return StoreReadOnlyError(str(error))
        return StoreFullError(f"{sentence(error)} The disk is full.") if _is_full(path) else error


def _is_writable(path: Path) -> bool:
    """Tell whether this user may write a file, and make others beside it, as SQLite does to read one, too."""
    folder = path.absolute().parent
    return not folder.exists() or (os.access(folder, os.W_OK) and (not path.exists() or os.access(path, os.W_OK)))


def _is_full(path: Path) -> bool:
    """Tell whether the disk of a file has no room for the files that SQLite needs beside it, even to read."""
    folder = path.absolute().parent
    if not folder.exists():
        return False
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize < _SHARED_MEMORY


def check_file(url: str, prefix: str | None = None) -> None:
    """Check that a SQLite database is there, as opening one makes it: a typo in a path must not.

    Args:
        url: The database's URL.
        prefix: The prefix of our tables, if they have to be there, too.

    Raises:
        DatabaseProblem: The file is missing, or it has none of our tables.
    """
    path = file_of(url)
    if path is None:
        return
    if not path.exists():
        raise DatabaseProblem(
            f"there is no file {path}. Nothing was created. Check the path: a relative one has three slashes, as in "
            "sqlite:///chat.db, and an absolute one four."
        )
    if prefix is None:
        return
    # The store has better words for an unreadable file.
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            tables = "select 1 from sqlite_master where name in (?, ?)"
            found = connection.execute(tables, (f"{prefix}log_schema", f"{prefix}schema")).fetchone()
    except sqlite3.Error:
        return
    if found is None:
        raise DatabaseProblem(
            f"{path} has no sessions with the table prefix {prefix!r}. Nothing was created. Check the path and "
            "--table-prefix. `sessions adopt` takes over conversations of the OpenAI Agents SDK."
        )


class _DriverOption(click.ParamType[tuple[str, Any]]):
    name = "NAME=VALUE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        try:
            return option_of_driver(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _URL(click.ParamType[str]):
    name = "url"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if "://" not in str(value) and not str(value).startswith(FROM_VARIABLE):
            self.fail(
                "url is not the URL of a database. Write sqlite:///chat.db, postgresql://user@host/database, or "
                "env:NAME for the URL in a variable.",
                param,
                ctx,
            )
        return str(value)


URL: Final = click.argument("url", type=_URL())

_PLACE: Final[tuple[Callable[[Any], Any], ...]] = (
    click.option("--table-prefix", default="agent_", show_default=True, help="The prefix of the tables' names."),
    click.option("--schema", help="The schema of the tables, if not the connection's own."),
    click.option("--sessions-table", default="agent_sessions", help="The OpenAI Agents SDK's table of sessions."),
    click.option("--messages-table", default="agent_messages", help="The OpenAI Agents SDK's table of messages."),
    click.option(
        "--connect-arg", type=_DriverOption(), multiple=True, help="An option of the driver; may be repeated."
    ),
    click.option(
        "--wait",
        type=click.FloatRange(min=0),
        default=5,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait for a server that cannot be reached.",
    ),
)

_KEYS: Final[tuple[Callable[[Any], Any], ...]] = (
    click.option(
        "--key-file",
        multiple=True,
        metavar="[ID=]FILE",
        help=f"A file with a key of encrypted sessions; the last one is current. Default: the key in {VARIABLE}.",
    ),
    click.option("--ask-key", is_flag=True, help="Ask for the key of encrypted sessions."),
    click.option("--allow-plain-text", is_flag=True, help="Also read unencrypted items although a key is given."),
)


def on_database(
    *, keys: bool = True, creates: Creates = "nothing", opened: bool = True
) -> Callable[[Callable[..., Awaitable[int | None]]], Callable[..., int | None]]:
    """Return a decorator that makes a function of a command's body, which gets the open store as its first argument.

    It stands next to the body, so that its options are the last ones of the help; `URL` is the command's first line.

    Args:
        keys: Whether the command takes keys.
        creates: The parts of a SQLite database that it may make.
        opened: Whether it gets the store; else it gets the `Database`.
    """

    def decorate(body: Callable[..., Awaitable[int | None]]) -> Callable[..., int | None]:
        @wraps(body)
        def command(**given: Any) -> int | None:
            database = Database(**{name: given.pop(name) for name in Database._fields if name in given})
            return asyncio.run(_within(body, database, given))

        for option in reversed((*_PLACE, *(_KEYS if keys else ()))):
            command = option(command)
        return command

    async def _within(
        body: Callable[..., Awaitable[int | None]], database: Database, given: Mapping[str, Any]
    ) -> int | None:
        if not opened:
            return await body(database, **given)
        async with database.open(creates=creates) as store:
            return await body(store, **given)

    return decorate
