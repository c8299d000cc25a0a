"""The flat methods of the SDK's `AdvancedSQLiteSession` on every database, beside the SDK's own on SQLite."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from agents.extensions.memory.advanced_sqlite_session import AdvancedSQLiteSession as SDKSession
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from sessions import AdvancedSQLAlchemySession
from tests.advanced.beside import Beside, comparable, turn, user
from tests.advanced.results import result

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[SDKSession]:
    session = SDKSession(session_id="u", db_path=tmp_path / "theirs.db", create_tables=True)
    yield session
    session.close()


@pytest.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    made = create_async_engine(url)
    yield made
    await made.dispose()


@pytest.fixture
def both(url: str, theirs: SDKSession) -> Beside:
    ours: Any = AdvancedSQLAlchemySession.from_url("u", url=url, create_tables=True)
    return Beside(ours, theirs)


async def test_a_conversation_with_branches_and_usage(both: Beside) -> None:
    await both.reads()
    await both.same("add_items", [{"role": "system", "content": "rules"}, *turn("a")])
    await both.same("store_run_usage", result(1000))
    await both.same("add_items", turn("b"))
    await both.same("store_run_usage", result(200, requests=2))
    await both.reads("main")
    for method in ("get_session_usage", "get_turn_usage"):
        await both.same(method)
    assert await both.same("create_branch_from_turn", 2, "what-if") == "what-if"
    await both.same("add_items", turn("x"))
    await both.same("store_run_usage", result(50))
    await both.same("get_turn_usage", 2)
    await both.same("add_items", [user("Ask the question again")])
    assert str(await both.same("create_branch_from_content", "AGAIN")).startswith("branch_from_turn_3_")
    await both.reads("main", "what-if")
    await both.same("create_branch_from_turn", 7)
    await both.same("create_branch_from_turn", 1, "what-if")
    await both.same("switch_to_branch", "nowhere")
    await both.same("switch_to_branch", "what-if")
    await both.same("delete_branch", "what-if")
    await both.same("delete_branch", "main", force=True)
    await both.same("delete_branch", "what-if", force=True)
    await both.same("pop_item")
    await both.reads("main")
    found = await both.ours.get_session_usage()
    assert found is not None
    assert found["input_tokens"] == 1250


async def test_names_are_made_up_by_many_at_once(url: str) -> None:
    session = AdvancedSQLAlchemySession.from_url("u", url=url, create_tables=True)
    await session.add_items([*turn("a"), *turn("b")])

    made = await asyncio.gather(*(session.on_branch("main").create_branch_from_turn(2) for _ in range(4)))

    assert len(set(made)) == len(made)
    assert {branch["branch_id"] for branch in await session.list_branches()} == {"main", *made}


_TABLES = (
    """
    create table agent_messages (
        id bigint primary key, session_id varchar(99), message_data text, created_at varchar(99)
    )
    """,
    """
    create table message_structure (
        id bigint, session_id varchar(99), message_id bigint, branch_id varchar(99), message_type varchar(99),
        sequence_number bigint, user_turn_number bigint, branch_turn_number bigint, tool_name varchar(99),
        created_at varchar(99)
    )
    """,
    """
    create table turn_usage (
        id bigint, session_id varchar(99), branch_id varchar(99), user_turn_number bigint, requests bigint,
        input_tokens bigint, output_tokens bigint, total_tokens bigint, input_tokens_details text,
        output_tokens_details text, created_at varchar(99)
    )
    """,
)


async def _move(theirs: SDKSession, engine: AsyncEngine) -> None:
    """Copy the SDK's tables to another database, as somebody does who leaves SQLite; on MariaDB the text is Latin-1.

    Fails without: log/adopt/sdk_tables.py, `convert({0} using utf8mb4)`.
    """
    latin1 = " character set latin1" if engine.dialect.name == "mysql" else ""
    async with engine.begin() as connection:
        for table, create in zip(("agent_messages", "message_structure", "turn_usage"), _TABLES, strict=True):
            await connection.execute(text(create + latin1))
            with theirs._locked_connection() as file:
                cursor = file.execute(f"select * from {table}")  # noqa: S608
                columns = [column[0] for column in cursor.description]
                rows = [dict(zip(columns, row, strict=True)) for row in cursor]
            values = ", ".join(f":{column}" for column in columns)
            await connection.execute(
                text(f"insert into {table} ({', '.join(columns)}) values ({values})"),  # noqa: S608
                rows,
            )


async def test_branches_and_usage_that_were_moved_here_are_taken_over(theirs: Any, engine: AsyncEngine) -> None:
    await theirs.add_items([*turn("a"), *turn("b")])
    await theirs.store_run_usage(result(100))
    await theirs.create_branch_from_turn(2, "what if it rains in Zürich?")
    await theirs.add_items(turn("x"))
    await theirs.store_run_usage(result(20))
    await theirs.create_branch_from_turn(2, "deep")
    await theirs.add_items([user("deep")])
    await _move(theirs, engine)

    sessions = [AdvancedSQLAlchemySession("u", engine=engine, create_tables=True) for _ in range(4)]
    await sessions[0]._sql.migrate()
    await asyncio.gather(*(session.get_items(branch_id="deep") for session in sessions))

    ours = sessions[0]
    for branch in ("main", "what if it rains in Zürich?", "deep"):
        assert await ours.get_items(branch_id=branch) == await theirs.get_items(branch_id=branch)
        assert await ours.get_conversation_by_turns(branch) == await theirs.get_conversation_by_turns(branch)
    for turn_number, branch in ((2, "main"), (2, "what if it rains in Zürich?")):
        found = await ours.get_turn_usage(turn_number, branch)
        assert comparable("", found) == comparable("", await theirs.get_turn_usage(turn_number, branch))
    assert len(await ours.list_branches()) == 3
    assert (await ours.usage.total()).input_tokens == 120
