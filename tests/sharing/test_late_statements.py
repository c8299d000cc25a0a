"""On Postgres, what waits for a lock is decided by what is there when it gets it, not when it began to wait."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from sessions import LeaseLostError, LogSession, SessionBusyError, SQLAlchemySession
from sessions.log.leases import Refused, TakeLease

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tests.sql.servers import Postgres

_TAKE = """
    update agent_log_branches set lease_token = 99, lease_until = 9000000000000000, lease_holder = 'other'
    where name = 'main'
"""
_WAITING = "select count(*) from pg_locks where not granted"
_TTL = 600


async def _while_another_takes_the_branch(url: str, *late: Awaitable[Any]) -> list[Any]:
    """Begin something, which waits for another who is taking the branch; return what comes of it."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    async with connection.transaction():
        # Whoever takes it and changes something.
        await connection.execute("update agent_log_sessions set leases = leases + 99, version = version + 1")
        await connection.execute(_TAKE)
        waiting = asyncio.gather(*late, return_exceptions=True)
        while not await connection.fetchval(_WAITING):
            await asyncio.sleep(0.01)
        assert not waiting.done()
    results = await waiting
    await connection.close()
    return results


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.new_database()


@pytest.fixture
def session(url: str) -> LogSession:
    return SQLAlchemySession.from_url("s", url=url, create_tables=True)


def _message(number: int) -> list[dict[str, object]]:
    return [{"role": "user", "content": str(number)}]


@pytest.mark.parametrize("expected", [None, 1])
@pytest.mark.parametrize("number", [1, 5])
async def test_an_append_that_waited_for_whoever_keeps_it_out(
    url: str, session: LogSession, number: int, expected: int | None
) -> None:
    """Fails without: log/fast/statements.py, `{may_change}` and `{may_still_change}` of `advanced`.

    With an expected version, without: log/append.py, `guard_branch`.
    """
    await session.add_items(_message(0))
    late = [session.add_items(_message(n), expected_version=expected) for n in range(number)]
    results = await _while_another_takes_the_branch(url, *late)
    assert {type(result) for result in results} == {SessionBusyError}
    assert await session.get_items() == _message(0)


@pytest.mark.parametrize("number", [1, 5])
async def test_an_append_that_waited_for_whoever_took_its_lease(url: str, session: LogSession, number: int) -> None:
    await session.add_items(_message(0))
    async with session.lease(ttl=_TTL) as leased:
        results = await _while_another_takes_the_branch(url, *(leased.add_items(_message(n)) for n in range(number)))
    assert {type(result) for result in results} == {LeaseLostError}
    assert await session.get_items() == _message(0)


async def test_a_pop_that_waited_for_whoever_keeps_it_out(url: str, session: LogSession) -> None:
    """Fails without: log/pop.py, `lock_head` (as `find_head`)."""
    await session.add_items(_message(0))
    (result,) = await _while_another_takes_the_branch(url, session.pop_item())
    assert isinstance(result, SessionBusyError)
    assert await session.get_items() == _message(0)


async def test_two_who_take_it_at_once(url: str, session: LogSession) -> None:
    """Fails without: log/leases.py, `lock_conversation` (as `find_session`)."""
    await session.add_items(_message(0))
    handle = session._handle
    taking = TakeLease(
        handle.conversation, None, "late", None, is_open=True, now=handle.conversation.now, ttl=1, otherwise="reject"
    )
    (result,) = await _while_another_takes_the_branch(url, handle.write(taking))
    assert isinstance(result, Refused)
    assert result.lease.holder == "other"
