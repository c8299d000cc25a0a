"""Whatever touches a conversation of the SDK's first, it goes on where it stood."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from .sdk import ITEMS, KINDS, NEW, alike, execute, foreign_content, sdk_session, taken_over, write

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from sessions import SQLiteSession, Store

    Ours = Callable[..., SQLiteSession]
    Touch = Callable[[SQLiteSession], Awaitable[Any]]

TOUCHES: dict[str, tuple[Touch, Any, list[Any]]] = {
    "get_items": (lambda s: s.get_items(), ITEMS, ITEMS),
    "get_items(limit=2)": (lambda s: s.get_items(limit=2), ITEMS[-2:], ITEMS),
    "get_items(limit=0)": (lambda s: s.get_items(limit=0), [], ITEMS),
    "add_items": (lambda s: s.add_items(NEW), None, ITEMS + NEW),
    "add_items with a key": (lambda s: s.add_items(NEW, idempotency_key="k"), None, ITEMS + NEW),
    "pop_item": (lambda s: s.pop_item(), ITEMS[-1], ITEMS[:-1]),
    "clear_session": (lambda s: s.clear_session(), None, []),
}


# Fails without: log/core/changing.py, `take_over(tx, conversation, now)` (in `begin_session` and `lock_conversation`)
# Fails without: log/lifetime/remove.py, `take_over(tx, conversation, now)`
# Fails without: log/core/heads.py, `check_absent(tx, conversation)`
@pytest.mark.parametrize("touch", TOUCHES)
@pytest.mark.parametrize("kind", KINDS)
async def test_the_conversation_goes_on(path: Path, ours: Ours, kind: str, touch: str) -> None:
    await write(path, kind=kind)
    before = foreign_content(path)
    first_touch, result, items = TOUCHES[touch]

    assert alike(await first_touch(ours())) == alike(result)

    for _ in range(2):
        assert alike(await ours().get_items()) == alike(items)
    assert foreign_content(path) == before, "the SDK's tables stay as they were"
    async with sdk_session(kind, path) as theirs:
        assert alike(await theirs.get_items()) == alike(ITEMS), "the SDK still reads its own"
        await theirs.add_items([{"role": "user", "content": "theirs"}])
    ours().close()
    assert alike(await ours().get_items()) == alike(items), "from then on they are two conversations"


async def _first_change(session: SQLiteSession) -> Any:
    async with aclosing(session.watch(after=0)) as changes:
        return await anext(changes)


READS: dict[str, Touch] = {
    "version": lambda s: s.version(),
    "branches": lambda s: s.branches.list(),
    "compare": lambda s: s.branches.compare("main", "main"),
    "turns": lambda s: s.turns(),
    "siblings": lambda s: s.siblings(1),
    "entries": lambda s: s.entries(),
    "window": lambda s: s.window(20),
    "repair": lambda s: s.repair(),
    "tools": lambda s: s.usage.tools(),
    "watch": _first_change,
    "on_branch": lambda s: s.on_branch("main").get_items(),
}


# Fails without: `check_absent(tx, conversation)` in log/append.py, log/watch.py and log/history/branch_list.py
@pytest.mark.parametrize("read", READS)
async def test_every_read_finds_the_conversation(path: Path, ours: Ours, read: str) -> None:
    await write(path)
    assert await READS[read](ours())
    assert alike(await ours().get_items()) == alike(ITEMS)


# Fails without: log/adopt/sdk_tables.py, `tx.run(_statement(_DELETE, table), session_id=session_id)`
@pytest.mark.parametrize("touched", [False, True], ids=["untouched", "touched"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_deleted_conversation_does_not_come_back(
    path: Path, ours: Ours, store: Store, kind: str, *, touched: bool
) -> None:
    await write(path, kind=kind)
    await write(path, NEW, kind, session_id="other")
    if touched:
        await ours().add_items(NEW)

    assert await store.delete("u") is True

    assert await ours().get_items() == []
    assert await store.delete("u") is False
    assert not any("u" in row for table, rows in foreign_content(path).items() if "_" in table for row in rows)
    assert await ours("other").get_items() == NEW
    async with sdk_session(kind, path) as theirs:
        assert await theirs.get_items() == []


async def test_conversations_are_taken_over_one_by_one(path: Path, ours: Ours, store: Store) -> None:
    for name in "abc":
        await write(path, [{"role": "user", "content": name}], session_id=name)

    assert await ours("b").get_items() == [{"role": "user", "content": "b"}]
    assert [info.session_id for info in await store.sessions()] == ["b"]
    assert taken_over(path) == 1
    assert await ours("B").get_items() == []
    assert await ours("d").get_items() == []
    assert [info.session_id for info in await store.sessions()] == ["b"], "there was nothing to take over"


@pytest.mark.parametrize("kind", KINDS[:3])
async def test_tables_by_other_names(path: Path, ours: Ours, kind: str) -> None:
    await write(path, NEW, kind)
    await write(path, ITEMS, kind, sessions_table="talks", messages_table="lines_of_talks")
    before = foreign_content(path)

    session = ours(sessions_table="talks", messages_table="lines_of_talks")

    assert alike(await session.get_items()) == alike(ITEMS)
    assert foreign_content(path) == before


async def test_a_retry_of_the_first_append_adds_nothing(path: Path, ours: Ours) -> None:
    await write(path)
    for _ in range(3):
        await ours().add_items(NEW, idempotency_key="k")

    assert alike(await ours().get_items()) == alike(ITEMS + NEW)


async def test_what_the_sdk_emptied_is_empty(path: Path, ours: Ours, store: Store) -> None:
    async with sdk_session("SQLiteSession", path) as theirs:
        await theirs.add_items(NEW)
        await theirs.pop_item()

    assert await ours().get_items() == []
    assert await ours().pop_item() is None
    await ours().clear_session()
    assert await store.sessions() == []


async def test_turns_kinds_and_times_are_taken_over(path: Path, ours: Ours, store: Store) -> None:
    await write(path)
    execute(path, "update agent_messages set created_at = '2024-02-29 23:59:' || (50 + id)")
    execute(path, "update agent_messages set created_at = 'yesterday' where id = 3")
    execute(path, "update agent_sessions set created_at = '2024-02-29 12:00:00'")

    await ours().get_items()

    rows = execute(
        path, "select kind, turn, tool_name, datetime(created_at / 1000000, 'unixepoch') from agent_log_entries"
    )
    assert [row[:3] for row in rows] == [
        ("user", 1, None),
        ("reasoning", 1, None),
        ("tool_call", 1, "météo"),
        ("tool_output", 1, "météo"),
        ("assistant", 1, None),
        ("user", 2, None),
    ]
    assert [row[3] for row in rows if row[0] != "tool_call"] == [
        f"2024-02-29 23:59:{50 + id_}" for id_ in (1, 2, 4, 5, 6)
    ]
    [info] = await store.sessions()
    assert (info.created_at.isoformat(), info.item_count) == ("2024-02-29T12:00:00+00:00", len(ITEMS))
    assert info.updated_at.year > 2024
