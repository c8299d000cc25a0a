"""``sessions verify URL``: whether everything that is stored is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from sessions.cli.common.database import URL, on_database
from sessions.cli.common.failures import FINDINGS, OK, in_words_of_commands
from sessions.cli.common.inert import line_of
from sessions.cli.common.progress import progress
from sessions.cli.common.rows import Column, Style, fields_of, styles, write_rows
from sessions.cli.common.running import say
from sessions.errors import (
    SchemaVersionError,
    StoreBusyError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreUnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessions.cli.common.database import Database
    from sessions.session.verifying import Verification
    from sessions.store.store import Store
    from sessions.types.verify import Verified

_PAGE: Final = 50
"""Findings in a table at once; programs get each as it is found."""

_NO_DAMAGE: Final = (
    StoreReadOnlyError, StoreFullError, StoreUnreachableError, StoreBusyError, SchemaVersionError,
)  # fmt: skip

_COLUMNS: Final = (
    Column("code", "CODE", fixed=True),
    Column("session_id", "SESSION", whole=True),
    Column("table", "TABLE", spare=2),
    Column("place", "PLACE", whole=True, spare=1),
    Column("problem", "PROBLEM", whole=True),
)


@click.command(short_help="Check that everything stored is whole.")
@URL
@click.option("--after", metavar="PLACE", help="Go on behind a place that an interrupted verification has said.")
@styles
@on_database(opened=False)
async def verify(database: Database, *, after: str | None, style: Style) -> int:
    """Check the tables, lineages, branches, entries and payloads of a database. Nothing is changed or locked.

    With the key, every encrypted item is decrypted; without it, these items are counted. The exit code is 1 if
    something is found. docs/verify.md lists the codes.
    """
    async with database.open() as store:
        await _check_can_be_read(store, database)
        summary = await _verify(store, after, style)
    say(_conclusion(summary))
    return FINDINGS if summary.errors or summary.warnings else OK


async def _check_can_be_read(store: Store, database: Database) -> None:
    """Try to read something: that a disk is full, a server down, or the tables elsewhere, is no damage."""
    try:
        await store.sessions(limit=1)
    except StoreError as error:
        found = database.explained(error)
        if isinstance(found, _NO_DAMAGE):
            raise found from error.__cause__


async def _verify(store: Store, after: str | None, style: Style) -> Verified:
    from sessions.types.verify import Finding  # noqa: PLC0415 - `--help` needs none of it

    remedies: dict[str, str] = {}
    with progress("Verifying") as far:
        verification = store.verify(after=after, progress=lambda so_far: far(_far(so_far)))
        try:
            pages = _pages(verification, style, remedies)
            await write_rows(style, _COLUMNS, pages, fields=fields_of(Finding), none="No damage was found.")
        except BaseException:
            if verification.summary.after:
                say(f"Go on with --after {verification.summary.after}.")
            raise
    if style == "table":
        # Once for each code; programs have it with each finding.
        for code, remedy in remedies.items():
            say(f"{code}: {in_words_of_commands(remedy)}")
    return verification.summary


async def _pages(
    verification: Verification, style: Style, remedies: dict[str, str]
) -> AsyncIterator[list[dict[str, Any]]]:
    page: list[dict[str, Any]] = []
    async for finding in verification:
        remedies[finding.code] = finding.remedy
        problem = in_words_of_commands(finding.problem)
        page.append(vars(finding) | {"problem": problem, "remedy": in_words_of_commands(finding.remedy)})
        if style != "table" or len(page) == _PAGE:
            yield page
            page = []
    yield page


def _far(so_far: Verified) -> str:
    return f"{so_far.sessions:,} sessions, {so_far.entries:,} items, {so_far.errors + so_far.warnings:,} findings"


def _conclusion(summary: Verified) -> str:
    others = "".join(
        f", {count:,} {what}"
        for count, what in (
            (summary.threads, "threads"), (summary.checkpoints, "checkpoints"), (summary.memories, "memories"),
        )
        if count
    )  # fmt: skip
    text = (
        f"Checked {summary.sessions:,} sessions and {summary.entries:,} items{others}: {summary.errors:,} errors, "
        f"{summary.warnings:,} warnings."
    )
    if summary.locked:
        what = "ones" if others else "items"
        text += f" {summary.locked:,} encrypted {what} were not opened: give the key to check them."
    return line_of(text)
