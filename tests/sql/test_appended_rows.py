"""What Postgres's hot path stores of an item beside its payload is what the log's own function stores."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from sessions import ConflictError, SQLAlchemySession
from sessions.codecs.json import JSONCodec
from sessions.db.postgres.database import AsyncpgDatabase
from sessions.db.sqlalchemy.database import Database
from sessions.items.calls import classify
from sessions.log.adopt.sdk import SDKSessions
from sessions.log.append import Append
from sessions.log.component import conversations
from sessions.log.conversation import Conversation, ForeignTables
from sessions.log.core.extend import NewEntry
from sessions.log.fast.statements import APPEND, APPEND_MANY, BEGIN

from .network import message

if TYPE_CHECKING:
    from sessions.db.transaction import Statement
    from sessions.session.base import LogSession

    from .databases import Lend
    from .servers import Postgres

_CODEC = JSONCodec()
_SHORT = [{"role": "assistant", "content": "How can I help?"}]
_MIXED = [
    {"role": "system", "content": "Be brief."},
    message("one"),
    {"type": "function_call", "call_id": "1", "name": "look", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "1", "output": "no"},
    {"type": "word\u2028of its own", "name": "look"},
    {"type": "web_search_call", "id": "ws"},
    message("two"),
    message("three"),
    {"type": "function_call", "call_id": "2", "name": 'quo"te,{NULL}\n', "arguments": "{}"},
]


def _calls(count: int) -> list[dict[str, Any]]:
    return [
        item
        for number in range(count)
        for item in (
            message(str(number)),
            {"type": "function_call", "call_id": "", "name": f"tool {number}", "arguments": "{}"},
        )
    ]


@pytest.mark.parametrize(
    "items",
    [_SHORT, _MIXED, _calls(255) * 2, _calls(256) * 2],
    ids=["no turn", "mixed", "256 kinds and tools", "257 kinds and tools"],
)
@pytest.mark.parametrize("together", [False, True], ids=["alone", "with others"])
async def test_the_hot_path_stores_what_the_logs_function_does(
    postgres: Postgres, items: list[dict[str, Any]], *, together: bool
) -> None:
    """
    Fails without: log/fast/statements.py, `width_bucket`, `1 + get_byte`, `+ e.turns`; log/fast/append_values.py,
    `> _MAX_NUMBERS`.
    """
    url = postgres.new_database()
    engine = create_async_engine(url)
    hot, other, plain = (
        SQLAlchemySession(name, engine=engine, create_tables=True) for name in ("hot", "other", "plain")
    )
    for session in (hot, other, plain):
        await session.as_author("first").add_items(_MIXED)
    hot = hot.as_author("second")
    await asyncio.gather(*(session.add_items(items) for session in ((hot, other, other) if together else (hot,))))
    components = [conversations(ForeignTables())]
    await _append_by_the_log(Database(engine, create_tables=False, components=components), "plain", items)
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    stored = {name: await _stored(connection, name) for name in ("hot", "plain")}
    await connection.close()
    await engine.dispose()
    assert stored["hot"] == stored["plain"]
    assert len(stored["hot"]) == len(_MIXED) + len(items)


async def _append_by_the_log(database: Database, session_id: str, items: list[dict[str, Any]]) -> None:
    known = zip(_CODEC.encode_all(items), classify(items), strict=True)
    entries = [NewEntry(payload, kind, tool_name, "second") for payload, (kind, tool_name) in known]
    await database.write(Append(Conversation(session_id, _CODEC, SDKSessions(ForeignTables())), entries, 1), session_id)


async def _stored(connection: Any, session_id: str) -> list[tuple[Any, ...]]:
    rows = await connection.fetch(
        "select e.id % 268435456, e.turn, b.turn, b.tip, e.version, e.kind, e.tool_name, e.author, e.payload "
        "from agent_log_entries e join agent_log_branches b on b.segment = e.id >> 28 "
        "join agent_log_sessions s on s.id = b.session where s.session_id = $1 order by e.id",
        session_id,
    )
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("ttl", [None, 3600], ids=["for ever", "expiring"])
async def test_a_session_that_one_statement_makes_has_the_rows_that_the_logs_function_makes(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch, lend: Lend, ttl: float | None
) -> None:
    """
    Fails without: log/fast/statements.py, `BEGIN`: each of its columns.
    """
    url = lend(postgres)
    engine = create_async_engine(url)
    monkeypatch.setattr("sessions.session.adding.now", lambda: 4_000_000_000_000_000)
    began = []
    fetch = AsyncpgDatabase.fetch

    async def noted(self: AsyncpgDatabase, statement: Statement, *values: Any, **options: Any) -> list[Any]:
        rows = await fetch(self, statement, *values, **options)
        began.append(statement is BEGIN and bool(rows))
        return rows

    monkeypatch.setattr(AsyncpgDatabase, "fetch", noted)
    # The first one finds that there are no tables of the SDK's, so the log's own function makes it.
    for name in ("plain", "fast"):
        await (
            SQLAlchemySession(name, engine=engine)
            .as_author("first")
            .add_items(_MIXED, idempotency_key="k", ttl=ttl, expected_version=0)
        )
    assert sum(began) == 1
    with pytest.raises(ConflictError):
        await SQLAlchemySession("none", engine=engine).add_items(_MIXED, expected_version=1)
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    rows = {name: [await _all_rows(connection, table, name) for table in _OF_A_SESSION] for name in ("plain", "fast")}
    await connection.close()
    await engine.dispose()
    assert rows["fast"] == rows["plain"]
    assert all(rows["fast"])


@pytest.mark.parametrize("together", [False, True], ids=["alone", "with others"])
async def test_only_for_a_session_that_is_not_there_the_statement_that_makes_one_is_tried(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch, lend: Lend, *, together: bool
) -> None:
    """A branch that has forked, or a key that was seen, goes to the log's own function at once.

    Fails without: log/fast/postgres.py, `job in new`; log/fast/statements.py, each `union all` of APPEND and
    APPEND_MANY.
    """
    engine = create_async_engine(lend(postgres))
    forked, keyed, other = (SQLAlchemySession(name, engine=engine) for name in ("forked", "keyed", "other"))
    for session in (forked, keyed, other):
        await session.add_items(_MIXED, idempotency_key="k")
    await forked.branches.create("tip", turn=3, switch=True)
    tried: list[Statement] = []
    fetch = AsyncpgDatabase.fetch

    async def noted(self: AsyncpgDatabase, statement: Statement, *values: Any, **options: Any) -> list[Any]:
        tried.append(statement)
        return await fetch(self, statement, *values, **options)

    monkeypatch.setattr(AsyncpgDatabase, "fetch", noted)
    fast = APPEND_MANY if together else APPEND

    async def add(session: LogSession, **options: Any) -> None:
        tried.clear()
        others = [other.add_items(_SHORT)] if together else []
        await asyncio.gather(session.add_items([message("more")], **options), *others)

    await add(forked)
    assert tried == [fast]
    await forked.undo()
    await add(keyed, idempotency_key="other key")
    assert tried == [fast]
    await keyed.add_items(_MIXED, idempotency_key="k")
    assert BEGIN not in tried
    await add(SQLAlchemySession("new", engine=engine))
    assert tried == [fast, BEGIN]
    assert [len(await one.get_items()) for one in (forked, keyed)] == [7, 10]
    await engine.dispose()


_OF_A_SESSION = {
    "sessions": "id = $1",
    "segments": "session = $1",
    "branches": "session = $1",
    "entries": "id >> 28 in (select id from agent_log_segments where session = $1)",
    "appends": "session = $1",
}


async def _all_rows(connection: Any, table: str, session_id: str) -> list[dict[str, Any]]:
    """Return a session's rows of a table, without ids and without the time of the database."""
    session = await connection.fetchval("select id from agent_log_sessions where session_id = $1", session_id)
    rows = await connection.fetch(f"select * from agent_log_{table} where {_OF_A_SESSION[table]} order by 1", session)  # noqa: S608
    found = [dict(row) for row in rows]
    for row in found:
        for column in ("session", "session_id", "segment", "until"):
            row.pop(column, None)
        if "id" in row:
            row["id"] = row["id"] % (1 << 28) if table == "entries" else 0
    return found
