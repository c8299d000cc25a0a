"""Verifying the rows of components: checks, each of which goes through its tables page by page.

A page is read in one snapshot, so nothing that other callers do meanwhile looks like damage, and nothing is locked. A
page with findings is read a second time, and only repeated findings count. Memory does not grow with the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

from sessions.crypto.subject import KeyWanted
from sessions.errors import (
    NotADatabaseError,
    SchemaVersionError,
    SessionClosedError,
    StoreBusyError,
    StoreError,
    StoreReadOnlyError,
    StoreUnreachableError,
)
from sessions.types.verify import NO_PLACE, Finding, found

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sessions.db import Backend
    from sessions.db.transaction import Transaction

Counts: TypeAlias = Mapping[str, int]

PAGE: Final = 256
"""Rows, or subjects, of a page."""

LOWEST: Final = -(1 << 63)
"""Below all numbers of rows."""


class Checked(NamedTuple):
    """The result of one page of a check.

    Attributes:
        findings: The damage in it.
        after: Where the next page begins, as a text; ``None`` after the last one.
        counts: How many rows were checked, by a word of `Verified`, such as ``entries`` or ``locked``.
    """

    findings: Sequence[Finding]
    after: str | None
    counts: Counts = MappingProxyType({})


def number_of(after: str) -> int:
    """Return the number in a place, for checks that go by the numbers of rows; `LOWEST` for the first page."""
    return int(after) if after else LOWEST


class Check(Protocol):
    """One check of a component's rows, for one verification."""

    @property
    def name(self) -> str:
        """Its name, which is part of the text by which a verification is resumed."""
        ...

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that it needs, by their names in the schema."""
        ...

    def page(self, tx: Transaction, after: str) -> Checked:
        """Check one page, behind the place that the page before returned; ``""`` for the first.

        Raises:
            KeyWanted: A key has to be fetched first; the page is checked again then.
        """
        ...

    def skip(self, tx: Transaction, after: str) -> str | None:
        """Return a place behind rows that the database could not read; ``None`` to leave the rest unchecked."""
        ...


class Step(NamedTuple):
    """The result of one page: its findings, its counts, and where to resume."""

    findings: Sequence[Finding]
    counts: Counts
    after: str | None


_UNREACHED: Final = (
    SessionClosedError,
    StoreBusyError,
    StoreUnreachableError,
    StoreReadOnlyError,
    SchemaVersionError,
)
"""Errors that say nothing about rows."""

NOT_ABOUT_ROWS: Final = (*_UNREACHED, NotADatabaseError)
"""The same, of a first read: if that finds no database, there is nothing to check."""

_ROWS: Final = (
    ArithmeticError, AttributeError, LookupError, RecursionError, StoreError, TypeError, ValueError,
)  # fmt: skip
"""What reading impossible rows may raise."""

_SKIPS: Final = 100
"""How often a check goes on behind rows that the database cannot read."""


async def run_checks(
    backend: Backend, checks: Sequence[Check], subject: str, *, after: str = "", missing: Sequence[str] = ()
) -> AsyncIterator[Step]:
    """Run checks one after the other, and yield the result of each page.

    Args:
        backend: The database.
        checks: The checks, in their order.
        subject: Whom an error is about.
        after: The `after` of a step of an earlier run with the same checks, to go on behind it.
        missing: Tables that are known to be missing: checks that need one are left out.

    Raises:
        StoreError: The database cannot be reached, or is in use by others for too long.
        SessionClosedError: The backend has been closed.
        ValueError: `after` is not such a text.
    """
    names = [check.name for check in checks]
    name, _, place = after.partition(":")
    if after and name not in names:
        raise ValueError(NO_PLACE)
    for number in range(names.index(name) if after else 0, len(checks)):
        check = checks[number]
        last = f"{names[number + 1]}:" if number + 1 < len(checks) else None
        at: str | None = place if number == (names.index(name) if after else 0) else ""
        skipped = 0
        while at is not None:
            if not set(missing).isdisjoint(check.tables):
                yield Step((), {}, last)
                break
            try:
                checked = await _page(backend, check, at, subject)
            except _UNREACHED:
                raise
            except _ROWS as error:
                finding = unreadable(check, error, at)
                at, skipped = await _behind(backend, check, at, subject) if skipped < _SKIPS else None, skipped + 1
                yield Step((finding,), {}, last if at is None else f"{check.name}:{at}")
            else:
                at = checked.after
                yield Step(checked.findings, checked.counts, last if at is None else f"{check.name}:{at}")


async def _page(backend: Backend, check: Check, after: str, subject: str) -> Checked:
    checked = await _with_keys(backend, check, after, subject)
    if checked.findings:
        again = set((await _with_keys(backend, check, after, subject)).findings)
        checked = checked._replace(findings=[finding for finding in checked.findings if finding in again])
    return checked


async def _with_keys(backend: Backend, check: Check, after: str, subject: str) -> Checked:
    while True:
        try:
            return await backend.read(lambda tx: check.page(tx, after), subject)
        except KeyWanted as wanted:
            await wanted.fetch()


async def _behind(backend: Backend, check: Check, after: str, subject: str) -> str | None:
    try:
        return await backend.read(lambda tx: check.skip(tx, after), subject)
    except _UNREACHED:
        raise
    except _ROWS:
        return None


def unreadable(check: Check, error: Exception, after: str = "") -> Finding:
    """Return the finding for rows behind a place that could not be read."""
    # Of a driver's or Python's own errors, the text may have a value in it.
    reason = str(error) if isinstance(error, StoreError) else f"{type(error).__name__}."
    place = f"behind {after}" if after else None
    return found("unreadable", f"Some rows could not be read: {reason}", table=check.tables[0], place=place)
