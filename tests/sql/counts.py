"""Counts the statements and transactions that reach Postgres."""

from __future__ import annotations

from typing import Any

import pytest

from sessions.db.postgres.database import AsyncpgDatabase


class Counts:
    """How many statements were sent alone, and how many transactions there were."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.alone = 0
        self.transactions = 0
        fetch, attempt = AsyncpgDatabase.fetch, AsyncpgDatabase._attempt

        async def counted_fetch(database: AsyncpgDatabase, *arguments: Any, **options: Any) -> Any:
            self.alone += 1
            return await fetch(database, *arguments, **options)

        async def counted_attempt(database: AsyncpgDatabase, *arguments: Any, **options: Any) -> Any:
            self.transactions += 1
            return await attempt(database, *arguments, **options)

        monkeypatch.setattr(AsyncpgDatabase, "fetch", counted_fetch)
        monkeypatch.setattr(AsyncpgDatabase, "_attempt", counted_attempt)

    def taken(self) -> tuple[int, int]:
        """Return both, and count from zero again."""
        found = self.alone, self.transactions
        self.alone = self.transactions = 0
        return found


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    return Counts(monkeypatch)
