"""What leases and item keys cost on Postgres, in statements that wait for the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions import SQLAlchemySession
from sessions.db.postgres.database import AsyncpgDatabase

if TYPE_CHECKING:
    from tests.sql.servers import Postgres


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was sent: the beginning of each statement on the hot path, and each transaction of the log's functions."""
    sent: list[str] = []
    fetch, attempt = AsyncpgDatabase.fetch, AsyncpgDatabase._attempt

    async def noted_fetch(self: AsyncpgDatabase, statement: Any, *values: Any, **options: Any) -> Any:
        sent.append(statement.purpose.split()[0])
        return await fetch(self, statement, *values, **options)

    async def noted_attempt(self: AsyncpgDatabase, *arguments: Any, **options: Any) -> Any:
        sent.append("transaction")
        return await attempt(self, *arguments, **options)

    monkeypatch.setattr(AsyncpgDatabase, "fetch", noted_fetch)
    monkeypatch.setattr(AsyncpgDatabase, "_attempt", noted_attempt)
    return sent


@pytest.mark.parametrize("exclusive", [False, True])
async def test_under_a_lease_an_append_is_one_statement_as_it_is_without_one(
    postgres: Postgres, sent: list[str], *, exclusive: bool
) -> None:
    session = SQLAlchemySession.from_url("s", url=postgres.new_database(), create_tables=True)
    for number in range(3):
        await session.add_items([{"role": "user", "content": f"without {number}"}])
    async with session.lease(exclusive=exclusive) as leased:
        sent.clear()
        for number in range(3):
            await leased.add_items([{"role": "user", "content": f"with {number}"}])
        await session.on_branch("main").get_items()
        assert sent == [*["Append"] * 3, "The"]
    sent.clear()
    # And nothing is dearer for those who come after it, without one.
    await session.add_items([{"role": "user", "content": "after"}])
    assert sent == ["Append"]


async def test_an_append_with_new_keys_is_one_statement(postgres: Postgres, sent: list[str]) -> None:
    """Fails without: log/fast/postgres.py, `if append.keyed:`."""
    session = SQLAlchemySession.from_url("s", url=postgres.new_database(), create_tables=True)
    await session.add_items([{"role": "user", "content": "0"}])
    sent.clear()
    for number in range(3):
        items = [{"role": role, "content": f"{number}"} for role in ("user", "assistant")]
        await session.add_items(items, keys=[f"{number}", None])
    assert sent == ["Append"] * 3
    # If one is known, the log's own function looks where.
    await session.add_items([{"role": "user", "content": "2"}, {"role": "user", "content": "3"}], keys=["2", "3"])
    assert sent == [*["Append"] * 4, "transaction"]
    assert [entry.key for entry in await session.entries()] == [None, "0", None, "1", None, "2", None, "3"]
