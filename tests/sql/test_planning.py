"""What Postgres's planner makes of our statements when there are many entries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import SQLAlchemySession
from sessions.db.dialect import POSTGRES
from sessions.db.sqlalchemy.planner import FEW
from sessions.db.transaction import Statement
from sessions.db.words import words
from sessions.log.fast.encrypted_statements import ENCRYPTED_TAIL, ENCRYPTED_TAIL_FORKED
from sessions.log.fast.statements import TAIL, TAIL_FORKED
from sessions.log.schema import LOG

if TYPE_CHECKING:
    from .servers import Postgres


@pytest.mark.parametrize(
    "statement",
    [TAIL, TAIL_FORKED, ENCRYPTED_TAIL, ENCRYPTED_TAIL_FORKED],
    ids=["tail", "tail of a fork", "encrypted tail", "encrypted tail of a fork"],
)
async def test_reads_are_planned_for_few_rows(postgres: Postgres, statement: Statement) -> None:
    """
    At 100,000 times this cost a server would compile each read, and start workers for it.

    Fails without: db/sqlalchemy/planner.py, `* _TIMES`.
    """
    url = postgres.new_database()
    session = SQLAlchemySession.from_url("s", url=url, create_tables=True)
    await session.add_items([{"role": "user", "content": "1"}])
    await session._sql.aclose()
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        # Conversations that go on at the same time: the order of ids is not that of the table.
        await connection.execute(
            """
            insert into agent_log_entries (id, version, turn, kind, created_at, payload)
            select (1000 + g % 1000) * 268435456::bigint + g / 1000, 1, 1, 'user', 1, '{}'
            from generate_series(1, 300000) g
            """
        )
        await connection.execute("analyze")
        await connection.execute("set plan_cache_mode = force_generic_plan")
        (sql,) = statement.render(POSTGRES, {**words((LOG,), POSTGRES), **FEW})
        await connection.execute(f"prepare read as {sql}")
        plan = json.loads(await connection.fetchval("explain (format json) execute read('s', 50, null, 1, 0, 0, null)"))
    finally:
        await connection.close()
    assert plan[0]["Plan"]["Total Cost"] < 200


_SETTINGS = Statement(
    "What concerns plans.", "select current_setting('jit'), current_setting('max_parallel_workers_per_gather')"
)


@pytest.mark.parametrize("write", [False, True], ids=["read", "write"])
@pytest.mark.parametrize(
    ("driver", "options"),
    [("asyncpg", {}), ("psycopg", {}), ("psycopg", {"prepare_threshold": 0})],
    ids=["asyncpg", "psycopg", "psycopg that prepares everything"],
)
async def test_transactions_are_neither_compiled_nor_parallel(
    postgres: Postgres, driver: str, options: dict[str, int], *, write: bool
) -> None:
    """
    And what else is done with the engine's connections is as before.

    Fails without: db/postgres/database.py, or database.py, `FOR_THIS_TRANSACTION`;
    db/sqlalchemy/planner.py, `true` (as `false`).
    """
    engine = create_async_engine(
        f"postgresql+{driver}://{postgres.new_database().partition('://')[2]}", pool_size=1, connect_args=options
    )
    try:
        session = SQLAlchemySession("s", engine=engine, create_tables=True)
        await session.add_items([{"role": "user", "content": "1"}])
        database = session._sql._database()
        found = await (database.write if write else database.read)(lambda tx: tx.one(_SETTINGS), "test")
        assert found
        assert tuple(found) == ("off", "0")
        async with engine.connect() as connection:
            assert tuple((await connection.execute(text(_SETTINGS.sql))).one()) == ("on", "2")
    finally:
        await engine.dispose()
