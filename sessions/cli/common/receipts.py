"""Receipts of changes, as lines for people or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from sessions.cli.common.failures import FINDINGS, OK, in_words_of_commands
from sessions.cli.common.inert import lines_of
from sessions.cli.common.rows import as_text, width, write_json
from sessions.cli.common.urls import file_of, url_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

JSON: Final = click.option("--json", "as_json", is_flag=True, help="Write the receipt as JSON, in one line for each.")


def write_receipt(record: Mapping[str, Any], lines: Iterable[str], *, as_json: bool) -> None:
    """Write a receipt: its record as JSON, or its lines."""
    if as_json:
        write_json(record)
        return
    for line in lines:
        write_line(line)


def write_line(text: str) -> None:
    """Write a line of inert characters, in several if the terminal is narrow."""
    from rich.text import Text  # noqa: PLC0415 - JSON needs none of it

    from sessions.cli.common.rows import console  # noqa: PLC0415 - as above

    for line in lines_of(text):
        console().print(Text(line), soft_wrap=width() is None)


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def named_counts(record: Mapping[str, Any], *, without: Iterable[str] = ()) -> str:
    """Return the counts of a record that are not 0, as words."""
    left_out = set(without)
    counts = [
        f"{as_text(value)} {name.replace('_', ' ')}"
        for name, value in record.items()
        if name not in left_out and isinstance(value, int) and not isinstance(value, bool) and value
    ]
    return ", ".join(counts) or "nothing"


def left_to_do(pending: Iterable[str]) -> list[str]:
    """Return a receipt's remaining work, with the command in place of a program's call."""
    return [in_words_of_commands(sentence) for sentence in pending]


def code_of(pending: Sequence[str], *, scrub: bool) -> int:
    """Return the exit code of a command whose receipt may list remaining work.

    On a server, removing the bytes is always the administrator's task; there, and where the caller did not want it, a
    receipt with such a sentence is no failure.

    Args:
        pending: The remaining work.
        scrub: Whether the command was to remove the bytes from the files, too.
    """
    is_file = file_of(url_of(click.get_current_context().params["url"])) is not None
    return FINDINGS if pending and scrub and is_file else OK
