"""Questions on a terminal: consent to a change that cannot be undone, and the key."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from sessions.cli.common.running import say

if TYPE_CHECKING:
    from collections.abc import Iterator

YES: Final = click.option("--yes", is_flag=True, help="Do not ask.")


def confirm(question: str, *, yes: bool) -> None:
    """Return if the operator agrees.

    Raises:
        Abort: They do not, or pressed Ctrl-C.
        UsageError: They cannot be asked.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("this deletes for good, and nobody can be asked here. Nothing was done. Add --yes")
    try:
        with _interruptible():
            click.confirm(click.style(question, bold=True), err=True, abort=True)
    except click.Abort:
        say("Nothing was done.")
        raise


def ask_secret(question: str) -> str | None:
    """Return an answer that is not shown as it is typed; ``None`` if nobody can be asked.

    Raises:
        Abort: Ctrl-C.
    """
    try:
        with _interruptible():
            return str(click.prompt(question, hide_input=True, err=True))
    except click.Abort as error:
        if isinstance(error.__context__, EOFError):
            return None
        raise


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end a question. An event loop would only take it to heart after the answer, and then go on a while."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)
