"""Every constructor takes a time to live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions import (
    AdvancedSQLAlchemySession,
    AdvancedSQLiteSession,
    AsyncSQLiteSession,
    LogSession,
    SQLAlchemySession,
    SQLiteSession,
)
from sessions.testing.expiry_model import MovableClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeAny = Callable[..., LogSession]

MAKERS: dict[str, Callable[[Path], MakeAny]] = {
    "SQLiteSession": lambda path: lambda **options: SQLiteSession("s", path, **options),
    "AsyncSQLiteSession": lambda path: lambda **options: AsyncSQLiteSession("s", path, **options),
    "AdvancedSQLiteSession": lambda path: (
        lambda **options: AdvancedSQLiteSession(session_id="s", db_path=path, **options)
    ),
    "SQLAlchemySession": lambda path: lambda **options: _at_url(SQLAlchemySession, path, **options),
    "AdvancedSQLAlchemySession": lambda path: lambda **options: _at_url(AdvancedSQLAlchemySession, path, **options),
}


def _at_url(cls: type[SQLAlchemySession], path: Path, **options: Any) -> SQLAlchemySession:
    return cls.from_url("s", url=f"sqlite+aiosqlite:///{path}", create_tables=True, **options)


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> MakeAny:
    return MAKERS[request.param](tmp_path / "sessions.db")


@pytest.mark.usefixtures("no_upkeep")
async def test_items_expire(make: MakeAny, monkeypatch: pytest.MonkeyPatch) -> None:
    time = MovableClock(monkeypatch)
    item = {"role": "user", "content": "1"}
    session, patient = make(ttl=10), make(ttl=None)
    await session.add_items([item])
    await patient.add_items([item])
    time.move(9)
    assert len(await session.get_items()) == 2
    time.move(1)
    assert await session.get_items() == []
    assert await patient.get_items() == [item]
    assert await session.purge_expired() == 2


def test_a_ttl_that_is_none_is_refused(make: MakeAny) -> None:
    with pytest.raises(ValueError, match="ttl must be a positive number of seconds, got 0"):
        make(ttl=0)
    with pytest.raises(TypeError, match="ttl must be a number of seconds or a timedelta, not str"):
        make(ttl="1 hour")
