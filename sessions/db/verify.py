"""Verifying components: their schemas, on SQLite the file, and their rows by the checks that they bring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.db.verification import NOT_ABOUT_ROWS, Step, run_checks, unreadable
from sessions.db.verify_schema import FileCheck, SchemaCheck, missing_tables
from sessions.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from sessions.db import Backend
    from sessions.db.component import Component
    from sessions.db.verification import Check


async def verify(
    backend: Backend,
    components: Sequence[Component],
    reading: object,
    subject: str,
    *,
    after: str = "",
    whole: bool = True,
) -> AsyncGenerator[Step]:
    """Yield the findings in some components' tables, page by page.

    Args:
        backend: The database.
        components: The components.
        reading: Which of their rows are checked, and how they are read; for the components' own checks.
        subject: Whom an error is about.
        after: The `after` of an earlier step, to go on behind it; empty for the beginning.
        whole: Whether to check the schema and, on SQLite, the file, too.

    Raises:
        NotADatabaseError: The file is none, or not even its schema can be read.
        StoreError: The database cannot be reached, or is in use by others for too long.
        SessionClosedError: The backend has been closed.
        ValueError: `after` is not such a text.
    """
    schema = SchemaCheck([component.schema for component in components])
    checks: list[Check] = [schema, FileCheck()] if whole else []
    missing: list[str] = []
    if whole:
        # Without these, what is wrong would be told once for each check that needs one.
        try:
            missing = missing_tables((await backend.read(lambda tx: schema.page(tx, ""), subject)).findings)
        except NOT_ABOUT_ROWS:
            raise
        except StoreError as error:
            yield Step((unreadable(schema, error),), {}, None)
            return
    for component in components:
        if component.verify is not None:
            checks += component.verify(reading)
    async for step in run_checks(backend, checks, subject, after=after, missing=missing):
        yield step
