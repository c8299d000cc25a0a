"""The constructors take an owner as `store.session` does: the session must have it, and a new one gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from sessions import (
    AdvancedSQLiteSession,
    AsyncSQLiteSession,
    EncryptedSession,
    OwnerError,
    SQLAlchemySession,
    SQLiteSession,
    generate_key,
    open_store,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sessions import LogSession

    Make = Callable[..., LogSession]

_ITEM = {"role": "user", "content": "1"}
_KEY = generate_key()


async def _belongs_to_ann(make: Make) -> None:
    ann = make(owner="ann")
    await ann.add_items([_ITEM])
    assert await make(owner="ann").get_items() == await make().get_items() == [_ITEM]
    assert (await make().info()).owner == "ann"
    version = await ann.version()
    for operation in (lambda s: s.get_items(), lambda s: s.add_items([_ITEM]), lambda s: s.pop_item()):
        with pytest.raises(OwnerError, match="Nothing was read or written"):
            await operation(make(owner="bob"))  # type: ignore[no-untyped-call]
    assert await ann.version() == version


@pytest.mark.parametrize("kind", [SQLiteSession, AsyncSQLiteSession, AdvancedSQLiteSession])
async def test_of_a_file(tmp_path: Path, kind: Any) -> None:
    """Fails without: sessions/sqlite.py, `owner=given_owner(owner)`."""
    path = tmp_path / "sessions.db"
    await _belongs_to_ann(lambda **options: kind(session_id="s", db_path=path, **options))
    async with open_store(f"sqlite:///{path}") as store:
        assert [one.session_id for one in await store.sessions(owner="ann")] == ["s"]


@pytest.mark.parametrize("encrypted", [False, True])
async def test_of_a_database(url: str, *, encrypted: bool) -> None:
    """Fails without: sessions/sqlalchemy.py, `owner=given_owner(owner)`."""

    def make(**options: Any) -> LogSession:
        session = SQLAlchemySession.from_url("s", url=url, create_tables=True, **options)
        return EncryptedSession("s", session, _KEY) if encrypted else session

    await _belongs_to_ann(make)


def test_none_is_refused(tmp_path: Path) -> None:
    """A login that found nobody must not lift the check."""
    nobody = cast("Any", None)
    with pytest.raises(TypeError, match="owner is None"):
        SQLiteSession("s", tmp_path / "sessions.db", owner=nobody)
    with pytest.raises(TypeError, match="owner is None"):
        SQLAlchemySession.from_url("s", url="sqlite+aiosqlite://", owner=nobody)
    with pytest.raises(ValueError, match="owner"):
        SQLiteSession("s", tmp_path / "sessions.db", owner="")
    assert not list(tmp_path.iterdir())
