"""Consent to what cannot be undone: `--yes`, or an answer on a terminal."""

from __future__ import annotations

import sys
from typing import Final

import click

from sessions.cli.common.running import say

YES: Final = click.option("--yes", is_flag=True, help="Do not ask.")


def confirm(question: str, *, yes: bool) -> None:
    """Return if the operator agrees.

    Raises:
        Abort: They do not.
        UsageError: They cannot be asked.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("this deletes for good, and nobody can be asked here. Nothing was done. Add --yes")
    if not click.confirm(click.style(question, bold=True), err=True):
        say("Nothing was done.")
        raise click.Abort
