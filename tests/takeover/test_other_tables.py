"""Tables that only look like the SDK's, and names that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions import StoreError, open_store

from .sdk import ITEMS, NEW, alike, execute, foreign_content, sdk_session, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sessions import SQLiteSession, Store

    Ours = Callable[..., SQLiteSession]

SOMEBODY_ELSES = {
    "no session_id": "create table agent_messages (id integer primary key, body text)",
    "no message_data": "create table agent_messages (id integer primary key, session_id, created_at)",
    "no id": "create table agent_messages (session_id primary key, message_data, created_at) without rowid",
    "a view": "create view agent_messages as select 1 as id, 'u' as user",
}


# Fails without: log/adopt/sdk_catalog.py, `columns <= types.keys()`
@pytest.mark.parametrize("table", SOMEBODY_ELSES.values(), ids=SOMEBODY_ELSES.keys())
async def test_a_table_that_is_somebody_elses_is_left_alone(path: Path, ours: Ours, store: Store, table: str) -> None:
    execute(path, table)
    before = foreign_content(path)

    assert await ours().get_items() == []
    await ours().add_items(NEW)
    await ours().add_items(NEW, idempotency_key="k")
    assert await ours().pop_item() == NEW[0]
    await ours().clear_session()
    assert await store.delete("u") is True

    assert foreign_content(path) == before


async def test_a_table_that_was_named_and_is_not_the_sdks_is_an_error(path: Path, ours: Ours) -> None:
    execute(path, "create table talks (id integer primary key, session_id, body)")

    with pytest.raises(StoreError, match="session 'u': the table talks is not one of the OpenAI Agents SDK"):
        await ours(messages_table="talks").get_items()
    with pytest.raises(StoreError, match="Nothing was changed"):
        await ours(messages_table="talks").add_items(NEW)


async def test_messages_without_the_table_of_sessions_are_enough(path: Path, ours: Ours) -> None:
    await write(path)
    execute(path, "drop table agent_sessions")

    assert alike(await ours().get_items()) == alike(ITEMS)


@pytest.mark.parametrize(
    "name",
    [
        "agent_messages; drop table agent_messages",
        'agent_messages" where 1 = 1 --',
        "agent messages",
        "1st",
        "",
        "a" * 64,
        "mess\0ages",
        "näme",
        "a.main.agent_messages",
        '"agent messages',
        '"agent:messages"',
        '"agent{messages}"',
        '""',
        ".agent_messages",
        None,
        7,
    ],
    ids=ascii,
)
@pytest.mark.parametrize("argument", ["sessions_table", "messages_table"])
def test_what_cannot_name_a_table_is_refused(path: Path, ours: Ours, argument: str, name: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="cannot be the name of a table"):
        ours(**{argument: name})
    with pytest.raises((ValueError, TypeError), match="cannot be the name of a table"):
        open_store(f"sqlite:///{path}", **{argument: name})
    assert not path.exists()


async def test_words_of_sql_can_be_names(path: Path, ours: Ours) -> None:
    execute(path, 'create table "select" (id integer primary key, session_id, message_data, created_at)')
    execute(path, """insert into "select" values (1, 'u', '{"role": "user", "content": "new"}', null)""")

    assert await ours(messages_table="select", sessions_table="order").get_items() == NEW


# Fails without: log/adopt/branches.py, `found.setdefault(place.branch, {})`
async def test_of_a_conversation_with_branches_the_main_one_goes_on(path: Path, ours: Ours) -> None:
    async with sdk_session("AdvancedSQLiteSession", path) as theirs:
        await theirs.add_items([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}])
        await theirs.add_items([{"role": "user", "content": "c"}])
        await theirs.create_branch_from_turn(2, "what-if")
        await theirs.add_items([{"role": "user", "content": "X"}])
        await theirs.switch_to_branch("main")
        await theirs.add_items([{"role": "assistant", "content": "d"}])

    assert [item["content"] for item in await ours().get_items()] == ["a", "b", "c", "d"]


# Fails without: log/adopt/sdk_tables.py, `where {of_session}` in _PLACES
async def test_branches_of_another_conversation_do_not_matter(path: Path, ours: Ours) -> None:
    """Messages of two pairs of tables have the same ids."""
    async with sdk_session("AdvancedSQLiteSession", path, "other") as theirs:
        await theirs.add_items([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}])
        await theirs.create_branch_from_turn(2, "what-if")
        for _ in ITEMS:
            await theirs.add_items([{"role": "user", "content": "X"}])
    await write(path, sessions_table="talks", messages_table="lines_of_talks")

    assert alike(await ours(sessions_table="talks", messages_table="lines_of_talks").get_items()) == alike(ITEMS)
