"""The end of a command: its exit code, and one line with the cause and the cure.

No message has a password or a traceback: texts of errors that are not this package's may repeat a user's content.
"""

from __future__ import annotations

import errno
import re
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

import sessions
from sessions.cli.common.inert import escaped, without_secrets
from sessions.errors import (
    ConflictError,
    DecryptionError,
    LeaseLostError,
    MissingKeyError,
    NotADatabaseError,
    SessionBusyError,
    SessionsError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreUnreachableError,
    sentence,
)

OK: Final = 0
FINDINGS: Final = 1
"""The command worked, and found something to look at."""
USAGE: Final = 2
DATABASE: Final = 3
KEY: Final = 4
DEFECT: Final = 70
"""As `sysexits.h` has it: an error that this program should not have made."""
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141

if TYPE_CHECKING:
    from collections.abc import Callable

_OURS: Final = Path(sessions.__file__).parent
_GIVE_A_KEY: Final = "Give the key with --key-file FILE, in SESSIONS_KEY, or with --ask-key."
_WORDS: Final = (
    ("Pass plain=True", "Add --plain"),
    ("Pass on_exists='skip'", "Add --skip-existing"),
    ("Pass summaries='drop'", "Add --summaries drop"),
    ("pass force=True", "add --force"),
    ("force=True", "--force"),
    ("session.branches.create(…)", "`sessions branch create`"),
    (", or pass create_tables=True.", ", or check the database's name, --table-prefix and --schema."),
    ("store.sessions()", "`sessions list`"),
    ("List the turns with turns().", "`sessions tree` has the turns."),
    ("To empty the session, use clear_session().", "`sessions erase` removes the whole session."),
    (" Choose an undone turn with siblings() and choose().", ""),
    ("Use sessions(after=page[-1].cursor).", "`sessions list --json` has the cursors."),
    ("Use an id as `entries` returns it.", "`sessions show --nl` has the ids."),
    ("Read the entries again.", "`sessions show` has the entries."),
    (
        "a RetentionPolicy needs older_than, unchanged_for, keep_turns, archived=True or empty=True",
        "give --older-than, --unchanged-for, --keep-turns, --archived or --empty",
    ),
    ("store.erase_owner(owner)", "`sessions erase --owner`"),
    ("Pass them to open_store.", "Leave them out."),
    ("in engine_kwargs={'connect_args': {…}}", "with --connect-arg NAME=VALUE"),
    ("store.rotate(reencrypt=True), with allow_plain_text=True", "`sessions rotate --reencrypt --allow-plain-text`"),
    (
        "open it with allow_plain_text=True and call rotate(reencrypt=True)",
        "run `sessions rotate --reencrypt --allow-plain-text`",
    ),
    (
        "open the store with allow_plain_text=True and call store.rotate(reencrypt=True)",
        "run `sessions rotate --reencrypt --allow-plain-text`",
    ),
    ("store.rotate(reencrypt=True) then encrypts it", "`sessions rotate --reencrypt` with it encrypts the thread"),
    ("open the store with allow_plain_text=True", "add --allow-plain-text"),
    ("open it with allow_plain_text=True", "add --allow-plain-text"),
    (
        "Nothing was encrypted. Make one with sessions.generate_key().",
        "Nothing was done. Give the key with which the sessions are encrypted.",
    ),
    ("store.verify() lists the damage", "`sessions verify` lists the damage"),
    ("call store.scrub() again", "run `sessions vacuum` again"),
    ("call store.scrub()", "run `sessions vacuum`"),
)
"""The words of programs in the library's messages, and those of the command line."""

_RING: Final = re.compile(r"Add it: KeyRing\([^)]*\)\.")

_NOTHING: Final = "Nothing was changed."

_REMEDIES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (
        StoreReadOnlyError,
        (
            "If its disk is mounted read-only, copy the database with its -wal file to a folder that can be "
            "written, and give the copy's path."
        ),
    ),
    (StoreFullError, "Free some space on that disk, then run the command again."),
    (StoreUnreachableError, "Run the command again when the server is up, or wait longer with --wait SECONDS."),
    (NotADatabaseError, "Work on a copy, never on the only one."),
)
"""Sentences for operators behind the message of an error."""


class KeyProblem(click.ClickException):
    """A key that cannot be used."""

    exit_code = KEY


class DatabaseProblem(click.ClickException):
    """A database that cannot be used."""

    exit_code = DATABASE


def code_and_text(error: BaseException) -> tuple[int, str]:
    """Return the exit code of an error and its message, which is empty if there is nothing to say."""
    code, text = _code_and_text(error)
    return code, in_words_of_commands(text)


def _code_and_text(error: BaseException) -> tuple[int, str]:
    for kind, answer in _ANSWERS:
        if isinstance(error, kind):
            return answer(error)
    where = traceback.extract_tb(error.__traceback__)
    if isinstance(error, ValueError | TypeError) and where and Path(where[-1].filename).is_relative_to(_OURS):
        return USAGE, str(error)
    at = f" at {Path(where[-1].filename).name}, line {where[-1].lineno}" if where else ""
    return DEFECT, (
        f"this command failed with {type(error).__name__}{at}, which is a defect. See in the session what was "
        "changed, and please report these words."
    )


def in_words_of_commands(text: str) -> str:
    """Return a message of the library with options and commands in place of arguments and calls."""
    for programs, commands in _WORDS:
        text = text.replace(programs, commands)
    return _RING.sub("Add it with --key-file FILE.", text)


def shown(text: str) -> str:
    """Return a message as a terminal may have it."""
    return "\n".join(escaped(line) for line in without_secrets(text).splitlines())


def _of_click(error: click.ClickException) -> tuple[int, str]:
    text = error.format_message()
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx is not None else "sessions"
        return USAGE, f"{sentence(ValueError(text))} See `{path} --help`."
    # click's own, as for a file that cannot be read, say 1.
    return (error.exit_code if error.exit_code != 1 else USAGE), text


def _of_ours(error: SessionsError) -> tuple[int, str]:
    if isinstance(error, MissingKeyError | DecryptionError):
        # Those of a program are no remedies here.
        text, changed, remedy = sentence(error).partition(_NOTHING)
        if "allow_plain_text" in remedy:
            return KEY, sentence(error)  # A key is there: the session has none.
        is_of_code = isinstance(error, MissingKeyError) or "KeyRing(" in remedy
        return KEY, f"{text}{changed}{'' if is_of_code else remedy} {_GIVE_A_KEY}"
    for kind, remedy in _REMEDIES:
        if isinstance(error, kind):
            return DATABASE, f"{sentence(error)} {remedy}"
    is_of_database = isinstance(error, StoreError | SessionBusyError | LeaseLostError | ConflictError)
    return (DATABASE if is_of_database else USAGE), str(error)


def _of_system(error: OSError) -> tuple[int, str]:
    name = f"{error.filename}: " if error.filename else ""
    remedy = "Make room on the disk" if error.errno == errno.ENOSPC else "Check the path and its permissions"
    return DATABASE, f"{name}{error.strerror or type(error).__name__}. {remedy}."


_ANSWERS: Final[tuple[tuple[type[BaseException], Callable[[Any], tuple[int, str]]], ...]] = (
    (BrokenPipeError, lambda _: (BROKEN_PIPE, "")),
    (KeyboardInterrupt, lambda _: (INTERRUPTED, "")),
    (click.Abort, lambda _: (INTERRUPTED, "")),
    (click.ClickException, _of_click),
    (SessionsError, _of_ours),
    (ModuleNotFoundError, lambda error: (DATABASE, str(error))),
    (OSError, _of_system),
)
