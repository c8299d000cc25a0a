"""A store's list of sessions, page by page, and deleting from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sessions import SessionInfo, Store, open_store

from .inside import stored, user

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
async def store(path: Path) -> Any:
    async with open_store(f"sqlite:///{path}") as opened:
        yield opened


async def names(store: Store, **options: Any) -> list[str]:
    return [info.session_id for info in await store.sessions(**options)]


async def test_the_newest_first(store: Store) -> None:
    before = datetime.now(UTC)
    for name in "abc":
        await store.session(name).add_items([user(name), user("x")])
    await store.session("a").add_items([user("changed last")])
    await store.session("b").pop_item()
    await store.session("c").clear_session()

    found = await store.sessions()

    assert [(info.session_id, info.item_count) for info in found] == [("c", 0), ("b", 1), ("a", 3)]
    assert all(isinstance(info, SessionInfo) and info.created_at.tzinfo is UTC for info in found)
    assert all(before <= info.created_at <= info.updated_at <= datetime.now(UTC) for info in found)
    assert found[2].updated_at > found[0].created_at - timedelta(hours=1)


# Fails without: log/statements/sessions.py, `where id < :before order by id desc limit :count`
@pytest.mark.parametrize("size", [1, 2, 3, 100])
async def test_pages_stay_right_while_sessions_come_and_go(store: Store, size: int) -> None:
    for number in range(9):
        await store.session(str(number)).add_items([user("x")])
    seen: list[str] = []
    cursor = None
    while page := await store.sessions(limit=size, after=cursor):
        seen += [info.session_id for info in page]
        cursor = page[-1].cursor
        await store.session(f"new after {len(seen)}").add_items([user("x")])
        await store.delete(page[-1].session_id)
        await store.delete(page[0].session_id)

    assert seen == [str(number) for number in reversed(range(9))]


async def test_a_session_that_comes_back_is_new(store: Store) -> None:
    for name in "ab":
        await store.session(name).add_items([user("x")])
    [b, a] = await store.sessions()
    await store.delete("a")
    await store.session("a").add_items([user("y")])

    assert await names(store) == ["a", "b"]
    assert await names(store, after=b.cursor) == []
    assert (await store.sessions())[0].cursor not in (a.cursor, b.cursor)


async def test_only_sessions_that_began_are_listed(store: Store) -> None:
    assert await store.sessions() == []
    session = store.session("s")
    await session.get_items()
    await session.pop_item()
    await session.clear_session()
    await session.add_items([])

    assert await store.sessions() == []


# Fails without: log/lifetime/catalog.py, `raise ValueError("after must be the cursor of a listed session…`
@pytest.mark.parametrize(
    "cursor", ["", "x", "-1", "1.0", " 1", "1 ", "٣", "1; drop table agent_log_sessions", "9" * 30, "9" * 5000, 1, b"1"]
)
async def test_what_is_no_cursor_is_refused(store: Store, cursor: Any) -> None:
    await store.session("s").add_items([user("x")])

    with pytest.raises((ValueError, TypeError), match="after must be the cursor"):
        await store.sessions(after=cursor)

    assert await names(store) == ["s"]


@pytest.mark.parametrize(("limit", "error"), [(0, ValueError), (-1, ValueError), ("1", TypeError), (True, TypeError)])
async def test_what_is_no_page_size_is_refused(store: Store, path: Path, limit: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="limit must be"):
        await store.sessions(limit=limit)
    assert not path.exists()


async def test_any_large_page_size_means_all(store: Store) -> None:
    await store.session("s").add_items([user("x")])

    assert await names(store, limit=2**100) == ["s"]
    assert await store.session("s").get_items(limit=2**100) == [user("x")]


async def test_delete_tells_whether_there_was_one(store: Store, path: Path) -> None:
    session = store.session("s")
    await session.add_items([user("x")], idempotency_key="k")
    await store.session("other").add_items([user("kept")])

    assert [await store.delete("s"), await store.delete("s"), await store.delete("never there")] == [True, False, False]

    assert stored(path) == [user("kept")]
    assert await names(store) == ["other"]
    await session.add_items([user("x")], idempotency_key="k")
    assert await session.get_items() == [user("x")], "the session goes on as a new one"


@pytest.mark.parametrize(("session_id", "error"), [("", ValueError), ("a\0", ValueError), (None, TypeError)])
async def test_what_is_no_id_cannot_be_deleted(
    store: Store, path: Path, session_id: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match="session_id"):
        await store.delete(session_id)
    assert not path.exists()
