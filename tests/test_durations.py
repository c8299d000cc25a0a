"""Wherever seconds are taken, so is a `timedelta`, with the same effect."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sessions import AsyncSQLiteSession, EncryptedSession, SQLAlchemySession, SQLiteSession, generate_key, open_store
from sessions.testing.expiry_model import MovableClock
from sessions.validation import MAX_TTL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sessions import LogSession

_KEY = generate_key()


def _at_url(**options: Any) -> Any:
    return SQLAlchemySession.from_url("s", url="sqlite+aiosqlite:///never-opened.db", **options)


def _lifetime(session: LogSession) -> object:
    return session._handle.conversation.ttl


# What each place makes of a duration.
MADE_OF: dict[str, Callable[[Any], object]] = {
    "SQLiteSession(ttl)": lambda d: _lifetime(SQLiteSession("s", ttl=d)),
    "SQLiteSession(busy_timeout)": lambda d: SQLiteSession("s", busy_timeout=d)._sqlite._busy_timeout,
    "AsyncSQLiteSession(ttl)": lambda d: _lifetime(AsyncSQLiteSession("s", ttl=d)),
    "SQLAlchemySession(ttl)": lambda d: _lifetime(_at_url(ttl=d)),
    "SQLAlchemySession(attempt_timeout)": lambda d: _at_url(attempt_timeout=d)._sql._attempt_timeout,
    "SQLAlchemySession(retry_timeout)": lambda d: _at_url(retry_timeout=d)._sql._retry_timeout,
    "EncryptedSession(ttl)": lambda d: _lifetime(EncryptedSession("s", SQLiteSession("s"), _KEY, d)),
    "open_store(ttl)": lambda d: _lifetime(open_store("sqlite://", ttl=d).session("s")),
    "open_store(sweep_every)": lambda d: open_store("sqlite://", sweep_every=d)._own_sweeper._every,  # type: ignore[union-attr]
    "Store.session(ttl)": lambda d: _lifetime(open_store("sqlite://").session("s", ttl=d)),
    "Store.sweeper(every)": lambda d: open_store("sqlite://").sweeper(every=d)._every,
}


@pytest.mark.parametrize("place", MADE_OF)
def test_a_timedelta_is_as_many_seconds(place: str) -> None:
    """Fails without: validation.py, `timedelta` in `_seconds`."""
    made = MADE_OF[place]
    assert made(timedelta(minutes=1.5)) == made(90) == made(90.0)
    name = place.partition("(")[2].rstrip(")")
    with pytest.raises(TypeError, match=f"{name} must be a number of seconds or a timedelta, not str"):
        made("90")
    with pytest.raises(ValueError, match=f"{name} must be"):
        made(timedelta(seconds=-1))
    with pytest.raises(ValueError, match=f"{name} must be"):
        made(timedelta(seconds=MAX_TTL + 1))


async def _added(session: LogSession, duration: Any) -> object:
    await session.add_items([{"role": "user", "content": "a"}], ttl=duration)
    entry = (await session.entries())[-1]
    assert entry.expires_at is not None
    return entry.expires_at - entry.created_at


async def _leased(session: LogSession, duration: Any) -> object:
    from sessions import SessionBusyError  # noqa: PLC0415

    async with session.lease(ttl=duration):
        with pytest.raises(SessionBusyError) as caught:
            await session.lease(timeout=duration - duration).__aenter__()
    return caught.value.until


async def _purged(session: LogSession, time: MovableClock, duration: Any) -> object:
    await session.add_items([{"role": "user", "content": "a"}])
    time.move(89)
    early = await session.purge_expired(older_than=duration)
    time.move(1)
    return early, await session.purge_expired(older_than=duration)


@pytest.mark.usefixtures("no_upkeep")
async def test_a_timedelta_in_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    time = MovableClock(monkeypatch)
    store = open_store("sqlite://")
    done: dict[str, Callable[[LogSession, Any], Awaitable[object]]] = {
        "add_items": _added,
        "lease": _leased,
        "purge_expired": lambda session, duration: _purged(session, time, duration),
    }
    for name, operation in done.items():
        found = [await operation(store.session(f"{name} {d}"), d) for d in (90, timedelta(seconds=90))]
        assert found[0] == found[1], name
    assert found[0] == (0, 1)
    other = open_store("sqlite://")
    await other.session("s").add_items([{"role": "user", "content": "a"}])
    time.move(60)
    assert await other.purge_expired(older_than=timedelta(minutes=1)) == 1
