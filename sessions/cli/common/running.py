"""Running a command: its logs, its warnings, and its end."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from sessions.cli.common.failures import OK, code_and_text, in_words_of_commands, shown
from sessions.cli.common.title import VisiblePasswordWarning, hide_secrets
from sessions.errors import WeakKeyWarning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def run(commands: click.Group, arguments: Sequence[str]) -> int:
    """Run one of the commands; return the exit code."""
    if asked := os.environ.get("_SESSIONS_COMPLETE"):
        from click.shell_completion import shell_complete  # noqa: PLC0415 - only shells ask

        return shell_complete(commands, {}, "sessions", "_SESSIONS_COMPLETE", asked)
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
    with _told():
        try:
            hide_secrets(arguments)
            with commands.make_context("sessions", list(arguments)) as context:
                code = commands.invoke(context)
            sys.stdout.flush()
        except click.exceptions.Exit as end:
            return end.exit_code
        except BaseException as error:  # noqa: BLE001 - each has its exit code
            return _end(error)
    return code if isinstance(code, int) else OK


def say(text: str) -> None:
    """Say something beside the output, on standard error."""
    click.echo(shown(text), err=True)


def _end(error: BaseException) -> int:
    code, text = code_and_text(error)
    try:
        if text:
            say(f"Error: {text}")
        sys.stdout.flush()
    except OSError:
        # Nobody reads on. At its end, Python would try to write the rest again, and say so.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


class _OneLine(logging.Handler):
    """Shows the library's log records, without the tracebacks of others."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say it."""
        say(f"Warning: {in_words_of_commands(record.getMessage())}")


@contextmanager
def _told() -> Iterator[None]:
    """Show warnings and log records on standard error, one line each."""
    handler = _OneLine(logging.WARNING)
    root = logging.getLogger()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for kind in (WeakKeyWarning, VisiblePasswordWarning):
            warnings.simplefilter("always", kind)
        warnings.showwarning = _warn
        root.addHandler(handler)
        try:
            yield
        finally:
            root.removeHandler(handler)


def _warn(message: Warning | str, *_: Any, **__: Any) -> None:
    # The name that it has in programs.
    say(f"Warning: {str(message).replace('encryption_key', 'the key')}")
