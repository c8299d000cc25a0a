"""Listings: a table for people, and JSON, JSON lines or CSV for programs. Rows are written as they come."""

from __future__ import annotations

import csv
import dataclasses
import io
import os
import shutil
import sys
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

import click

from sessions.cli.common.inert import escaped, json_of, line_of
from sessions.cli.common.running import say
from sessions.cli.common.times import ago

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence

    from sessions.cli.common.screen import Screen

Style: TypeAlias = Literal["table", "json", "nl", "csv"]
Record: TypeAlias = "Mapping[str, Any]"

_GAP: Final = 2
_LEAST: Final = 8
"""Columns of a terminal that a cell has at least."""


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        key: The records' key.
        title: Its heading.
        right: Whether its values are numbers.
        fixed: Whether its values are never cut, as times.
        whole: Whether values are shown whole, over several lines: ids, which a reader types again.
        spare: Narrow terminals do without columns: those with the highest number go first, and 0 stays.
    """

    key: str
    title: str
    right: bool = False
    fixed: bool = False
    whole: bool = False
    spare: int = 0


def styles(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options ``--json``, ``--nl`` and ``--csv`` of a listing, as its argument `style`."""
    options: tuple[tuple[str, str], ...] = (
        ("csv", "Write CSV with a heading."),
        ("nl", "Write JSON lines: an object each."),
        ("json", "Write a JSON array."),
    )
    for name, text in options:
        command = click.option(f"--{name}", "style", flag_value=name, help=text)(command)
    return click.option("--table", "style", flag_value="table", default="table", hidden=True)(command)


async def write_rows(
    style: Style,
    columns: Sequence[Column],
    pages: AsyncIterable[Sequence[Record]],
    *,
    fields: Sequence[str],
    none: str = "Nothing found.",
) -> int:
    """Write the records of pages, each page as it comes; return their number.

    Args:
        style: How they are written.
        columns: The columns of the table. The other styles have all keys of the records.
        pages: The pages.
        fields: All keys of the records, in their order: the heading of CSV, also if there are no records.
        none: Said to people if there are no records.
    """
    writer = _CSV(fields) if style == "csv" else _WRITERS[style](columns)
    count = 0
    async for page in pages:
        if page:
            writer.write(page)
            sys.stdout.flush()
        count += len(page)
    writer.end()
    if not count and style == "table":
        say(none)
    return count


def fields_of(kind: type) -> tuple[str, ...]:
    """Return the names of a dataclass's fields, which `vars` of an instance has."""
    return tuple(field.name for field in dataclasses.fields(kind))


async def one_page(records: Iterable[Record]) -> AsyncIterator[list[Record]]:
    """Yield records that are all there as one page."""
    yield list(records)


def console() -> Screen:
    """Return standard output as rich writes to it; in a pipe, lines are as long as they are."""
    from sessions.cli.common.screen import Screen  # noqa: PLC0415 - JSON needs none of it

    return Screen(width() or 10_000)


def width() -> int | None:
    """Return how many columns there are; ``None`` if the output is no terminal, and COLUMNS is not set."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal():
        return max(20, shutil.get_terminal_size().columns)
    return None


def as_text(value: Any, *, whole: bool = False) -> str:
    """Return a value as a cell of a table has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, datetime):
        return ago(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, tuple | list):
        return " / ".join(as_text(part, whole=whole) for part in value)
    return escaped(str(value)) if whole else line_of(str(value))


def as_plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [as_plain(part) for part in value]
    if isinstance(value, dict):
        return {str(key): as_plain(part) for key, part in value.items()}
    return value


def write_json(record: Record) -> None:
    """Write one record as JSON, as a receipt."""
    click.echo(as_json(record))


def as_json(record: Record) -> str:
    """Return a record as JSON in one line; in ASCII unless the output can hold every character."""
    is_utf = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return json_of(as_plain(dict(record)), is_ascii=not is_utf)


class _Table:
    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._places: list[tuple[Column, int]] = []

    def write(self, page: Sequence[Record]) -> None:
        if width() is None:
            self._write_tabs(page)
            return
        from rich.table import Table  # noqa: PLC0415 - as above

        cells = [[as_text(record[column.key], whole=column.whole) for column in self._columns] for record in page]
        is_first = not self._places
        if is_first:
            self._places = _places(self._columns, cells, width() or 0)
        table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), show_header=is_first, collapse_padding=True)
        for column, wide in self._places:
            table.add_column(
                column.title,
                width=wide,
                justify="right" if column.right else "left",
                overflow="fold" if column.whole else "ellipsis",
                no_wrap=not column.whole,
                header_style="bold",
            )
        shown = [self._columns.index(column) for column, _ in self._places]
        for row in cells:
            # Not as markup: brackets of users are brackets.
            table.add_row(*(_text(row[index]) for index in shown))
        screen = console()
        with screen.capture() as captured:
            screen.print(table)
        click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))

    def _write_tabs(self, page: Sequence[Record]) -> None:
        """Write for programs like `cut`: nothing is shortened."""
        if not self._places:
            self._places = [(column, 0) for column in self._columns]
            click.echo("\t".join(column.title for column in self._columns))
        for record in page:
            click.echo("\t".join(as_text(record[column.key], whole=column.whole) for column in self._columns))

    def end(self) -> None:
        """Nothing is left."""


class _JSON:
    def __init__(self, _: Sequence[Column]) -> None:
        self._begun = False

    def write(self, page: Sequence[Record]) -> None:
        for record in page:
            click.echo(("," if self._begun else "[") + f"\n{as_json(record)}", nl=False)
            self._begun = True

    def end(self) -> None:
        click.echo("\n]" if self._begun else "[]")


class _Lines:
    def __init__(self, _: Sequence[Column]) -> None:
        pass

    def write(self, page: Sequence[Record]) -> None:
        click.echo("\n".join(map(as_json, page)))

    def end(self) -> None:
        """Nothing is left."""


class _CSV:
    def __init__(self, fields: Sequence[str]) -> None:
        self._fields = fields
        self._begun = False

    def write(self, page: Sequence[Record]) -> None:
        rows = [[_cell(as_plain(record.get(key))) for key in self._fields] for record in page]
        self._write(rows if self._begun else [list(self._fields), *rows])

    def end(self) -> None:
        if not self._begun:
            self._write([list(self._fields)])

    def _write(self, rows: Iterable[Sequence[str]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        click.echo(text.getvalue(), nl=False)
        self._begun = True


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return "\n".join(map(escaped, value.split("\n")))
    return json_of(value)


_WRITERS: Final[dict[Style, Callable[[Sequence[Column]], _Table | _JSON | _Lines]]] = {
    "table": _Table,
    "json": _JSON,
    "nl": _Lines,
}


def _text(cell: str) -> Any:
    from rich.text import Text  # noqa: PLC0415 - as above

    return Text(cell)


def _places(columns: Sequence[Column], rows: Sequence[Sequence[str]], room: int) -> list[tuple[Column, int]]:
    """Return the columns that fit, with their widths, by the rows of the first page."""
    from rich.cells import cell_len  # noqa: PLC0415 - as above

    natural = {
        column: max(cell_len(column.title), *(cell_len(row[index]) for row in rows))
        for index, column in enumerate(columns)
    }
    kept = list(columns)

    def excess() -> int:
        return sum(natural[column] for column in kept) + _GAP * (len(kept) - 1) - room

    def least() -> int:
        """Return how much is too much even if all texts are cut."""
        return (
            sum(natural[column] if column.right or column.fixed else min(_LEAST, natural[column]) for column in kept)
            + _GAP * (len(kept) - 1)
            - room
        )

    while least() > 0 and (spare := max(kept, key=lambda column: column.spare)).spare:
        kept.remove(spare)
    while excess() > 0:
        widest = max((one for one in kept if not (one.right or one.fixed)), key=natural.__getitem__, default=None)
        if widest is None or natural[widest] <= _LEAST:
            break
        natural[widest] -= 1
    return [(column, natural[column]) for column in kept]
